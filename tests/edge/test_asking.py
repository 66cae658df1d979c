"""Questions at the terminal: the file they are about, the answers by number, Enter for the one assumed."""

import pytest
from click.testing import CliRunner

from limner.edge.cli import _ask
from limner.flow.sources.guesses import Question

HOW = Question(
    "refunds",
    "How do refunds show?",
    ("rows with a negative 数量", "this file shows none"),
    "this file shows none",
    "门店.csv",
)


@pytest.mark.parametrize(
    ("typed", "answer"), [("1\n", HOW.options[0]), ("\n", HOW.answer), ("3\nx\n1\n", HOW.options[0])]
)
def test_an_answer_is_chosen_by_its_number(typed, answer):
    with CliRunner().isolation(input=typed) as (_, shown, _):
        assert _ask(HOW) == answer
    said = shown.getvalue().decode()
    assert "门店.csv: How do refunds show?" in said
    assert "1. rows with a negative 数量" in said
