"""Who is next, by pairings found in baskets made by hand."""

from datetime import timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from pyroaring import BitMap

from limner.core.errors import BadDefinition, BadInput, Lacking
from limner.core.ours import Audience
from limner.core.rule import Lexicon
from limner.flow.audiences import Ground
from limner.flow.audiences.paired import PairingOptions, bought, told
from limner.store.definitions import Definitions
from limner.store.gallery import Gallery
from shop import NOW

pytest.importorskip("scipy")
PEOPLE = 2_000
RNG = np.random.default_rng(6)
WIDE = PairingOptions(support=Decimal("0.01"), confidence=Decimal("0.2"))


def rows():
    """Everybody buys one of five things; half of those with tea buy a cup too, and jam goes with bread when it is cheap."""
    found = []
    for number in range(PEOPLE):
        order, thing = f"o{number}", ("tea", "bread", "soap", "ink", "rope")[number % 5]
        found.append((number, order, thing, False))
        if thing == "tea" and RNG.random() < 0.5:
            found.append((number, order, "cup", False))
        if thing == "bread" and RNG.random() < 0.5:
            found.append((number, order, "jam", True))
        if RNG.random() < 0.05:
            found.append((number, f"later{number}", "cup", False))
    return found


ROWS = rows()


def ground_of(folder, *audiences, living=PEOPLE):
    draft = Gallery(folder).draft()
    draft.put_living(BitMap(range(living)), PEOPLE)
    number, order, thing, promoted = zip(*ROWS, strict=True)
    table = pa.table({
        "number": pa.array(number, pa.int32()), "order_id": order, "item_id": thing,
        "day": pa.array([20_600 if o.startswith("later") else 20_500 for o in order], pa.int32()),
        "category": [None if t == "rope" else t.upper() for t in thing], "name": [f"the {t}" for t in thing],
        "is_promoted": promoted,
    })  # fmt: skip
    return Ground(
        draft.view(), Definitions({"audiences": {a.id: a for a in audiences}}), Lexicon(), NOW, ask=lambda _: table
    )


def had(thing, only=PEOPLE):
    return {number for number, _, what, _ in ROWS if what == thing and number < only}


def test_planted_pairings_are_found_and_promotions_are_flagged(tmp_path):
    found = told(ground_of(tmp_path), WIDE)
    clear = {(one.things, one.other): one for one in found.pairings if one.is_clear}
    assert set(clear) == {(("tea",), "cup"), (("cup",), "tea"), (("bread",), "jam"), (("jam",), "bread")}
    assert clear[("bread",), "jam"].is_promoted
    assert clear[("bread",), "jam"].promoted == 1.0
    assert not clear[("tea",), "cup"].is_promoted
    assert clear[("tea",), "cup"].names == ("the tea",)
    assert found.baskets == len({order for _, order, _, _ in ROWS})
    assert found.pairings[0].is_clear


def test_what_a_basket_is_is_chosen(tmp_path):
    ground = ground_of(tmp_path)
    many = {
        basket: bought(ground, PairingOptions(basket=basket)).baskets.many
        for basket in ("order", "customer", timedelta(days=30))
    }
    orders = len({order for _, order, _, _ in ROWS})
    assert many == {"order": orders, "customer": PEOPLE, timedelta(days=30): orders}
    categories = bought(ground, PairingOptions(level="category"))
    assert "ROPE" not in categories.things
    assert bought(ground_of(tmp_path / "few", living=10), WIDE).owner.max() == 9


def test_who_is_next(tmp_path):
    named = Audience("next", selector="pairing", options={"items": ["tea"], "next": "cup"})
    by_name = Audience("named", selector="pairing", options={"items": ["the tea"], "next": "the cup"})
    learned = Audience("learned", selector="pairing", options={"next": "cup", "support": 0.01, "confidence": 0.2})
    ground = ground_of(tmp_path, named, by_name, learned)
    wanted = had("tea") - had("cup")
    assert set(ground.members("next")) == set(ground.members("named")) == set(ground.members("learned")) == wanted


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"items": ["tea"]}, "bought next"),
        ({"items": ["tea"], "next": "tea"}, "another than"),
        ({"items": ["tee"], "next": "cup"}, "'tea'"),
        ({"next": "jam", "support": 0.01}, "no pairing leads to 'jam'"),
        ({"next": "rope", "support": 0.01}, "no pairing leads to 'rope'"),
        ({"next": "cup", "colour": 1}, "no field 'colour'"),
    ],
)
def test_what_cannot_be_is_said(tmp_path, options, said):
    wrong = Audience("wrong", selector="pairing", options=options)
    with pytest.raises((BadDefinition, Lacking), match=said):
        ground_of(tmp_path, wrong).members("wrong")


@pytest.mark.parametrize(
    "options", [{"support": Decimal(0)}, {"confidence": Decimal(2)}, {"most": 9}, {"within": timedelta(0)}]
)
def test_bounds_have_bounds(tmp_path, options):
    with pytest.raises(BadInput, match="must be"):
        told(ground_of(tmp_path), PairingOptions(**options))


def test_without_a_lake_nothing_is_said(tmp_path):
    from dataclasses import replace

    with pytest.raises(BadInput, match="lake"):
        told(replace(ground_of(tmp_path), ask=None), WIDE)
