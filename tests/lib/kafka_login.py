"""The server's side of SASL: PLAIN (RFC 4616) and SCRAM (RFC 5802, 7677), which proves the password without seeing it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import Protocol

_ITERATIONS = 4096


class RefusedError(Exception):
    """The user or the password is wrong."""


class Login(Protocol):
    """One login under way."""

    done: bool

    def answer(self, said: bytes) -> bytes:
        """Answer one message of the client; raises ``RefusedError``."""


class Plain:
    """The password itself."""

    def __init__(self, user: str, password: str) -> None:
        """Wait for ``user``."""
        self._expected = f"\0{user}\0{password}".encode()
        self.done = False

    def answer(self, said: bytes) -> bytes:
        """Compare."""
        if said != self._expected:
            raise RefusedError
        self.done = True
        return b""


class Scram:
    """A proof that only who knows the password can give, over nonces of both sides."""

    def __init__(self, digest: str, user: str, password: str) -> None:
        """Keep what a server keeps: salt and keys, not the password."""
        self._digest, self._user = digest, user
        self._salt = secrets.token_bytes(16)
        salted = hashlib.pbkdf2_hmac(digest, password.encode(), self._salt, _ITERATIONS)
        self._stored = hashlib.new(digest, self._hmac(salted, b"Client Key")).digest()
        self._server = self._hmac(salted, b"Server Key")
        self._said = b""
        self._nonce = ""
        self.done = False

    def answer(self, said: bytes) -> bytes:
        """Answer the client's first message with salt and nonce, its last with our own proof."""
        if not self._said:
            # Behind the header n,, for "no channel binding".
            bare = said.split(b",", 2)[2]
            given = _fields(bare)
            if given["n"] != self._user:
                raise RefusedError
            self._nonce = given["r"] + secrets.token_urlsafe(18)
            salt = base64.b64encode(self._salt).decode()
            first = f"r={self._nonce},s={salt},i={_ITERATIONS}".encode()
            self._said = bare + b"," + first
            return first
        given = _fields(said)
        whole = self._said + b"," + said.rpartition(b",p=")[0]
        signature = self._hmac(self._stored, whole)
        key = bytes(a ^ b for a, b in zip(base64.b64decode(given["p"]), signature, strict=True))
        if given["r"] != self._nonce or not hmac.compare_digest(
            hashlib.new(self._digest, key).digest(), self._stored
        ):
            raise RefusedError
        self.done = True
        return b"v=" + base64.b64encode(self._hmac(self._server, whole))

    def _hmac(self, key: bytes, text: bytes) -> bytes:
        return hmac.digest(key, text, self._digest)


def begin(mechanism: str, user: str, password: str) -> Login:
    """Return a login by ``mechanism``, as Kafka names it."""
    if mechanism == "PLAIN":
        return Plain(user, password)
    return Scram("sha256" if mechanism == "SCRAM-SHA-256" else "sha512", user, password)


def _fields(message: bytes) -> dict[str, str]:
    pairs = (part.partition("=") for part in message.decode().split(","))
    return {name: value for name, _, value in pairs}
