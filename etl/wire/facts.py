"""What vendors document, or are known to do: limits, pace, and what their codes mean.

One row per chat. Where a vendor says nothing, the figure is what others measured, rounded
down; docs/receivers.md names the sources. A code that is not listed asks for a change of
the message or of the robot, so it is permanent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from etl.wire.outcome import Kind

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Facts:
    """One vendor."""

    limit: int
    """The most that one message may have; in what, its receiver says."""
    spacing: timedelta
    """The least time between two messages to one address."""
    pause: timedelta = _MINUTE
    """How long to wait after a refusal for too many messages that names no time."""
    keys: tuple[str, ...] = ()
    """Keys of the answer's body that hold the vendor's code; the first that is there counts."""
    text: str = ""
    """Key of the vendor's words for people."""
    codes: Mapping[int, Kind] = field(default_factory=dict)
    """What codes mean, for vendors that answer with numbers."""
    words: Mapping[str, Kind] = field(default_factory=dict)
    """What the words of a refusal mean, for vendors that answer with text."""


FACTS: dict[str, Facts] = {
    # Content of 4096 bytes of UTF-8, 20 messages a minute; counted over a minute, so some way into
    # the next one there is room again.
    "wecom": Facts(
        limit=4096,
        spacing=timedelta(seconds=3.1),
        pause=timedelta(seconds=25),
        keys=("errcode",),
        text="errmsg",
        codes={
            0: Kind.OK,
            -1: Kind.TRANSIENT,  # busy
            45002: Kind.TOO_LARGE,  # content size
            40058: Kind.TOO_LARGE,  # invalid parameter, in practice "exceed max length 4096"
            45009: Kind.RETRY_AFTER,  # messages per minute
            45011: Kind.RETRY_AFTER,  # too frequent
            45033: Kind.RETRY_AFTER,  # too many at once
        },
    ),
    # The whole body counts, for the documents do not say what does. Who sends more than 20 a
    # minute is shut out for ten.
    "dingtalk": Facts(
        limit=20_000,
        spacing=timedelta(seconds=3.1),
        pause=timedelta(minutes=10),
        keys=("errcode",),
        text="errmsg",
        codes={
            0: Kind.OK,
            -1: Kind.TRANSIENT,  # busy
            130101: Kind.RETRY_AFTER,  # more than 20 a minute
            460101: Kind.TOO_LARGE,  # exceed 20000 bytes
        },
    ),
    # 20 KB of body with timestamp and sign, 100 a minute and 5 a second.
    "feishu": Facts(
        limit=20_000,
        spacing=timedelta(seconds=0.7),
        keys=("code", "StatusCode"),
        text="msg",
        codes={
            0: Kind.OK,
            11232: Kind.RETRY_AFTER,  # frequency; also at full and half hours, when all bots send
            19036: Kind.TOO_LARGE,
        },
        # 9499 is a bad request, and was seen for too many of them as well.
        words={"too many request": Kind.RETRY_AFTER},
    ),
    # Characters of all blocks together: 13,200 passed and 13,300 did not.
    "slack": Facts(
        limit=12_000,
        spacing=timedelta(seconds=1.1),
        words={
            "msg_too_long": Kind.TOO_LARGE,
            "msg_blocks_too_long": Kind.TOO_LARGE,
            "rate_limited": Kind.RETRY_AFTER,
        },
    ),
    # 28 KB are documented; others stay a KB below.
    "teams": Facts(
        limit=27 * 1024,
        spacing=timedelta(seconds=0.3),
        words={"too large": Kind.TOO_LARGE, "RequestEntityTooLarge": Kind.TOO_LARGE},
    ),
    # Characters of all embeds together.
    "discord": Facts(
        limit=6000,
        spacing=timedelta(seconds=0.5),
        words={
            "BASE_TYPE_MAX_LENGTH": Kind.TOO_LARGE,
            "MAX_EMBED_SIZE_EXCEEDED": Kind.TOO_LARGE,
        },
    ),
    # Characters after the entities were taken out; with them is less. 20 a minute in groups.
    "telegram": Facts(
        limit=4096,
        spacing=timedelta(seconds=3.1),
        words={"message is too long": Kind.TOO_LARGE},
    ),
    # Runes.
    "mattermost": Facts(
        limit=16_383,
        spacing=timedelta(seconds=0.2),
        words={"too long": Kind.TOO_LARGE, "too large": Kind.TOO_LARGE},
    ),
    # 512 KB, about 120 events a minute and key.
    "pagerduty": Facts(limit=512 * 1024, spacing=timedelta(seconds=0.5)),
    # No limit is known: 20,000 alerts in one request were taken.
    "alertmanager": Facts(limit=1 << 30, spacing=timedelta(0)),
}
