"""An address to what it is for us: a chat that takes digests, and whether it is plain or private."""

from __future__ import annotations

import ipaddress
import re
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

# Host and path of the robots and webhooks of chats, and the list that a receiver has for each.
_CHATS = (
    (r"qyapi\.weixin\.qq\.com", r"/cgi-bin/webhook/send", "wecom"),
    (r"oapi\.dingtalk\.com", r"/robot/send", "dingtalk"),
    (r"open\.(?:feishu\.cn|larksuite\.com)", r"/open-apis/bot/.*", "feishu"),
    (r"hooks\.slack\.com", r"/.*", "slack"),
    (r"(?:.*\.)?(?:discord|discordapp)\.com", r"/api/webhooks/.*", "discord"),
    (
        r".*\.(?:logic\.azure\.com|powerplatform\.com)|(?:.*\.)?webhook\.office\.com",
        r"/.*",
        "teams",
    ),
)
_INTERNAL = re.compile(r"[^.]+|.*\.(?:svc|local|internal|lan|intranet)(?:\..*)?")


def chat(url: str) -> str:
    """Return the kind of chat that ``url`` is the robot of; empty for anything else."""
    parts = urlsplit(url)
    for host, path, kind in _CHATS:
        if re.fullmatch(host, parts.hostname or "") and re.fullmatch(path, parts.path):
            return kind
    return ""


def reach(urls: list[str]) -> dict[str, Any]:
    """Return the settings that allow plain http or private addresses, where ``urls`` need them."""
    found: dict[str, Any] = {}
    if any(urlsplit(url).scheme == "http" for url in urls):
        found["allow_http"] = True
    if any(_is_private(urlsplit(url).hostname or "") for url in urls):
        found["allow_private"] = True
    return found


def without_users(urls: list[str]) -> tuple[list[str], str]:
    """Return addresses without the users and passwords in them, and the user; one by a variable stays as it is."""
    user, kept = "", []
    for url in urls:
        parts = urlsplit(url)
        if parts.username and "$" not in url:
            user = unquote(parts.username)
            parts = parts._replace(netloc=parts.netloc.rpartition("@")[2])
        kept.append(urlunsplit(parts))
    return kept, user


def shown(url: str) -> str:
    """Return as much of an address as may be shown: the rest of it may be a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}/…" if parts.hostname else "(no host)"


def _is_private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        # A name: those of a cluster or of a house lead to private addresses.
        return not host.startswith("$") and bool(_INTERNAL.fullmatch(host))
