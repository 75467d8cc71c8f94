"""A run's end to one request at a dead man's switch, which raises the alarm when none comes.

A heartbeat is the only way to hear of a job that does not run at all, so it leaves by a
path of its own, and nothing about it can make a run fail. It carries a command, a
cluster's name, an exit code and a duration, and no text of an error: the address may be
a stranger's.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode, urlsplit, urlunsplit

from etl.config.watching import Heartbeat
from etl.log import redact
from etl.wire import http, secrets
from etl.wire.http import Guard, Request
from etl.wire.outcome import Kind, Outcome, TransportError
from etl.wire.secrets import SecretError

_TRIES = 3
_PAUSE_SECONDS = 2.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Beat:
    """What is told of a run: ``code`` is its exit code, ``seconds`` how long it took."""

    command: str
    cluster: str
    code: int
    seconds: float

    @property
    def text(self) -> str:
        """One line for people."""
        where = f" of {self.cluster}" if self.cluster else ""
        return f"eventlake {self.command}{where}: exit code {self.code} after {self.seconds:.0f} s"


def tell(
    beat: Beat,
    config: Heartbeat,
    *,
    environ: Mapping[str, str],
    now: datetime,
    sleep: Callable[[float], None],
) -> Outcome | None:
    """Tell the switch of ``config`` how a run ended; null where its style has nothing to say.

    What fails is logged as a warning, without the address, and never raised.
    """
    well = beat.code == 0 or beat.code in config.tolerate
    if config.style == "plain" and not well:
        return None
    outcome = _told(beat, config, well=well, environ=environ, now=now)
    for _ in range(_TRIES - 1):
        # An answer that got lost may have been heard; a second beat does no harm.
        if outcome.kind not in {Kind.TRANSIENT, Kind.RETRY_AFTER, Kind.UNKNOWN}:
            break
        sleep(_PAUSE_SECONDS)
        outcome = _told(beat, config, well=well, environ=environ, now=now)
    if not outcome.delivered:
        _log.warning("the heartbeat was not heard: %s", redact(outcome.detail))
    return outcome


def request(url: str, beat: Beat, config: Heartbeat, *, well: bool) -> tuple[Request, str]:
    """Return the request of a style and the address that it goes to."""
    parts = urlsplit(url)
    if config.style == "uptime_kuma":
        # Its own address brings these three with values for a test; they are ours to say.
        query = {
            "status": "up" if well else "down",
            "msg": beat.text,
            "ping": str(round(beat.seconds * 1000)),
        }
        return Request("GET", b"", {}), urlunsplit(parts._replace(query=urlencode(query)))
    if config.style == "plain":
        return Request("GET", b"", {}), url
    path = parts.path if well else f"{parts.path.rstrip('/')}/fail"
    asked = Request("POST", beat.text.encode(), {"Content-Type": "text/plain; charset=utf-8"})
    return asked, urlunsplit(parts._replace(path=path))


def _told(
    beat: Beat, config: Heartbeat, *, well: bool, environ: Mapping[str, str], now: datetime
) -> Outcome:
    guard = Guard(config.allow_http, config.allow_private, config.timeout)
    try:
        url = secrets.address(url=config.url, url_file=config.url_file, environ=environ)
        asked, target = request(url, beat, config, well=well)
        answer = http.send(asked, target, guard, environ=environ)
    except SecretError as error:
        # A Secret that is not mounted is the operator's to mend; the run itself went as it went.
        return Outcome(Kind.PERMANENT, str(error))
    except ValueError:
        # Without the cause: its text quotes parts of the address.
        return Outcome(Kind.PERMANENT, "the address is not a URL")
    except TransportError as error:
        return error.outcome
    return http.judge(answer, now=now)
