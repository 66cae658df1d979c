"""The Rule: one small closed language over tags, behaviour, audiences and places, with two readers and no third."""

from limner.core.rule.lexicon import AudienceWord, EventWord, Lexicon, PropertyWord, TagWord
from limner.core.rule.parser import parse
from limner.core.rule.plain import as_json, digest, from_json
from limner.core.rule.printer import text
from limner.core.rule.resolve import resolve
from limner.core.rule.sentence import sentence
from limner.core.rule.tree import (
    And,
    Compare,
    Did,
    Has,
    In,
    Leaf,
    Match,
    Near,
    Not,
    Or,
    Rule,
    Sequence,
    Step,
    Value,
    check_size,
    leaves,
)

__all__ = [
    "And",
    "AudienceWord",
    "Compare",
    "Did",
    "EventWord",
    "Has",
    "In",
    "Leaf",
    "Lexicon",
    "Match",
    "Near",
    "Not",
    "Or",
    "PropertyWord",
    "Rule",
    "Sequence",
    "Step",
    "TagWord",
    "Value",
    "as_json",
    "check_size",
    "digest",
    "from_json",
    "leaves",
    "parse",
    "resolve",
    "sentence",
    "text",
]
