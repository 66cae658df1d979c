"""Normal forms of what people type: text, identifiers, amounts; and masks for showing them.

Everything here is a function of its arguments. A value that has no normal form comes back with the reason instead,
because a bad value is a row of `rejects`, not an exception. Placeholders stand in `identifiers.toml`, with the kinds.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from importlib import resources
from typing import Any, Final, NamedTuple

from limner.core.kinds import IdentifierKind, identifier_kind

_TABLE: Final[dict[str, Any]] = tomllib.loads(
    resources.files("limner.core").joinpath("identifiers.toml").read_text("utf-8")
)
EMPTY_WORDS: Final = frozenset(_TABLE["empty"]["words"])
"""What shops write when they mean nothing, in lower case."""
PLACEHOLDERS: Final = {form: frozenset(values) for form, values in _TABLE["placeholders"].items()}

SPREADSHEET: Final = "{form} destroyed by a spreadsheet"
LONGEST: Final = 128
"""The most characters an identifier may have."""


class Normal(NamedTuple):
    """A normal form and the kind it belongs to; or the reason there is none. All three empty: there was nothing."""

    kind: str
    value: str | None
    reason: str | None = None


_ZERO_WIDTH = re.compile("[\u200b-\u200f\u202a-\u202e\u2060\ufeff\x00]")
_AS_TEXT = re.compile(r'="([^"]*)"')
_EXPONENT = re.compile(r"[+-]?\d(\.\d+)?[eE]\+?\d{1,3}")
_INTEGRAL = re.compile(r"\d+\.0+")


def text(raw: str) -> str:
    """Full-width letters and digits made plain (NFKC), invisible characters dropped, trimmed; `="123"` is 123.

    >>> text("\u3000１３８ａ\ufeff ")
    '138a'
    """
    plain = raw if raw.isascii() else _ZERO_WIDTH.sub("", unicodedata.normalize("NFKC", raw))
    plain = plain.replace("\x00", "").strip()
    quoted = _AS_TEXT.fullmatch(plain) if plain.startswith('="') else None
    return quoted[1].strip() if quoted else plain


def is_empty(plain: str) -> bool:
    """Whether a normal text says nothing: empty, `NULL`, `无`, `-` and their like."""
    return plain.lower() in EMPTY_WORDS


def identifier(name: str, raw: str | None, kind: IdentifierKind | None = None) -> Normal:
    """The normal form of an identifier of a kind, the masked kind it turned out to be, or why it is none.

    `kind` is what a workspace says of it (default: as shipped).

    >>> identifier("phone", "+86 138-1234-9876")
    Normal(kind='phone', value='+8613812349876', reason=None)
    >>> identifier("phone", "138****9876").kind
    'masked_phone'
    >>> identifier("phone", "1.38E+10").reason
    'phone destroyed by a spreadsheet'
    >>> identifier("member_no", "NULL")
    Normal(kind='member_no', value=None, reason=None)
    >>> identifier("tmall_nick", "小**花").reason
    'masked identifier'
    """
    plain = text(raw) if raw is not None else ""
    if is_empty(plain):
        return Normal(name, None)
    form = (kind or identifier_kind(name)).form
    if form == "phone":
        return _phone(name, plain)
    if form == "email":
        return _email(name, plain)
    if form == "id_card":
        return _id_card(name, plain)
    return _token(name, plain.lower() if form == "token" else plain)


def _token(name: str, plain: str) -> Normal:
    if len(plain) > LONGEST:
        return Normal(name, None, f"longer than {LONGEST} characters")
    if "**" in plain:
        return Normal(name, None, "masked identifier")
    if "." in plain:
        if "e" in plain.lower() and _EXPONENT.fullmatch(plain):
            return Normal(name, None, SPREADSHEET.format(form="number"))
        if _INTEGRAL.fullmatch(plain):
            plain = plain.split(".")[0]
    if plain.lower() in PLACEHOLDERS["token"] or (len(plain) > 1 and set(plain) == {"0"}):
        return Normal(name, None, "placeholder identifier")
    return Normal(name, plain)


def _id_card(name: str, plain: str) -> Normal:
    from limner.core.id_card import id_card

    card = id_card(plain)
    return Normal(name, card.value, card.reason)


_PHONE_MASK = re.compile(r"(?:\+?0{0,2}86)?\s?(1\d{2})[*xX•·＊●]{3,5}(\d{3,4})")
_PHONE_MARKS = re.compile(r"[\s\-–—‐‑.()/_']")
_CHINA = re.compile(r"(?:\+86|0086|86|0)?(1[3-9]\d{9})")
_ABROAD = re.compile(r"(?:\+|00)([1-9]\d{6,14})")


def _phone(name: str, plain: str) -> Normal:
    if _EXPONENT.fullmatch(plain):
        return Normal(name, None, SPREADSHEET.format(form="phone"))
    masked_form = _PHONE_MASK.fullmatch(plain)
    if masked_form:
        return Normal("masked_phone", f"{masked_form[1]}****{masked_form[2]}")
    if _INTEGRAL.fullmatch(plain):
        plain = plain.split(".")[0]
    digits = _PHONE_MARKS.sub("", plain)
    tail = digits[-11:]
    if tail in PLACEHOLDERS["phone"] or (len(tail) >= 8 and len(set(tail[-8:])) == 1):
        return Normal(name, None, "placeholder phone")
    china = _CHINA.fullmatch(digits)
    if china:
        return Normal(name, "+86" + china[1])
    abroad = _ABROAD.fullmatch(digits)
    if abroad and not abroad[1].startswith("86"):
        return Normal(name, "+" + abroad[1])
    return Normal(name, None, "not a mobile phone number")


_EMAIL = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")


def _email(name: str, plain: str) -> Normal:
    """Lower case throughout; a plus-address stays an address of its own, for it is delivered as one."""
    low = plain.lower().removeprefix("mailto:")
    local, sign, domain = low.rpartition("@")
    if sign and not domain.isascii():
        try:
            low = f"{local}@{domain.encode('idna').decode('ascii')}"
        except UnicodeError:
            return Normal(name, None, "not an e-mail address")
    if "**" in local or (sign and local.endswith("*")):
        return Normal("masked_email", low)
    if low in PLACEHOLDERS["email"]:
        return Normal(name, None, "placeholder e-mail address")
    if ".." in low or low.startswith(".") or ".@" in low or len(low) > 254 or not _EMAIL.fullmatch(low):
        return Normal(name, None, "not an e-mail address")
    return Normal(name, low)


# ------------------------------------------------------------------------------------------------ amounts

_UNITS = r"rmb|cny|usd|eur|gbp|hkd"
_CURRENCY = re.compile(rf"^(?:{_UNITS}|us\$|hk\$|[¥￥$€£])\s*|\s*(?:{_UNITS}|人民币|元|圆|块)$", re.I)
_NUMBER = re.compile(r"(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d*)?(?:[eE]-\d{1,2})?")
_PLACES = Decimal("0.0001")
_MOST = Decimal(10) ** 14


class Amount(NamedTuple):
    """A number of at most four decimals, or the reason there is none; both empty: there was nothing."""

    value: Decimal | None
    reason: str | None = None


def amount(raw: str | None) -> Amount:
    """Read an amount as shops write it, rounded half up to four decimals.

    Currency signs and 元 are dropped, thousands commas must stand at thousands, 万 multiplies by 10,000, brackets or a
    minus on either side mean negative. An exponent above zero is refused: a spreadsheet has cut the digits.

    >>> amount("¥1,234.50").value, amount("（12.00）").value, amount("1.2万").value
    (Decimal('1234.5000'), Decimal('-12.0000'), Decimal('12000.0000'))
    >>> amount("12,34").reason
    'not an amount'
    """
    plain = text(raw).replace("−", "-").replace("–", "-") if raw is not None else ""
    if is_empty(plain):
        return Amount(None)
    sign, body = _sign(plain)
    body = _CURRENCY.sub("", _CURRENCY.sub("", body)).strip()
    inner, body = _sign(body)
    scale = 10_000 if body.endswith("万") else 1
    body = body.removesuffix("万").strip()
    if re.fullmatch(r"\d(\.\d+)?[eE]\+?\d{1,3}", body):
        return Amount(None, SPREADSHEET.format(form="number"))
    if sign + inner == -2 or not any(c.isdigit() for c in body) or not _NUMBER.fullmatch(body):
        return Amount(None, "not an amount")
    try:
        value = Decimal(body.replace(",", "")) * (sign * inner * scale)
    except InvalidOperation:
        return Amount(None, "not an amount")
    if abs(value) >= _MOST:
        return Amount(None, "amount too large")
    return Amount(value.quantize(_PLACES, ROUND_HALF_UP))


def _sign(plain: str) -> tuple[int, str]:
    if len(plain) > 2 and plain[0] == "(" and plain[-1] == ")":
        return -1, plain[1:-1].strip()
    if plain.startswith("-"):
        return -1, plain[1:].strip()
    if plain.endswith("-"):
        return -1, plain[:-1].strip()
    return 1, plain.removeprefix("+").strip()


_YES: Final = frozenset(
    {
        "1",
        "true",
        "t",
        "yes",
        "y",
        "是",
        "有",
        "对",
        "真",
        "已",
        "开",
        "同意",
        "on",
        "granted",
        "授权",
        "订阅",
        "opt_in",
    }
)
_NO: Final = frozenset(
    {
        "0",
        "false",
        "f",
        "no",
        "n",
        "否",
        "没有",
        "不",
        "假",
        "未",
        "关",
        "不同意",
        "拒绝",
        "off",
        "refused",
        "退订",
        "opt_out",
    }
)


def yes_no(raw: str | None) -> bool | None:
    """Yes, no, or None when the word says neither.

    >>> yes_no("是"), yes_no("N"), yes_no("perhaps")
    (True, False, None)
    """
    plain = text(raw).lower() if raw is not None else ""
    return True if plain in _YES else False if plain in _NO else None


# ------------------------------------------------------------------------------------------------ showing

_MAIL_MASK = re.compile(r"([^\s@,;<>]{1,2})[^\s@,;<>]*@")
_LONG_DIGITS = re.compile(r"\d(?:[\s-]?\d){6,}")
_DATE_DIGITS = re.compile(r"(?:19|20)\d\d-\d\d?-\d\d?(?:\s.*)?")
SHOWN: Final = 60
"""The most characters of a value that a reject shows."""


def masked(raw: str | None) -> str:
    """A value as it may be shown: no whole phone, e-mail or card number, at most 60 characters.

    >>> masked("13812349876"), masked("li.ming@qq.com"), masked("红色 L")
    ('138****76', 'li***@qq.com', '红色 L')
    """
    return without_addresses(raw)[:SHOWN] if raw is not None else ""


def without_addresses(raw: str) -> str:
    """A text with every phone, e-mail and card number in it masked; nothing is cut off.

    >>> without_addresses("letter of Li Ming, li.ming@qq.com, 13812349876")
    'letter of Li Ming, li***@qq.com, 138****76'
    """
    return _LONG_DIGITS.sub(_hidden, _MAIL_MASK.sub(r"\1***@", text(raw)))


def _hidden(found: re.Match[str]) -> str:
    digits = found[0]
    return digits if _DATE_DIGITS.fullmatch(digits) else f"{digits[:3]}****{digits[-2:]}"


_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "|", "%")
_PLAIN_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


def safe_cell(value: object) -> object:
    """A cell no spreadsheet will run: text that begins like a formula is led by an apostrophe; numbers stay numbers.

    >>> safe_cell("=1+1"), safe_cell("-12.5"), safe_cell("@SUM(A1)"), safe_cell(-3)
    ("'=1+1", '-12.5', "'@SUM(A1)", -3)
    """
    if not isinstance(value, str) or _PLAIN_NUMBER.fullmatch(value):
        return value
    return "'" + value if value.startswith(_FORMULA) or value.lstrip().startswith(_FORMULA) else value
