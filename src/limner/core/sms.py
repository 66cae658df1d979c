"""What an SMS is made of: segments, the signature in 【】, the opt-out words, the port type.

A text whose characters all stand in the GSM 03.38 alphabet takes 160 of them in one segment and 153 in each of
several; any other text is UCS-2 and takes 70 and 67. A character of the GSM extension table counts twice, one outside
the basic plane counts twice in UCS-2. Chinese operators take a message only with the sender's signature at its front
or end, and a marketing message only with words that say how to refuse further ones.
"""

from __future__ import annotations

import re

from limner.core.errors import BadDefinition, words

NO_SIGNATURE = words(
    "sms_without_signature",
    "{place}: an SMS must begin or end with the signature {signature}; it begins {beginning!r} and ends {ending!r}. "
    "Write the signature at its front.",
)
STRAY_SIGNATURE = words(
    "sms_two_signatures",
    "{place}: an SMS carries one signature in 【】, this one has {count}. Use other brackets inside the text.",
)
NO_OPT_OUT = words(
    "sms_without_opt_out",
    "{place}: a marketing SMS must say how to refuse further ones, such as {wanted!r}. Add it at the end.",
)
BAD_PORT = words(
    "sms_port_type",
    "{place}: port_type is {port!r} and the message is {message_class}. Marketing goes over a port of type marketing.",
)
TOO_LONG = words("sms_too_long", "{place}: the SMS takes {segments} segments, at most {most} are taken. Shorten it.")

MOST_SEGMENTS = 10
"""Longer texts are refused by the gateways we know."""

PORT_TYPES = ("marketing", "service")
"""营销 and 行业 (notices and codes)."""

OPT_OUT = "拒收请回复R"
"""The words suggested when a channel states none of its own."""

_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_TWICE = frozenset("\f^{}\\[~]|€")
_SIGNED = re.compile(r"【[^【】]{1,30}】")
_REFUSAL = re.compile(
    r"(?:退订|拒收)\D{0,3}?(?:回复?|复)\s*[A-Za-z0-9]{1,4}|(?:回复?|复)\s*[A-Za-z0-9]{1,4}\s*(?:退订|拒收)"
    r"|reply\s+stop|stop\s+to\s+(?:opt\s*out|end)",
    re.IGNORECASE,
)


def segments(text: str) -> int:
    """The segments a text is sent and priced in; an empty text takes none.

    >>> segments("a" * 160), segments("a" * 161), segments("字" * 70), segments("字" * 71)
    (1, 2, 1, 2)
    """
    if not text:
        return 0
    signs = frozenset(text)
    if signs <= _GSM:
        return _even(len(text), 160, 153)
    if signs <= _GSM | _GSM_TWICE:
        return _parts([2 if c in _GSM_TWICE else 1 for c in text], 160, 153)
    if max(text) <= "\uffff":
        return _even(len(text), 70, 67)
    return _parts([2 if c > "\uffff" else 1 for c in text], 70, 67)


def _even(length: int, single: int, several: int) -> int:
    return 1 if length <= single else -(-length // several)


def _parts(widths: list[int], single: int, several: int) -> int:
    if sum(widths) <= single:
        return 1
    parts, filled = 1, 0
    for width in widths:  # a pair is never cut in two
        if filled + width > several:
            parts, filled = parts + 1, 0
        filled += width
    return parts


def bracketed(signature: str) -> str:
    """The signature in its brackets, however it was written.

    >>> bracketed("南枝"), bracketed("【南枝】")
    ('【南枝】', '【南枝】')
    """
    bare = signature.strip().removeprefix("【").removesuffix("】")
    return f"【{bare}】" if bare else ""


def check_sms(text: str, *, place: str, signature: str, opt_out: str, port_type: str, message_class: str) -> None:
    """Refuse an SMS without its signature, a marketing one without opt-out words or over the wrong port.

    `signature` and `opt_out` are the channel's own; left empty, any signature and any customary opt-out words do.

    >>> check_sms("【南枝】新款到店。拒收请回复R", place="here", signature="南枝", opt_out="", port_type="marketing",
    ...           message_class="marketing")
    """
    signed = _SIGNED.findall(text)
    bare = text.strip()
    wanted = bracketed(signature)
    ends = {found for found in signed if bare.startswith(found) or bare.endswith(found)}
    if not ends or (wanted and wanted not in ends):
        raise BadDefinition(
            NO_SIGNATURE, place=place, signature=wanted or "【…】", beginning=bare[:8], ending=bare[-8:]
        )
    if len(signed) > 1 or text.count("【") != len(signed) or text.count("】") != len(signed):
        raise BadDefinition(STRAY_SIGNATURE, place=place, count=max(len(signed), text.count("【"), text.count("】")))
    if port_type and (port_type not in PORT_TYPES or (message_class == "marketing" and port_type != "marketing")):
        raise BadDefinition(BAD_PORT, place=place, port=port_type, message_class=message_class)
    if message_class == "marketing" and not (opt_out in text if opt_out else _REFUSAL.search(text)):
        raise BadDefinition(NO_OPT_OUT, place=place, wanted=opt_out or OPT_OUT)
    if segments(text) > MOST_SEGMENTS:
        raise BadDefinition(TOO_LONG, place=place, segments=segments(text), most=MOST_SEGMENTS)
