"""Results on a terminal, in the operator's language. One small module per family of verbs; `registry` finds them."""

from __future__ import annotations

from limner.edge.say import say
from limner.edge.show.registry import find, find_many
from limner.edge.voice import Voice


def shown(result: object, lang: str, *, currency: str = "CNY", zone: str = "Asia/Shanghai") -> str:
    """A result as text: by what is registered for its type, else what it says of itself."""
    voice = Voice(lang, currency, zone, section="show")
    if isinstance(result, str):
        return result
    if isinstance(result, tuple | list) and type(result) in (tuple, list):
        if not result:
            return say("door", "nothing", lang)
        many = find_many(type(result[0]))
        if many is not None:
            return many(result, voice)
        return "\n".join(shown(part, lang, currency=currency, zone=zone) for part in result)
    own = find(type(result))
    return own(result, voice) if own is not None else str(result)
