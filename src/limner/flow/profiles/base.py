"""The contract of a merge rule: of several statements of a trait by one customer's identifiers, which one counts."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from limner.core.registry import Registry

Ints = npt.NDArray[np.int64]


class MergeRule(Protocol):
    """Picks one statement per customer out of statements sorted by (customer, happened_at, seq)."""

    def __call__(self, number: Ints) -> Ints:
        """The positions of the statements that count, one per customer; `number` has shape (n,), sorted."""
        ...


MERGE_RULES: Registry[MergeRule] = Registry("merge rule", "limner.flow.profiles", "limner.merge_rules")
merge_rule = MERGE_RULES.kind
