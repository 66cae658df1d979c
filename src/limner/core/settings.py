"""The settings of a workspace: limner.toml and LIMNER_<SECTION>_<KEY>, read once into one frozen value."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any
from zoneinfo import ZoneInfo

from limner.core.errors import BadDefinition, near, words

BAD_TOML = words("settings_unreadable", "{place} is not valid TOML: {why}.")
UNKNOWN_SETTING = words("setting_unknown", "{place}: there is no setting [{section}] {key}.")
BAD_SETTING = words("setting_bad", "{place}: [{section}] {key} is {value!r}, it must be {bound}.")


@dataclass(frozen=True, slots=True)
class WorkspaceSettings:
    """[workspace]"""

    name: str = "workspace"
    zone: str = "Asia/Shanghai"
    currency: str = "CNY"
    locale: str = "zh"


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """[stores] paths relative to the workspace, or URLs (of the ledger and the stream). `spool` is where requests wait
    that a stream elsewhere cannot take at the moment."""

    ledger: str = "state/ledger.db"
    lake: str = "state/lake"
    gallery: str = "state/gallery"
    vault: str = "state/vault.db"
    stream: str = "state/stream"
    spool: str = "state/spool"


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """[limits] memory in MiB for the engine, threads (0: all), disk_free in MiB below which nothing is written, leaves
    in MiB for the sets of conditions lately asked for."""

    memory: int = 4096
    threads: int = 0
    disk_free: int = 200
    leaves: int = 256


@dataclass(frozen=True, slots=True)
class KeySettings:
    """[keys] where the keys are: file:PATH or env:NAME; the vault's may be kms:NAME, wrapped by a key service. `kms`
    is the command that stands for every key service (none: a kind of the group limner.kms). `stream` seals what is
    written to Kafka (empty: a key made of the hash key)."""

    hash: str = "file:state/keys/hash.key"
    vault: str = "file:state/keys/vault.key"
    kms: str = ""
    stream: str = ""


@dataclass(frozen=True, slots=True)
class IdentitySettings:
    """[identity] a customer with more identifiers, or an identifier with more customers, merges nobody.

    A phone that has rested for `rest_days` may belong to somebody else: carriers give none out again before 90.
    """

    identifiers_per_customer: int = 60
    customers_per_identifier: int = 5
    rest_days: int = 90


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """[serve] where the token is that HTTP asks for (env:NAME or file:PATH; not there: this machine only), the other
    host names it may be asked by, the roles of whoever asks (both lists with commas), the most bytes of a request."""

    token: str = "env:LIMNER_TOKEN"  # noqa: S105 - where the token is, not the token
    hosts: str = ""
    roles: str = "analyst"
    most: int = 1 << 20


@dataclass(frozen=True, slots=True)
class EnrichSettings:
    """[enrich] files the operator supplies, relative to the workspace (empty: none): an IP database (.xdb of ip2region
    or .mmdb), and phone prefixes (CSV or Parquet: prefix, province, city, carrier)."""

    ip_database: str = ""
    phone_prefixes: str = ""


@dataclass(frozen=True, slots=True)
class PrivacySettings:
    """[privacy] what a tag or model is for that names no purpose, and the purposes that ask for a person's express
    consent (both lists with commas; `*` is every purpose, and empty none). Of fewer customers than `least_group`
    portraits and counts tell nothing."""

    purposes: str = "*"
    consent: str = ""
    least_group: int = 1


@dataclass(frozen=True, slots=True)
class TagSettings:
    """[tags] whether a tag, and each change of one, counts only once somebody has approved it: required or none."""

    approval: str = "none"


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a workspace."""

    workspace: WorkspaceSettings = WorkspaceSettings()
    stores: StoreSettings = StoreSettings()
    limits: LimitSettings = LimitSettings()
    keys: KeySettings = KeySettings()
    identity: IdentitySettings = IdentitySettings()
    serve: ServeSettings = ServeSettings()
    enrich: EnrichSettings = EnrichSettings()
    privacy: PrivacySettings = PrivacySettings()
    tags: TagSettings = TagSettings()

    @property
    def zone(self) -> ZoneInfo:
        """The workspace's zone."""
        return ZoneInfo(self.workspace.zone)


def read_settings(text: str, environ: Mapping[str, str], place: str = "limner.toml") -> Settings:
    """Read the settings; an unknown section or key is an error that names what may have been meant.

    >>> read_settings("[workspace]\\nname = 'shop'", {"LIMNER_WORKSPACE_LOCALE": "en"}).workspace.locale
    'en'
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadDefinition(BAD_TOML, place=place, why=str(error)) from None
    settings = Settings()
    sections = {f.name for f in fields(Settings)}
    for section, body in document.items():
        if section not in sections or not isinstance(body, dict):
            raise BadDefinition(UNKNOWN_SETTING, near=near(section, sections), place=place, section=section, key="…")
        for key, value in body.items():
            settings = _set(settings, section, key, value, place)
    for variable, value in environ.items():
        section, _, key = variable.removeprefix("LIMNER_").lower().partition("_")
        if variable.startswith("LIMNER_") and section in sections:
            settings = _set(settings, section, key, value, variable)
    _check_values(settings, place)
    return settings


def _set(settings: Settings, section: str, key: str, value: Any, place: str) -> Settings:
    part = getattr(settings, section)
    known = {f.name: getattr(part, f.name) for f in fields(part)}
    if key not in known:
        raise BadDefinition(UNKNOWN_SETTING, near=near(key, known), place=place, section=section, key=key)
    wanted = type(known[key])
    if wanted is int and isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    if type(value) is not wanted or (wanted is int and value < 0):
        bound = "a whole number, 0 or more" if wanted is int else "text in quotes"
        raise BadDefinition(BAD_SETTING, place=place, section=section, key=key, value=value, bound=bound)
    return replace(settings, **{section: replace(part, **{key: value})})


def _check_values(settings: Settings, place: str) -> None:
    try:
        ZoneInfo(settings.workspace.zone)
    except (KeyError, ValueError, OSError):
        raise BadDefinition(
            BAD_SETTING,
            place=place,
            section="workspace",
            key="zone",
            value=settings.workspace.zone,
            bound="a zone of the IANA list, such as Asia/Shanghai",
        ) from None
    _one_of(settings.workspace.locale, ("zh", "en"), "workspace", "locale", place)
    _one_of(settings.tags.approval, ("none", "required"), "tags", "approval", place)


def _one_of(value: str, among: tuple[str, ...], section: str, key: str, place: str) -> None:
    if value not in among:
        bound = " or ".join(among)
        raise BadDefinition(
            BAD_SETTING, near=near(value, among), place=place, section=section, key=key, value=value, bound=bound
        )
