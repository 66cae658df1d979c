"""Results on a terminal, in the operator's language."""

from __future__ import annotations

from limner.edge.say import say


def shown(result: object, lang: str) -> str:
    """A result as text: what it says of itself, or the lines of a list."""
    if isinstance(result, str):
        return result
    if isinstance(result, tuple | list):
        return "\n".join(shown(part, lang) for part in result) if result else say("door", "nothing", lang)
    return str(result)
