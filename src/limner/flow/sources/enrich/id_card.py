"""Identity card numbers: are they right, and birth date, sex and place of first issue as they say.

The number itself is never a find: map its column under `identifiers: {id_card: …}` and it is kept as a keyed hash.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from limner.core.id_card import id_card
from limner.flow.sources.enrich.base import NOTHING, Answer, Plain, Type, enrich_kind
from limner.flow.sources.enrich.divisions import divisions

UNKNOWN_REGION = "id card of an unknown region"


@enrich_kind("id_card")
class IdCards(Plain):
    """GB 11643-1999: fifteen and eighteen characters. A masked number says nothing.

    Province and city are those the code stood for when the number was given out, under their present names.
    """

    finds: ClassVar[Mapping[str, Type]] = {
        "is_valid": "bool",
        "born": "date",
        "sex": "text",
        "province": "text",
        "city": "text",
        "district": "text",
        "code": "text",
    }

    def read(self, plain: str) -> Answer:
        """Of a wrong number: that it is wrong, and why.

        >>> IdCards.read(IdCards, "110101197001010012").found["is_valid"]
        'false'
        """
        card = id_card(plain)
        if card.value is None:
            return Answer({"is_valid": "false"}, card.reason) if card.reason else NOTHING
        found = {"is_valid": "true", "sex": card.sex}
        if card.born is not None:
            found["born"] = card.born.isoformat()
        if not card.region:
            return Answer(found)
        place = divisions().of_code(card.region)
        stated = {name: value for name, value in place._asdict().items() if value and name != "code"}
        return Answer({**found, **stated, "code": card.region}, None if place.province else UNKNOWN_REGION)

    def shown(self, plain: str) -> str:
        """The region and nothing else."""
        return f"{plain[:4]}****" if len(plain) > 8 else "****"
