"""Hashed addresses as advertising platforms ask for them. A hashed phone is still personal: there are few enough phone
numbers to try them all."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Final, Literal

from limner.core.errors import BadInput, near, words

NO_PLATFORM = words("platform_unknown", "There is no format {name!r}. Known are {known}.")
NO_KIND = words(
    "platform_address_unknown",
    "{platform} takes no {kind} addresses; it takes {known}. Name a channel with one of those.",
)

_GMAIL: Final = frozenset({"gmail.com", "googlemail.com"})


@dataclass(frozen=True, slots=True)
class Platform:
    """How one platform wants addresses: the hash, the head of the column (empty: none) and the form of each kind."""

    name: str
    hash: Literal["sha256", "md5"]
    heads: dict[str, str]
    phone: str = ""
    email: str = ""

    def check(self, kind: str) -> None:
        """Refuse a kind of address that the platform does not take."""
        known = [one for one in ("phone", "email") if getattr(self, one)]
        if kind not in known:
            raise BadInput(NO_KIND, platform=self.name, kind=kind, known=", ".join(known))

    def hashed(self, kind: str, raw: str) -> str | None:
        """The hash of a normal address in hex; None where it has no form there.

        >>> platform("tencent").hashed("phone", "+8613800000000")
        '5daad257487f1b493114181a22e37eb5'
        >>> platform("tencent").hashed("phone", "+16577770000") is None
        True
        """
        form = _FORMS[getattr(self, kind)](raw)
        if form is None:
            return None
        return hashlib.new(self.hash, form.encode(), usedforsecurity=False).hexdigest()


def _home(raw: str) -> str | None:
    return raw.removeprefix("+86") if raw.startswith("+86") else None


def _gmail(raw: str) -> str:
    local, _, domain = raw.rpartition("@")
    return f"{local.replace('.', '')}@{domain}" if domain in _GMAIL else raw


_FORMS: Final = {
    "e164": lambda raw: raw,
    "digits": lambda raw: raw.removeprefix("+"),
    "home": _home,
    "lower": str.lower,
    "gmail": _gmail,
}


def _read() -> dict[str, Platform]:
    body = resources.files("limner.flow.audiences").joinpath("platforms.toml").read_text("utf-8")
    return {name: Platform(name, **one) for name, one in tomllib.loads(body).items()}


PLATFORMS: Final = _read()
"""The platforms that are known, and the plain forms sha256 and md5."""


def platform(name: str) -> Platform:
    """The platform of that name."""
    if name not in PLATFORMS:
        raise BadInput(NO_PLATFORM, near=near(name, PLATFORMS), name=name, known=", ".join(PLATFORMS))
    return PLATFORMS[name]


def every_hash(kind: str, raw: str) -> frozenset[str]:
    """Every form in which an address may stand in a file made for a platform."""
    if kind not in ("phone", "email"):
        return frozenset()
    found = {one.hashed(kind, raw) for one in PLATFORMS.values() if getattr(one, kind)}
    return frozenset(one for one in found if one)
