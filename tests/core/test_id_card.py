"""Identity cards: the check digit, old numbers, and what is no number."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.core.id_card import check_digit, id_card

REGIONS = st.sampled_from(["110105", "310104", "440305", "510102", "810000", "659001"])
DAYS = st.dates(date(1900, 1, 1), date(2030, 12, 31))


@settings(deadline=None)
@given(REGIONS, DAYS, st.integers(1, 999))
def test_a_right_number_says_what_it_was_made_of(region, day, order):
    first = f"{region}{day:%Y%m%d}{order:03d}" if day.year >= 1000 else ""
    card = id_card(first + check_digit(first))
    assert (card.region, card.born, card.sex, card.reason) == (region, day, "male" if order % 2 else "female", None)


@settings(deadline=None)
@given(REGIONS, DAYS, st.integers(1, 999), st.integers(0, 17), st.integers(1, 9))
def test_one_wrong_digit_is_always_found(region, day, order, place, shift):
    first = f"{region}{day:%Y%m%d}{order:03d}"
    whole = first + check_digit(first)
    if whole[place] == "X":
        return
    wrong = whole[:place] + str((int(whole[place]) + shift) % 10) + whole[place + 1 :]
    assert id_card(wrong).value is None


@settings(deadline=None)
@given(REGIONS, st.dates(date(1900, 1, 1), date(1999, 12, 31)), st.integers(1, 999))
def test_an_old_number_is_the_new_one_of_the_same_person(region, day, order):
    old = f"{region}{day:%y%m%d}{order:03d}"
    new = f"{region}{day:%Y%m%d}{order:03d}"
    assert id_card(old) == id_card(new + check_digit(new))


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("", None),
        (None, None),
        ("无", None),
        ("110105********002X", None),
        ("1.10105E+17", "id card destroyed by a spreadsheet"),
        ("110105194912310000", "id card destroyed by a spreadsheet"),
        ("110105194913310029", "wrong check digit of an id card"),
        ("999999", "not an id card number"),
        ("E12345678", "not an id card number"),
    ],
)
def test_what_is_no_number(raw, reason):
    card = id_card(raw)
    assert (card.value, card.reason) == (None, reason)


def test_full_width_and_spaces():
    assert id_card(" １１０１０５ 19491231 002ｘ ").value == "11010519491231002X"


def test_impossible_days_and_regions():
    day = "11010519490231002"
    assert id_card(day + check_digit(day)).reason == "impossible birth date of an id card"
    region = "19010519491231002"
    assert id_card(region + check_digit(region)).reason == "unknown region of an id card"
    foreign = "91110519491231002"
    assert id_card(foreign + check_digit(foreign)).region == ""
