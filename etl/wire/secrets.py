"""Names of secrets to their values: ``url``, ``url_file`` and ``${NAME}``, resolved when they are used.

Chat robots keep their key in the address, so an address is a secret as a whole. Each
value that is resolved here is registered with the log, which blanks it from then on;
messages name an address by ``redacted`` alone. Files are read at each use, because a
Secret volume changes below a running process.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from etl.errors import UsageError, quoted
from etl.log import register_secret

NAME = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_LONGEST_ADDRESS = 8192
# A part of a path as long as this is a token (/services/T0/B0/x…, /bot123:x…); shorter ones are
# words such as "send", which must not be blanked all over the log.
_TOKEN_LENGTH = 16
_TELLING = re.compile(r"(?i)key|token|secret|sig|pass|auth|code")
_SHORT_TOKEN = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[\w:.~-]{8,}")


class SecretError(UsageError):
    """A secret cannot be resolved: its file or variable is not there. Names it, never shows a value."""


def address(*, url: str, url_file: str, environ: Mapping[str, str]) -> str:
    """Return the address that ``url`` (with ``${NAME}``) or else the file ``url_file`` gives.

    Raises ``SecretError``.
    """
    value = expand(url, environ).strip() if url else _line(url_file)
    if not value:
        raise SecretError("no address: set url_file, or url")
    if not url and len(value.split()) > 1:
        raise SecretError(f"the secret file {url_file} must hold one word and nothing else")
    remember(value)
    return value


def value(*, text: str, file: str, environ: Mapping[str, str]) -> str:
    """Return the secret that ``text`` (with ``${NAME}``) or else the file gives; empty without either.

    Raises ``SecretError``.
    """
    found = expand(text, environ).strip() if text else _line(file)
    register_secret(found)
    return found


def expand(text: str, environ: Mapping[str, str]) -> str:
    """Replace each ``${NAME}`` of ``text`` by its value, which is registered as a secret."""
    return NAME.sub(lambda match: variable(match[1], environ), text)


def variable(name: str, environ: Mapping[str, str]) -> str:
    """Return the environment variable ``name``, registered as a secret; raises ``SecretError``."""
    if name not in environ:
        raise SecretError(f"the environment variable {name} is not set")
    register_secret(environ[name])
    return environ[name]


def remember(url: str) -> None:
    """Register ``url`` and all parts of it that can be a credential, as written and decoded."""
    parts = _split(url)
    found = {url, parts.query}
    for name, _, value in (pair.partition("=") for pair in parts.query.split("&")):
        if _is_token(value) or _TELLING.search(name):
            found.add(value)
    userinfo, at, _ = parts.netloc.rpartition("@")
    if at:
        found |= {userinfo, userinfo.partition(":")[2]}
        # As it travels: a server may repeat the header in its answer.
        found.add(base64.b64encode(unquote(userinfo).encode()).decode())
    tokens = [part for part in parts.path.split("/") if _is_token(part)]
    if tokens:
        found |= {parts.path, *tokens}
    for value in found:
        register_secret(value)
        register_secret(unquote(value))


def redacted(url: str) -> str:
    """Return ``url`` as messages may show it: scheme, host and port, then an ellipsis."""
    parts = _split(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{quoted(host, 100)}/…" if host else "the address"


def _line(path: str) -> str:
    """Read the one line that the file holds; editors leave newlines, so space around it is removed."""
    if not path:
        return ""
    try:
        text = Path(path).read_bytes()[:_LONGEST_ADDRESS].decode("utf-8").strip()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SecretError(f"cannot read the secret file {path}: {reason}") from error
    except UnicodeDecodeError:
        # Without the cause: its text would quote bytes of the secret.
        raise SecretError(f"the secret file {path} is not UTF-8 text") from None
    if not text:
        raise SecretError(f"the secret file {path} is empty")
    if len(text.splitlines()) > 1:
        raise SecretError(f"the secret file {path} must hold one line and nothing else")
    return text


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        # Such as an unclosed "[": nothing can be told apart, so the whole is the secret.
        return SplitResult("", "", "", "", "")


def _is_token(part: str) -> bool:
    return len(part) >= _TOKEN_LENGTH or _SHORT_TOKEN.fullmatch(part) is not None
