"""The Rule: one small closed language over tags, behaviour, audiences and places, with two readers and no third."""

from limner.core.rule.lexicon import AudienceWord, EventWord, Lexicon, PropertyWord, TagWord
from limner.core.rule.parser import parse
from limner.core.rule.plain import as_json, digest, from_json
from limner.core.rule.printer import text
from limner.core.rule.resolve import resolve
from limner.core.rule.sentence import sentence
from limner.core.rule.tree import (
    After,
    Aggregate,
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
    Sample,
    Sequence,
    Step,
    Top,
    Value,
    check_size,
    leaves,
)
from limner.core.rule.windows import Ago, Between, Period

__all__ = [
    "After",
    "Aggregate",
    "Ago",
    "And",
    "AudienceWord",
    "Between",
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
    "Period",
    "PropertyWord",
    "Rule",
    "Sample",
    "Sequence",
    "Step",
    "TagWord",
    "Top",
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
