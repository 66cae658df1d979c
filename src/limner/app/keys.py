"""The keys of a workspace: where they are, who unwraps them, and a new one for the vault."""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from limner.core.errors import BadInput, Broken, NotFound, words
from limner.core.settings import KeySettings

if TYPE_CHECKING:
    from limner.app.workspace import Workspace

NO_KEY = words(
    "key_missing", "The key {name} is not at {place}. Put it back: without it the identifiers cannot be matched."
)
BAD_KEY = words("key_bad", "The key {name} at {place} must be 32 bytes written as 64 hex digits.")
NO_SECRET = words("secret_missing", "The secret {place} is not there. Set the variable or write the file it names.")
KEY_STAYS = words(
    "rekey_needs_place",
    "A variable cannot be written from here, so {place} stays as it is. Put a new key (64 hex digits) into another "
    "variable or file and run `limner privacy rekey --to env:NAME`.",
)

NEXT: Final = ".next"
"""Ends the name of a key that is on its way to take another's place."""

BYTES: Final = 32


def secret(folder: Path, place: str) -> str:
    """The secret that env:NAME or file:PATH names."""
    kind, _, rest = place.partition(":")
    if kind == "env" and os.environ.get(rest):
        return os.environ[rest]
    path = folder / rest
    if kind == "file" and path.is_file():
        return path.read_text(encoding="utf-8").strip()
    raise NotFound(NO_SECRET, place=place)


def key_at(folder: Path, name: str, place: str) -> bytes:
    """The key that env:NAME or file:PATH names, 32 bytes."""
    try:
        found = bytes.fromhex(secret(folder, place))
    except NotFound:
        raise Broken(NO_KEY, name=name, place=place) from None
    except ValueError:
        raise BadInput(BAD_KEY, name=name, place=place) from None
    if len(found) != BYTES:
        raise BadInput(BAD_KEY, name=name, place=place)
    return found


def vault_keys(folder: Path, keys: KeySettings) -> tuple[bytes, tuple[bytes, ...]]:
    """The vault's master, and the one that is about to take its place when a rekey was cut off."""
    kept = _kept(folder, keys, keys.vault)
    if kept is None:
        return key_at(folder, "vault", keys.vault), ()
    if not kept.path.exists() and keys.vault.startswith("kms:"):
        kept.write(secrets.token_bytes(BYTES))
    ahead = kept.beside(NEXT)
    return kept.read(), (ahead.read(),) if ahead.path.exists() else ()


@dataclass(frozen=True, slots=True)
class _Kept:
    """A key in a file, as hex digits or wrapped by a key service."""

    path: Path
    place: str
    wrap: Callable[[bytes], str]
    unwrap: Callable[[str], bytes]

    def beside(self, ending: str) -> _Kept:
        return _Kept(self.path.with_name(self.path.name + ending), self.place, self.wrap, self.unwrap)

    def read(self) -> bytes:
        if not self.path.is_file():
            raise Broken(NO_KEY, name="vault", place=self.place)
        try:
            found = self.unwrap(self.path.read_text(encoding="ascii").strip())
        except (ValueError, binascii.Error):
            raise BadInput(BAD_KEY, name="vault", place=self.place) from None
        if len(found) != BYTES:
            raise BadInput(BAD_KEY, name="vault", place=self.place)
        return found

    def write(self, key: bytes) -> None:
        """Write it for the owner only, and wait for the disk."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(self.wrap(key) + "\n")
            file.flush()
            os.fsync(file.fileno())


def _kept(folder: Path, keys: KeySettings, place: str) -> _Kept | None:
    """The file a key lies in; None for a variable."""
    from limner.store.kms import kms_of

    kind, _, rest = place.partition(":")
    if kind == "file":
        return _Kept(folder / rest, place, lambda key: key.hex(), bytes.fromhex)
    if kind != "kms":
        return None
    known = kms_of(rest, keys.kms)
    path = folder / "state" / "keys" / f"{Path(rest).name}.wrapped"
    return _Kept(
        path, place, lambda key: base64.b64encode(known.wrap(key)).decode(), lambda t: known.unwrap(base64.b64decode(t))
    )


@dataclass(frozen=True, slots=True)
class Rekeyed:
    """What a rekey did: how many keys it wrapped anew, where the new master lies, whether limner.toml must say so."""

    addresses: int
    place: str
    is_setting_stale: bool


def rekey(shop: Workspace, *, to: str | None = None) -> Rekeyed:
    """Give the vault a new master and wrap all its keys anew; the sealed addresses are not touched.

    A key in a file, or at a key service, is replaced where it is. `to` names another place (env:, file: or kms:), which
    [keys] vault must name afterwards. A rekey that was cut off goes on when it is run again. Busy while a server
    runs: it would go on with the old master.
    """
    from limner.app.auditing import note

    keys, folder, now = shop.settings.keys, shop.folder, shop.clock()
    target = _kept(folder, keys, to or keys.vault)
    if target is None and to is None:
        raise BadInput(KEY_STAYS, place=keys.vault)
    with shop.stores.ledger.lease("serve", now, "privacy rekey"), shop.keeper(now, "privacy rekey"):
        if target is None:
            fresh = key_at(folder, "vault", to or "")
        else:
            ahead = target if to and to != keys.vault else target.beside(NEXT)
            if not ahead.path.exists():
                ahead.write(secrets.token_bytes(BYTES))
            fresh = ahead.read()
        count = shop.stores.vault.rekey(fresh, shop.tell)
        if target is not None and target.beside(NEXT).path.exists():
            target.beside(NEXT).path.replace(target.path)
        note(shop, "privacy rekey", {"addresses": count, "place": to or keys.vault})
    return Rekeyed(count, to or keys.vault, bool(to and to != keys.vault))
