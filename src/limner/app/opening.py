"""Making and opening a workspace: its folder, its keys, its stores."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from limner.app.keys import key_at, secret, vault_keys
from limner.core.errors import Clash, NotFound, words
from limner.core.settings import Settings, read_settings

if TYPE_CHECKING:
    from limner.store.ledger import Ledger
    from limner.store.stores import Stores
    from limner.store.stream import Stream
    from limner.store.vault import Vault

NO_WORKSPACE = words(
    "workspace_missing",
    "There is no workspace in {path}: limner.toml is not there. Make one with `limner init {path}`.",
)
WORKSPACE_THERE = words(
    "workspace_exists", "{path} already holds a workspace. Choose another folder, or go on with the one that is there."
)
LOW_DISK = words(
    "disk_low", "Only {free} MiB are free on the disk of {path}; [limits] disk_free asks for {wanted}. Free some space."
)

SETTINGS = "limner.toml"

__all__ = ["SETTINGS", "make", "make_keys", "need_room", "open_stores", "settings_of"]


def make(folder: Path | str, *, name: str = "", locale: str = "zh") -> Path:
    """Make an empty workspace: settings, folders, and two new random keys readable by the owner only."""
    folder = Path(folder)
    if (folder / SETTINGS).exists():
        raise Clash(WORKSPACE_THERE, path=folder)
    folder.mkdir(parents=True, exist_ok=True)
    text = _TEMPLATE.format(name=(name or folder.resolve().name).replace('"', ""), locale=locale)
    (folder / SETTINGS).write_text(text, encoding="utf-8")
    make_keys(folder)
    return folder


def make_keys(folder: Path) -> None:
    """Give a workspace its keys, where it has none."""
    keys = folder / "state" / "keys"
    keys.mkdir(parents=True, exist_ok=True)
    keys.chmod(0o700)
    for name in ("hash", "vault"):
        path = keys / f"{name}.key"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_hex(32) + "\n", encoding="ascii")


_TEMPLATE = """\
[workspace]
name = "{name}"
zone = "Asia/Shanghai"     # the zone of days, hours and windows
currency = "CNY"
locale = "{locale}"              # zh or en: the language of reports and messages

[limits]
memory = 4096              # MiB the engine may use before it spills to disk
threads = 0                # 0: all cores
disk_free = 200            # MiB that must stay free

[keys]
hash = "file:state/keys/hash.key"     # identifiers are hashed with it: losing it loses every match
vault = "file:state/keys/vault.key"   # addresses are sealed with it; or env:NAME, or kms:NAME
"""


def settings_of(folder: Path, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of a workspace folder."""
    path = folder / SETTINGS
    if not path.exists():
        raise NotFound(NO_WORKSPACE, path=folder)
    found = read_settings(path.read_text(encoding="utf-8"), os.environ if environ is None else environ, str(path))
    given = {name: str(folder / file) for name, file in asdict(found.enrich).items() if file}
    return replace(found, enrich=replace(found.enrich, **given))


def open_ledger(folder: Path, settings: Settings) -> Ledger:
    """Open the ledger alone; whoever asks only it needs no engine."""
    from limner.store.ledger import Ledger

    place = settings.stores.ledger
    return Ledger(place) if "://" in place else Ledger.at(folder / place)


def open_stores(folder: Path, settings: Settings) -> Stores:
    """Open every store of a workspace. What they stand on is imported here: a word about settings loads no engine."""
    from limner.core.ours import Property
    from limner.store.definitions import load_definitions
    from limner.store.gallery import Gallery
    from limner.store.lake.duckdb import DuckLake
    from limner.store.stores import Stores
    from limner.store.vault import Vault

    place = settings.stores.ledger
    if not (folder / "state" / "keys").exists() and ("://" in place or not (folder / place).exists()):
        make_keys(folder)  # a folder from version control has no state yet
    ledger = open_ledger(folder, settings)
    declared = load_definitions(ledger).of(Property)
    lake = DuckLake(
        folder / settings.stores.lake,
        ledger,
        limits=settings.limits,
        properties=[(name, value.type) for name, value in declared.items()],
        zone=settings.zone,
    )
    hash_key = key_at(folder, "hash", settings.keys.hash)
    vault = Vault(folder / settings.stores.vault, *vault_keys(folder, settings.keys))
    return Stores(
        ledger=ledger,
        lake=lake,
        gallery=Gallery(folder / settings.stores.gallery),
        vault=vault,
        stream=_stream(folder, settings, ledger, vault, hash_key),
        hash_key=hash_key,
        settings=settings,
    )


def _stream(folder: Path, settings: Settings, ledger: Ledger, vault: Vault, hash_key: bytes) -> Stream:
    """Segment files in a folder, or a topic of Kafka with a spool beside it."""
    from limner.store.stream import Segments

    place = settings.stores.stream
    if "://" not in place:
        return Segments(folder / place, vault)
    from limner.store.stream.kafka import Topic, place_of
    from limner.store.stream.kafka.seal import stream_key

    own = settings.keys.stream
    key = key_at(folder, "stream", own) if own else stream_key(hash_key)
    spool = Segments(folder / settings.stores.spool, vault)
    return Topic(place_of(place, lambda named: secret(folder, named)), key, ledger, vault, spool)


def need_room(folder: Path, settings: Settings) -> None:
    """Refuse to begin work when the disk is nearly full."""
    from limner.core.errors import Full

    free = shutil.disk_usage(folder).free >> 20
    if free < settings.limits.disk_free:
        raise Full(LOW_DISK, free=free, path=folder, wanted=settings.limits.disk_free)
