"""Key services: who wraps and unwraps the master of a vault, so that it never lies on a disk as it is.

`[keys] vault = "kms:NAME"` names one. A name is answered by a kind of the entry-point group `limner.kms`, or by the
command of `[keys] kms`, which limner.toml alone can state: it is run without a shell as `COMMAND wrap NAME` or
`COMMAND unwrap NAME`, reads base64 on its standard input and writes base64 on its standard output.
"""

from __future__ import annotations

import base64
import binascii
import secrets
import shlex
import subprocess
from dataclasses import dataclass, field
from typing import Final, Protocol

from limner.core.errors import Broken, words
from limner.core.registry import Registry

KMS_FAILED = words(
    "kms_failed", "The key service {name!r} did not {verb} the vault's key: {why}. Check [keys] kms and the service."
)
SECONDS: Final = 30
"""How long a command may take."""


class Kms(Protocol):
    """Wraps a key of 32 bytes into what only the same service unwraps."""

    def wrap(self, key: bytes) -> bytes:
        """The key as it may lie on a disk."""
        ...

    def unwrap(self, wrapped: bytes) -> bytes:
        """The key again; any error when it is not one of ours."""
        ...


KMS: Registry[type[Kms]] = Registry("key service", None, "limner.kms")
key_service = KMS.kind


def kms_of(name: str, command: str = "") -> Kms:
    """The service of that name: the operator's command, where one is set, else a kind."""
    return Command(name, tuple(shlex.split(command))) if command else KMS.find(name)()


@dataclass(frozen=True, slots=True)
class Command:
    """A key service behind a command of the operator's."""

    name: str
    words: tuple[str, ...]

    def wrap(self, key: bytes) -> bytes:
        """The key as it may lie on a disk."""
        return self._asked("wrap", key)

    def unwrap(self, wrapped: bytes) -> bytes:
        """The key again."""
        return self._asked("unwrap", wrapped)

    def _asked(self, verb: str, given: bytes) -> bytes:
        line = [*self.words, verb, self.name]
        try:
            done = subprocess.run(line, input=base64.b64encode(given), capture_output=True, timeout=SECONDS, check=True)
            return base64.b64decode(done.stdout.strip(), validate=True)
        except subprocess.CalledProcessError as error:
            raise Broken(KMS_FAILED, name=self.name, verb=verb, why=f"exit code {error.returncode}") from None
        except subprocess.TimeoutExpired:
            raise Broken(KMS_FAILED, name=self.name, verb=verb, why=f"no answer in {SECONDS} s") from None
        except OSError as error:
            raise Broken(KMS_FAILED, name=self.name, verb=verb, why=str(error.strerror)) from None
        except binascii.Error:
            raise Broken(KMS_FAILED, name=self.name, verb=verb, why="the answer is not base64") from None


@dataclass(slots=True)
class Twin:
    """A key service of our own, in memory: for tests, and for trying a workspace. It forgets with the process."""

    kept: dict[bytes, bytes] = field(default_factory=dict)

    def wrap(self, key: bytes) -> bytes:
        """A ticket for the key."""
        ticket = secrets.token_bytes(16)
        self.kept[ticket] = key
        return ticket

    def unwrap(self, wrapped: bytes) -> bytes:
        """The key of a ticket; Broken when the ticket is not ours."""
        if wrapped not in self.kept:
            raise Broken(KMS_FAILED, name="twin", verb="unwrap", why="the ticket is not known")
        return self.kept[wrapped]
