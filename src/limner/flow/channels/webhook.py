"""A gateway by HTTP: JSON batches, signed.

One POST carries a batch `{"channel", "messages": [{"key", "to", "text" | "payload", …}]}` with an Idempotency-Key that
is the hash of the message keys, and, when the channel has the secret `signing`, `Limner-Signature: t=…,v1=…`:
HMAC-SHA256 of "t.body" in hex. The gateway answers 2xx; a body
`{"results": [{"key", "status": "taken" | "rejected" | "later", "words"}]}` answers message by message, without one
all are taken. 408, 429 and 5xx are tried again (Retry-After is honoured); 400, 413 and 422 reject a message; any other
answer is about us, not about the message, and stops the channel.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from limner.core.errors import Broken, words
from limner.flow.channels.base import Answer, ChannelKind, Handed, Message, Post, channel_kind, why
from limner.flow.channels.twins import GatewayTwin

if TYPE_CHECKING:
    from httpx2 import AsyncClient, Response

DOWN = words(
    "webhook_down",
    "Channel {channel!r}: the gateway {url} cannot be reached: {why}. "
    "The messages stay queued; run this again when it answers.",
)
CLOSED = words(
    "webhook_refuses_us",
    "Channel {channel!r}: the gateway {url} answers {code}: the address or our key is wrong. "
    "Check the channel's url and secrets, then run this again; the messages stay queued.",
)

_BAD_BATCH: Final = (400, 413, 422)
_STATUS: Final[Mapping[str, Answer]] = {
    "taken": "taken",
    "ok": "taken",
    "accepted": "taken",
    "rejected": "rejected",
    "later": "later",
}


@dataclass(frozen=True, slots=True)
class WebhookOptions:
    """Where the gateway is. `headers` are sent with every request; `timeout` is in seconds."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    batch: int = 200
    connections: int = 4
    timeout: float = 30.0


@channel_kind("webhook")
class Webhook(ChannelKind[WebhookOptions]):
    """Signed JSON batches to a gateway."""

    options_type = WebhookOptions
    secrets_known = ("signing", "bearer")
    honours_key = True

    def __init__(self, options: WebhookOptions, post: Post) -> None:
        super().__init__(options, post)
        self.batch, self.at_once = max(1, options.batch), max(1, options.connections)
        self._client: AsyncClient | None = None

    @classmethod
    def twin(cls, home: Path) -> GatewayTwin:
        """A small server on the loopback."""
        return GatewayTwin()

    async def open(self) -> None:
        """Make the connection pool; nothing is sent."""
        self._opened()

    async def deliver(self, batch: Sequence[Message]) -> Sequence[Handed]:
        """POST one batch and read the answer message by message.

        A gateway that calls the batch itself bad gets it in halves, so that one bad message rejects only itself.
        """
        response = await self._post(batch)
        if isinstance(response, str):
            return [Handed(m.key, "unknown", response) for m in batch]
        if response.status_code in _BAD_BATCH and len(batch) > 1:
            half = len(batch) // 2
            return [*await self.deliver(batch[:half]), *await self.deliver(batch[half:])]
        return self._read(batch, response)

    async def close(self) -> None:
        """Close the pool."""
        if self._client is not None:
            await self._client.aclose()

    def _opened(self) -> AsyncClient:
        from httpx2 import AsyncClient, Limits, Timeout

        if self._client is None:
            self._client = AsyncClient(
                verify=_trusted() if self.options.url.startswith("https:") else False,
                timeout=Timeout(self.options.timeout),
                limits=Limits(max_connections=self.at_once),
                follow_redirects=False,
                trust_env=False,
            )
        return self._client

    async def _post(self, batch: Sequence[Message]) -> Response | str:
        """The gateway's answer, or in words why the connection ended without one."""
        import httpx2

        body = self._body(batch)
        unsent = (
            httpx2.ConnectError,
            httpx2.ConnectTimeout,
            httpx2.PoolTimeout,
            httpx2.UnsupportedProtocol,
            httpx2.LocalProtocolError,
            httpx2.ProxyError,
            httpx2.InvalidURL,
        )
        try:
            return await self._opened().post(self.options.url, content=body, headers=self._headers(batch, body))
        except unsent as error:
            raise Broken(DOWN, channel=self.post.channel, url=self.options.url, why=why(error)) from None
        except (httpx2.HTTPError, OSError) as error:
            return f"the connection ended: {why(error)}"

    def _body(self, batch: Sequence[Message]) -> bytes:
        messages = []
        for message in batch:
            one: dict[str, object] = {
                "key": message.key,
                "to": message.address,
                "campaign": message.campaign,
                "offer": message.offer,
            }
            if message.rendered.text:
                one["text"] = message.rendered.text
            if message.rendered.payload:
                one["payload"] = message.rendered.payload
            messages.append(one)
        document = {"channel": self.post.channel, "messages": messages}
        return json.dumps(document, ensure_ascii=False, default=str).encode()

    def _headers(self, batch: Sequence[Message], body: bytes) -> dict[str, str]:
        keys = "\n".join(m.key for m in batch).encode()
        headers = {
            **self.options.headers,
            "Content-Type": "application/json",
            "Idempotency-Key": hashlib.sha256(keys).hexdigest()[:32],
        }
        secrets, moment = self.post.secrets, int(self.post.now().timestamp())
        if "signing" in secrets:
            headers["Limner-Signature"] = signature(secrets["signing"], body, moment)
        if "bearer" in secrets:
            headers["Authorization"] = f"Bearer {secrets['bearer']}"
        return headers

    def _read(self, batch: Sequence[Message], response: Response) -> Sequence[Handed]:
        code = response.status_code
        if code in (408, 425, 429) or code >= 500:
            wait = _retry_after(response.headers.get("Retry-After", ""), self.post.now())
            return [Handed(m.key, "later", f"HTTP {code}", wait) for m in batch]
        if code in _BAD_BATCH:
            return [Handed(m.key, "rejected", f"HTTP {code}") for m in batch]
        if code >= 300:
            raise Broken(CLOSED, channel=self.post.channel, url=self.options.url, code=code)
        said = _results(response)
        if said is None:
            return [Handed(m.key, "taken") for m in batch]
        return [_one(m, said[m.key]) if m.key in said else Handed(m.key, "unknown", "not in the answer") for m in batch]


@cache
def _trusted() -> ssl.SSLContext:
    """The certificate authorities of this machine, read once."""
    return ssl.create_default_context()


def signature(secret: str, body: bytes, moment: int) -> str:
    """The signature header of a body sent at a moment (Unix seconds); a receiver computes it again and compares.

    >>> signature("secret", b"{}", 0)[:19]
    't=0,v1=4bbe8d39de1f'
    """
    mac = hmac.new(secret.encode(), f"{moment}.".encode() + body, "sha256").hexdigest()
    return f"t={moment},v1={mac}"


def _results(response: Response) -> dict[str, Mapping[str, object]] | None:
    try:
        answer = response.json()
    except ValueError:
        return None
    results = answer.get("results") if isinstance(answer, dict) else None
    if not isinstance(results, list):
        return None
    return {str(r["key"]): r for r in results if isinstance(r, dict) and "key" in r}


def _one(message: Message, said: Mapping[str, object]) -> Handed:
    answer = _STATUS.get(str(said.get("status", "taken")), "unknown")
    text = str(said.get("words", "")).replace(message.address, "…")[:200]
    return Handed(message.key, answer, text)


def _retry_after(text: str, now: datetime) -> timedelta | None:
    if text.strip().isdecimal():
        return timedelta(seconds=min(int(text), 86_400))
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(moment - now, timedelta(0))
