"""SMTP against a real mail server (aiosmtpd)."""

from __future__ import annotations

import asyncio
import email
import email.policy
import ssl
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword

from limner.core.errors import Broken
from limner.flow.channels.base import Handed, Message, Post, Rendered
from limner.flow.channels.smtp import Smtp, SmtpOptions
from mail_server import free_port, mail_server


class Inbox:
    """What the server took, and what it says to whom."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, EmailMessage]] = []
        self.peers: set[object] = set()
        self.says: dict[str, str] = {}
        self.sender_says = ""
        self.drop_after: int | None = None

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        self.peers.add(session.peer)
        if self.sender_says:
            return self.sender_says
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if address in self.says:
            return self.says[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.drop_after is not None and len(self.mails) >= self.drop_after:
            self.drop_after = None
            server.transport.abort()
            return "250 never heard"
        policy = email.policy.default
        mail = email.message_from_bytes(envelope.content, policy=policy)
        assert isinstance(mail, EmailMessage)
        self.mails.append((envelope.rcpt_tos[0], mail))
        return "250 taken"


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def server(inbox: Inbox) -> Iterator[int]:
    with mail_server(inbox) as port:
        yield port


def _messages(*addresses: str) -> list[Message]:
    words = Rendered("您好", "新款到店 ¥40", "<p>您好</p>")
    return [Message(f"key{n}", address, words) for n, address in enumerate(addresses)]


def _send(
    server: int, batch: Sequence[Message], secrets: dict[str, str] | None = None, **more: Any
) -> dict[str, Handed]:
    options = {"host": "127.0.0.1", "port": server, "sender": "news@shop.example", "tls": "none", **more}
    post = Post("mail", Path(), lambda: datetime(2026, 9, 1, tzinfo=UTC), secrets or {})
    kind = Smtp(SmtpOptions(**options), post)

    async def story() -> Sequence[Handed]:
        await kind.open()
        try:
            return await kind.deliver(batch)
        finally:
            await kind.close()

    return {answer.key: answer for answer in asyncio.run(story())}


def test_a_mail_carries_its_key_its_words_and_a_way_out(server: int, inbox: Inbox) -> None:
    _send(
        server,
        _messages("wang@example.com"),
        sender_name="南枝",
        unsubscribe_url="https://shop.example/u",
        unsubscribe_mail="out@shop.example",
        reply_to="help@shop.example",
    )
    address, mail = inbox.mails[0]
    assert address == "wang@example.com"
    assert mail["Message-ID"] == "<key0@shop.example>"
    assert mail["List-Unsubscribe"] == ("<https://shop.example/u?k=key0>, <mailto:out@shop.example?subject=key0>")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert (mail["Subject"], mail["From"], mail["Reply-To"]) == (
        "新款到店 ¥40",
        "南枝 <news@shop.example>",
        "help@shop.example",
    )
    assert mail["Date"].datetime == datetime(2026, 9, 1, tzinfo=UTC)
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert (plain.get_content().strip(), html.get_content().strip()) == ("您好", "<p>您好</p>")


def test_messages_share_a_connection(server: int, inbox: Inbox) -> None:
    _send(server, _messages(*(f"a{n}@example.com" for n in range(20))))
    assert len(inbox.mails) == 20
    assert len(inbox.peers) == 1


def test_each_recipient_is_answered_for(server: int, inbox: Inbox) -> None:
    inbox.says = {"gone@example.com": "550 5.1.1 <gone@example.com> unknown", "full@example.com": "452 4.2.2 full"}
    said = _send(server, _messages("a@example.com", "gone@example.com", "full@example.com", "b@example.com"))
    assert [said[f"key{n}"].answer for n in range(4)] == ["taken", "rejected", "later", "taken"]
    assert said["key1"].words == "550 5.1.1 <…> unknown"
    assert [address for address, _ in inbox.mails] == ["a@example.com", "b@example.com"]


_INJECTED = "a@b.example\r\nRCPT TO:<x@y.example>"
_NO_ADDRESSES = ["", "no-at-sign", "a@", _INJECTED, "a b@c.example", "<x>@y.example", "a@b@c", "a,b@c.example"]


@pytest.mark.parametrize("address", _NO_ADDRESSES)
def test_what_is_no_address_is_rejected_and_injects_nothing(server: int, inbox: Inbox, address: str) -> None:
    said = _send(server, _messages("a@example.com", address, "b@example.com"))
    assert (said["key0"].answer, said["key2"].answer) == ("taken", "taken")
    assert said["key1"].answer == "rejected"
    assert [to for to, _ in inbox.mails] == ["a@example.com", "b@example.com"]


def test_a_chinese_mailbox_is_reached_where_the_server_can(server: int, inbox: Inbox) -> None:
    assert _send(server, _messages("小明@例子.example"))["key0"].answer == "taken"
    assert inbox.mails[0][0] == "小明@例子.example"


def test_a_connection_that_breaks_leaves_one_message_unknown(server: int, inbox: Inbox) -> None:
    inbox.drop_after = 2
    said = _send(server, _messages(*(f"a{n}@example.com" for n in range(5))))
    assert [said[f"key{n}"].answer for n in range(5)] == ["taken", "taken", "unknown", "taken", "taken"]


def test_a_sender_the_server_does_not_know_rejects_no_customer(server: int, inbox: Inbox) -> None:
    inbox.sender_says = "550 5.7.1 sender not allowed"
    said = _send(server, _messages("a@example.com", "b@example.com"))
    assert {answer.answer for answer in said.values()} == {"untried"}
    assert "sender not allowed" in said["key1"].words


def test_a_server_that_is_down_is_broken() -> None:
    port = free_port()
    with pytest.raises(Broken, match=f"127.0.0.1:{port}"):
        _send(port, _messages("a@example.com"))


def test_a_wrong_password_is_said_once_and_sends_nothing(inbox: Inbox) -> None:
    def login(server: Any, session: Any, envelope: Any, mechanism: str, given: LoginPassword) -> AuthResult:
        return AuthResult(success=given.password == b"right")

    mail = _messages("a@example.com")
    with mail_server(inbox, authenticator=login, auth_required=True, auth_require_tls=False) as port:
        assert _send(port, mail, {"password": "right"}, username="u")["key0"].answer == "taken"
        with pytest.raises(Broken, match="does not take messages") as caught:
            _send(port, mail, {"password": "wrong"}, username="u", timeout=2.0)
    assert "wrong" not in str(caught.value)
    assert len(inbox.mails) == 1


def test_tls_is_spoken_and_a_server_without_it_is_refused(server: int, inbox: Inbox, tmp_path: Path) -> None:
    mail = _messages("a@example.com")
    with pytest.raises(Broken, match=r"(?i)starttls"):
        _send(server, mail, tls="starttls")
    with mail_server(inbox, tls_context=_certificate(tmp_path), require_starttls=True) as port:
        assert _send(port, mail, tls="starttls", is_certificate_checked=False)["key0"].answer == "taken"
        with pytest.raises(Broken, match=r"(?i)certificate"):
            _send(port, mail, tls="starttls")


def _certificate(folder: Path) -> ssl.SSLContext:
    from datetime import timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "twin")])
    start = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start - timedelta(days=1))
        .not_valid_after(start + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    (folder / "pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, form, plain) + made.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "pem")
    return context
