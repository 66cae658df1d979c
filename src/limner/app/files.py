"""The definitions of a folder: YAML and JSON files, one definition or a pack of them each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from limner.app.folders import know_definitions
from limner.core.definition import FOLDERS, as_mapping, read
from limner.core.errors import BadDefinition, Clash, words
from limner.core.ids import slug, version

BAD_YAML = words("yaml_unreadable", "{place} is not valid YAML: {why}.")
NOT_DEFINITIONS = words(
    "file_holds_no_definition",
    "{place} must hold one definition (a mapping) or a list of definitions with an `id` each.",
)
DEFINED_TWICE = words("definition_twice", "The {folder} id {name!r} is defined in {first} and in {second}. Rename one.")

_ENDINGS = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class Filed:
    """A definition as it stands in a file."""

    folder: str
    id: str
    value: Any
    version: str
    place: str


def read_folder(home: Path) -> dict[tuple[str, str], Filed]:
    """Every definition under a workspace folder by (folder, id). Unknown folders are left alone."""
    know_definitions()
    found: dict[tuple[str, str], Filed] = {}
    for folder in sorted(FOLDERS):
        for path in sorted(p for p in (home / folder).rglob("*") if p.suffix in _ENDINGS and p.is_file()):
            for filed in _read_file(home, folder, path):
                first = found.get((folder, filed.id))
                if first is not None:
                    raise Clash(DEFINED_TWICE, folder=folder, name=filed.id, first=first.place, second=filed.place)
                found[folder, filed.id] = filed
    return found


def _read_file(home: Path, folder: str, path: Path) -> Iterator[Filed]:
    place = str(path.relative_to(home))
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_Strict)  # noqa: S506 - a SafeLoader that refuses keys given twice
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadDefinition(BAD_YAML, place=place, why=_why(error)) from None
    if document is None:
        return
    entries = document if isinstance(document, list) else [document]
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict) or (isinstance(document, list) and "id" not in entry):
            raise BadDefinition(NOT_DEFINITIONS, place=place)
        where = f"{place}[{index + 1}]" if isinstance(document, list) else place
        body = {"id": path.stem} | entry
        slug(str(body["id"]), folder)
        value: Any = read(FOLDERS[folder], body, where)
        yield Filed(folder, str(body["id"]), value, version(as_mapping(value)), where)


def _why(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}"
    return str(error)


class _Strict(yaml.SafeLoader):
    """YAML without surprises: a key given twice is an error."""


def _mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[object] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node)
        if key in seen:
            raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} is given twice", key_node.start_mark)
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


_Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def write_file(path: Path, value: object) -> None:
    """Write one definition as YAML (or JSON by its ending); Chinese stays readable."""
    body = as_mapping(value)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".json":
        text = json.dumps(body, ensure_ascii=False, indent=2) + "\n"
    else:
        text = yaml.safe_dump(body, allow_unicode=True, sort_keys=False, width=100)
    path.write_text(text, encoding="utf-8")
