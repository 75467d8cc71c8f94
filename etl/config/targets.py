"""What types cannot say about receivers: addresses that are none, secrets in the file, mentions that are markup.

What targets have in common is checked by the names of their settings, so that a new kind
of target is checked without a line here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from email.utils import parseaddr
from typing import Any
from urllib.parse import SplitResult, urlsplit

import msgspec

from etl.config.receivers import ConsoleConfig, EmailConfig, FileConfig, Receiver, WebhookConfig
from etl.config.settings import Settings
from etl.errors import quoted

# Settings that are secrets; each may be named by file as well (``*_file``).
SECRETS = (
    "url",
    "secret",
    "bot_token",
    "signing_secret",
    "password",
    "routing_key",
    "bearer_token",
)
# Targets whose address may be anybody's, so that it is a secret only if it looks like one.
_OPEN_ADDRESSES = ("webhook_configs", "alertmanager_configs")
# A part of a path as long as this is a token; shorter ones are words.
_TOKEN = re.compile(r"[\w:.~-]{24,}")
_MENTIONS = {
    "slack_configs": re.compile(r"channel|here|everyone|[USW][A-Z0-9]{2,}"),
    "discord_configs": re.compile(r"&?\d{5,20}"),
    "feishu_configs": re.compile(r"all|[\w-]{1,64}"),
    "mattermost_configs": re.compile(r"[a-z0-9][a-z0-9._-]{0,63}"),
}
_MOBILE = re.compile(r"@all|\+?[\d-]{4,20}")
_SHOWN_NAME = re.compile(r"[^<>&]{1,100}")
_MAIL = re.compile(r"[^\s@<>,;:\"()]+@[A-Za-z0-9.-]+")
_LAST_PORT = 65_535
_MOST_PARTS = 3
_LEAST_BODY = 1000
_LEAST_WIDTH = 20
_SECOND = timedelta(seconds=1)

Found = tuple[str, str]


def mistakes(receiver: Receiver, path: str) -> Iterator[Found]:
    """Yield (path, what is wrong) for one receiver."""
    if not receiver.name.strip():
        yield f"{path}.name", "is empty; give the receiver a name"
    if not any(targets_of(receiver)):
        yield path, "has no target; docs/receivers.md names the kinds, such as webhook_configs"
    for kind, index, target in targets_of(receiver):
        where = f"{path}.{kind}[{index}]"
        if check := _CHECKS.get(type(target)):
            yield from check(target, where)
        given = msgspec.structs.asdict(target)
        yield from _shared(given, where)
        yield from _amounts(given, where)
        yield from _mentions(given, kind, where)


def secrets_written_out(settings: Settings, expanded: set[str]) -> list[str]:
    """Return the paths of secrets that stand in the file; those in ``expanded`` came from the environment."""
    found = []
    for number, receiver in enumerate(settings.receivers):
        for kind, index, target in targets_of(receiver):
            for name in SECRETS:
                path = f"receivers[{number}].{kind}[{index}].{name}"
                value = getattr(target, name, "")
                is_open = name == "url" and kind in _OPEN_ADDRESSES and not has_secret(value)
                if value and path not in expanded and not is_open:
                    found.append(path)
    for path, value, is_open in (
        ("heartbeat.url", settings.heartbeat.url, False),
        ("metrics.pushgateway.url", settings.metrics.pushgateway.url, True),
    ):
        if value and path not in expanded and not (is_open and not has_secret(value)):
            found.append(path)
    return found


def advice(path: str) -> str:
    """Say what to do about the secret that stands at ``path``."""
    if ".headers." in path:
        return "holds a secret; write ${NAME}, which is taken from the environment"
    name = path.rpartition(".")[2]
    return f"holds a secret; name a file with {name}_file, or write ${{NAME}}"


def is_web(url: str) -> bool:
    """Whether ``url`` is an http(s) address with a host."""
    parts = split(url)
    return parts.scheme in {"http", "https"} and bool(parts.netloc)


def _shared(given: dict[str, object], path: str) -> Iterator[Found]:
    """What the settings that targets share have to be."""
    for name in SECRETS:
        if given.get(name) and given.get(f"{name}_file"):
            yield path, f"has {name} and {name}_file; give one of them"
    for name, what in (("url", "address"), ("bot_token", "token"), ("routing_key", "key")):
        if name in given and not given[name] and not given[f"{name}_file"]:
            yield path, f"has no {what}; give {name}_file, or {name}"
    for name in ("url", "api_url"):
        # The addresses of apprise have schemes of their own, and no guard.
        url = str(given.get(name) or "") if "allow_http" in given else ""
        # The address itself is a secret and is not repeated.
        if url and not is_web(url):
            yield f"{path}.{name}", "is not an address; it begins with https://"
        elif split(url).scheme == "http" and not given["allow_http"]:
            yield f"{path}.{name}", "is plain http; use https, or say allow_http: true"


def _amounts(given: dict[str, object], path: str) -> Iterator[Found]:
    """What numbers and durations of targets have to be."""
    timeout = given.get("timeout", _SECOND)
    if isinstance(timeout, timedelta) and timeout < _SECOND:
        yield f"{path}.timeout", f"{timeout} is too short; give at least 1s"
    for name in ("max_alerts", "ends_after", "max_characters", "watchdog"):
        # What may be null is asked for by its value.
        if given.get(name, 1) is not None and not given.get(name, 1):
            yield f"{path}.{name}", "is 0, so that nothing would be sent"
    parts = given.get("max_parts", 1)
    if isinstance(parts, int) and not 1 <= parts <= _MOST_PARTS:
        yield f"{path}.max_parts", f"{parts} is not 1 to {_MOST_PARTS}"


def _console(console: ConsoleConfig, path: str) -> Iterator[Found]:
    if console.width < _LEAST_WIDTH:
        # Below it not even a date and a word fit.
        yield (
            f"{path}.width",
            f"{console.width} is too narrow; give at least {_LEAST_WIDTH}",
        )


def _webhook(webhook: WebhookConfig, path: str) -> Iterator[Found]:
    if webhook.max_bytes < _LEAST_BODY:
        # The shortest digest needs about that.
        yield f"{path}.max_bytes", f"{webhook.max_bytes} is too small; give at least {_LEAST_BODY}"
    if webhook.payload is not None and webhook.format != "digest":
        yield f"{path}.format", "is of no use beside payload, which is the body"


def _file(file: FileConfig, path: str) -> Iterator[Found]:
    if file.keep < 0:
        yield f"{path}.keep", f"{file.keep} is negative; 0 keeps all"


def _email(email: EmailConfig, path: str) -> Iterator[Found]:
    if not email.to:
        yield f"{path}.to", "is empty; give at least one address"
    for index, recipient in enumerate(email.to):
        if not _MAIL.fullmatch(recipient):
            yield f"{path}.to[{index}]", f"{quoted(recipient, 60)!r} is no mail address"
    if not _MAIL.fullmatch(parseaddr(email.sender)[1]):
        yield f"{path}.sender", f"{quoted(email.sender, 60)!r} has no mail address"
    if not 1 <= email.port <= _LAST_PORT:
        yield f"{path}.port", f"{email.port} is no port"
    if email.username and not (email.password or email.password_file):
        yield f"{path}.username", "is of no use alone; give password_file too"
    if email.username and email.tls == "none":
        yield f"{path}.tls", "would send the password in the clear; use starttls or tls"


def _mentions(given: dict[str, object], kind: str, path: str) -> Iterator[Found]:
    """What is put into markup as it is must not be markup."""
    names, mobiles = given.get("mentions"), given.get("mentioned_mobiles")
    for index, name in enumerate(names if isinstance(names, list) else ()):
        if not _MENTIONS[kind].fullmatch(name):
            yield f"{path}.mentions[{index}]", f"{quoted(name, 60)!r} is no id of the vendor's"
    for name in names if isinstance(names, dict) else ():
        if not _SHOWN_NAME.fullmatch(name):
            yield f"{path}.mentions.{quoted(name, 60)}", "is no name to show"
    for index, mobile in enumerate(mobiles if isinstance(mobiles, list) else ()):
        if not _MOBILE.fullmatch(mobile):
            yield (
                f"{path}.mentioned_mobiles[{index}]",
                f"{quoted(mobile, 60)!r} is no telephone number, and not @all",
            )


def has_secret(url: str) -> bool:
    """Whether an address carries a credential: a user, a query, or a long token in its path."""
    parts = split(url)
    tokens = [part for part in parts.path.split("/") if _TOKEN.fullmatch(part)]
    return "@" in parts.netloc or bool(parts.query) or bool(tokens)


def targets_of(receiver: Receiver) -> Iterator[tuple[str, int, msgspec.Struct]]:
    """Yield the list, the place in it and the settings of each target."""
    kinds = [f.name for f in msgspec.structs.fields(receiver) if f.name.endswith("_configs")]
    for kind in kinds:
        for index, target in enumerate(getattr(receiver, kind)):
            yield kind, index, target


def split(url: str) -> SplitResult:
    """Return the parts of ``url``, empty ones where it has none."""
    try:
        return urlsplit(url)
    except ValueError:
        # urlsplit refuses what looks like a broken IPv6 address; that is no address either.
        return SplitResult("", "", "", "", "")


# What only one kind has; any check is right for its own class, which no type can say of a table.
_CHECKS: dict[type[msgspec.Struct], Callable[[Any, str], Iterator[Found]]] = {
    ConsoleConfig: _console,
    EmailConfig: _email,
    FileConfig: _file,
    WebhookConfig: _webhook,
}
