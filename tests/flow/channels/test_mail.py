"""A mail on the wire is what the standard library reads back."""

from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.core.errors import BadInput
from limner.flow.channels.mail import encoded, mailbox, need_address, on_the_wire

SENT_AT = datetime(2026, 9, 1, 4, tzinfo=UTC)
LINE = st.text(st.characters(blacklist_categories=("Cc", "Cs", "Zl", "Zp", "Zs")), min_size=1, max_size=120)
BODY = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\r\x00"), max_size=400)


def _read(wire: bytes) -> EmailMessage:
    mail = email.message_from_bytes(wire, policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


@given(subject=LINE, text=BODY, html=BODY)
def test_what_is_written_is_what_is_read(subject: str, text: str, html: str) -> None:
    wire = on_the_wire({"Subject": encoded(subject), "To": "a@b.example"}, SENT_AT, text, html, "key")
    assert all(len(line) <= 998 for line in wire.split(b"\r\n"))
    assert b"\r\n.\r\n" not in wire
    mail = _read(wire)
    assert not mail.defects
    assert mail["Subject"] == subject
    assert mail["Date"].datetime == SENT_AT
    plain = mail.get_body(("plain",))
    assert plain is not None
    assert plain.get_payload(decode=True) == text.encode()
    if html:
        body = mail.get_body(("html",))
        assert body is not None
        assert body.get_payload(decode=True) == html.encode()


@given(name=LINE.map(lambda line: line[:11]))  # the library puts blanks between the words of longer display names
def test_a_name_comes_back(name: str) -> None:
    mail = _read(on_the_wire({"From": mailbox("a@b.example", name)}, SENT_AT, "x", "", "key"))
    sender = mail["From"].addresses[0]
    assert (sender.display_name, sender.addr_spec) == (name, "a@b.example")


@pytest.mark.parametrize("value", ["a\r\nBcc: b@c.example", "a\nb", "a\x00b"])
def test_a_line_break_in_a_header_is_refused(value: str) -> None:
    with pytest.raises(BadInput, match="Subject"):
        on_the_wire({"Subject": value}, SENT_AT, "x", "", "key")


def test_an_address_is_not_repeated_in_its_error() -> None:
    with pytest.raises(BadInput) as caught:
        need_address("13800138000")
    assert "138" not in str(caught.value)
