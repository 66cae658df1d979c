"""The largest likelihood over positive parameters, with what is known about them from its curvature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from limner.core.errors import BadInput, words
from limner.maths.extras import need

NOT_FOUND = words("likelihood_no_maximum", "The likelihood of {model} has no maximum that could be found: {why}")

Floats = npt.NDArray[np.float64]
Slope = Callable[[Floats], tuple[float, Floats]]
_FAR = 12.0
_STEP = 1e-4
_Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Peak:
    """Where the likelihood is largest: the parameters, the covariance of their logarithms (None where the likelihood
    is flat there, so that the rows cannot tell them), and the log-likelihood of all rows."""

    values: tuple[float, ...]
    covariance: Floats | None
    likelihood: float

    @property
    def intervals(self) -> tuple[tuple[float, float], ...] | None:
        """95 % intervals from the observed information, on the scale of logarithms; None where it is flat."""
        if self.covariance is None:
            return None
        half = _Z * np.sqrt(np.diag(self.covariance))
        ends = ((v * np.exp(-h), v * np.exp(h)) for v, h in zip(self.values, half, strict=True))
        return tuple((float(low), float(high)) for low, high in ends)


def peak(slope: Slope, start: Floats, *, rows: float, model: str) -> Peak:
    """Climb from `start`: `slope` gives, for parameters (p,), the mean log-likelihood of a row and its gradient (p,).

    Parameters are searched as logarithms, each within e^±12. BadInput when the search does not end. Method: L-BFGS-B;
    the observed information is the derivative of the gradient, by central differences.
    """

    def down(logs: Floats) -> tuple[float, Floats]:
        values = np.exp(logs)
        height, up = slope(values)
        return -height, -up * values

    optimize = need("scipy.optimize", extra="ml")
    bounds = [(-_FAR, _FAR)] * len(start)
    found = optimize.minimize(
        down, np.log(start), jac=True, method="L-BFGS-B", bounds=bounds,
        options={"maxiter": 1000, "maxfun": 5000, "ftol": 1e-15, "gtol": 1e-9},
    )  # fmt: skip
    _, left = down(found.x)
    if not np.isfinite(found.fun) or (not found.success and np.abs(left).max() > 1e-4):
        raise BadInput(NOT_FOUND, model=model, why=str(found.message))
    values = tuple(float(value) for value in np.exp(found.x))
    return Peak(values, _covariance(down, found.x, rows), float(-found.fun * rows))


def _covariance(down: Slope, logs: Floats, rows: float) -> Floats | None:
    size = len(logs)
    if (np.abs(logs) > _FAR - 1e-6).any():
        return None
    curve = np.empty((size, size))
    for at in range(size):
        step = np.zeros(size)
        step[at] = _STEP
        curve[at] = (down(logs + step)[1] - down(logs - step)[1]) / (2 * _STEP)
    curve = (curve + curve.T) / 2
    least = np.linalg.eigvalsh(curve)[0] if np.isfinite(curve).all() else 0.0
    return np.asarray(np.linalg.inv(curve * rows)) if least > 1e-9 else None
