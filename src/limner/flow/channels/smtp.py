"""E-mail over SMTP.

The message key is the Message-ID, the same at every try, so that a receiver that drops a Message-ID it has seen gets
each message once. With `unsubscribe_url` every message carries List-Unsubscribe and List-Unsubscribe-Post (RFC 8058:
one click, by POST, so that a scanner that follows links unsubscribes nobody). A few connections are kept open for a
whole run. 5xx on a recipient rejects that message alone; 4xx tries it again later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from limner.core.errors import BadInput, Broken, words
from limner.flow.channels.base import ChannelKind, Handed, Message, Post, channel_kind, unsubscribe_link, why
from limner.flow.channels.mail import encoded, mailbox, need_address, on_the_wire
from limner.flow.channels.twins import MailTwin

if TYPE_CHECKING:
    from aiosmtplib import SMTP

DOWN = words(
    "smtp_down",
    "Channel {channel!r}: the mail server {host}:{port} does not take messages: {why}. "
    "They stay queued; start the server, then run this again.",
)


@dataclass(frozen=True, slots=True)
class SmtpOptions:
    """Where the server is, who sends, and how. `tls`: starttls (default), tls from the first byte, or none.

    `domain` is the right half of Message-ID (default: the sender's). `unsubscribe_url` is opened by one-click
    unsubscribe; the message key is added as `k`.
    """

    host: str
    sender: str
    port: int = 0
    sender_name: str = ""
    reply_to: str = ""
    domain: str = ""
    tls: Literal["starttls", "tls", "none"] = "starttls"
    is_certificate_checked: bool = True
    username: str = ""
    unsubscribe_url: str = ""
    unsubscribe_mail: str = ""
    connections: int = 4
    timeout: float = 30.0


@channel_kind("smtp")
class Smtp(ChannelKind[SmtpOptions]):
    """SMTP, some connections at once, messages one after the other on each."""

    carries = "mail"
    options_type = SmtpOptions
    secrets_known = ("password",)
    honours_key = True
    batch = 50

    def __init__(self, options: SmtpOptions, post: Post) -> None:
        super().__init__(options, post)
        self.at_once = max(1, options.connections)
        self._idle: list[SMTP] = []

    @classmethod
    def twin(cls, home: Path) -> MailTwin:
        """A small server on the loopback."""
        return MailTwin()

    async def open(self) -> None:
        """Connect once, so that a server that is down is known before a message is marked."""
        self._idle.append(await self._connect())

    async def deliver(self, batch: Sequence[Message]) -> Sequence[Handed]:
        """Send the messages over one connection; when it breaks, over a new one."""
        answers: list[Handed] = []
        connection = await self._take()
        try:
            for number, message in enumerate(batch):
                if not connection.is_connected:
                    connection = await self._again(answers, batch[number:]) or connection
                    if len(answers) == len(batch):
                        return answers
                answers.append(await self._send(connection, message))
                if answers[-1].answer == "untried":
                    answers.extend(Handed(m.key, "untried", answers[-1].words) for m in batch[number + 1 :])
                    return answers
        finally:
            self._give(connection)
        return answers

    async def close(self) -> None:
        """Say QUIT on every connection."""
        from aiosmtplib import SMTPException

        while self._idle:
            try:
                await self._idle.pop().quit()
            except (SMTPException, OSError):
                continue

    async def _again(self, answers: list[Handed], rest: Sequence[Message]) -> SMTP | None:
        try:
            return await self._connect()
        except Broken as error:
            if not answers:
                raise
            answers.extend(Handed(m.key, "untried", str(error)) for m in rest)
            return None

    async def _send(self, connection: SMTP, message: Message) -> Handed:
        from aiosmtplib import SMTPException, SMTPRecipientsRefused, SMTPResponseException, SMTPSenderRefused

        try:
            wire, options = self._wire(message)
        except BadInput:
            return Handed(message.key, "rejected", "the address is no e-mail address")
        try:
            async with asyncio.timeout(self.options.timeout):  # one for the mail; one per command costs a task each
                await connection.sendmail(
                    self.options.sender, [message.address], wire, mail_options=options, timeout=None
                )
        except SMTPRecipientsRefused as error:
            refused = error.recipients[0]
            return _answer(message, refused.code, refused.message)
        except SMTPSenderRefused as error:  # about us, not about the customer
            return Handed(message.key, "untried", f"{error.code} {error.message}"[:200])
        except SMTPResponseException as error:
            return _answer(message, error.code, str(error.message))
        except ValueError:
            return Handed(message.key, "rejected", "the address is no e-mail address")
        except (TimeoutError, SMTPException, OSError) as error:
            connection.close()
            return Handed(message.key, "unknown", f"the connection ended: {why(error)}")
        return Handed(message.key, "taken")

    def _wire(self, message: Message) -> tuple[bytes, list[str]]:
        options, rendered = self.options, message.rendered
        to = need_address(message.address)
        headers = {
            "From": mailbox(options.sender, options.sender_name),
            "To": to,
            "Subject": encoded(rendered.subject),
            "Message-ID": f"<{message.key}@{self._domain}>",
        }
        if options.reply_to:
            headers["Reply-To"] = options.reply_to
        ways = []
        if options.unsubscribe_url:
            ways.append(f"<{unsubscribe_link(options.unsubscribe_url, message.key)}>")
            headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        if options.unsubscribe_mail:
            ways.append(f"<mailto:{options.unsubscribe_mail}?subject={quote(message.key)}>")
        if ways:
            headers["List-Unsubscribe"] = ", ".join(ways)
        wire = on_the_wire(headers, self.post.now(), rendered.text, rendered.html, message.key)
        return wire, [] if to.isascii() else ["SMTPUTF8", "BODY=8BITMIME"]

    @property
    def _domain(self) -> str:
        return self.options.domain or self.options.sender.rpartition("@")[2]

    async def _take(self) -> SMTP:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_connected:
                return connection
        return await self._connect()

    def _give(self, connection: SMTP) -> None:
        if connection.is_connected:
            self._idle.append(connection)

    async def _connect(self) -> SMTP:
        from aiosmtplib import SMTP, SMTPException

        options = self.options
        port = options.port or {"starttls": 587, "tls": 465, "none": 25}[options.tls]
        connection = SMTP(
            hostname=options.host,
            port=port,
            use_tls=options.tls == "tls",
            start_tls=options.tls == "starttls",
            validate_certs=options.is_certificate_checked,
            username=options.username or None,
            password=self.post.secrets.get("password"),
            timeout=options.timeout,
            local_hostname=self._domain or None,
        )
        try:
            await connection.connect()
        except (TimeoutError, SMTPException, OSError, ValueError) as error:
            raise Broken(DOWN, channel=self.post.channel, host=options.host, port=port, why=why(error)) from None
        return connection


def _answer(message: Message, code: int, said: str) -> Handed:
    words = f"{code} {said}".replace(message.address, "…")[:200]
    return Handed(message.key, "later" if 400 <= code < 500 else "rejected", words)
