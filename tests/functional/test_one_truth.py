"""Alerts that the digest and urgent messages both know: what opens and closes them hears one truth."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pytest_httpserver import HTTPServer

from tests.functional.test_paging import KEY, PagerDuty
from tests.lib import alertmanager
from tests.lib.apiserver import ApiServer
from tests.lib.events import event
from tests.lib.loopback import LoopbackServer
from tests.lib.mornings import MINUTE, Mornings, told

_LOOPBACK = {"allow_http": True, "allow_private": True}


class Pagers:
    """A job whose alerts go to a PagerDuty and to a real Alertmanager; its time ends now, which is theirs."""

    def __init__(self, job: Mornings, pagerduty: PagerDuty, server: alertmanager.Running) -> None:
        """Begin two hours ago."""
        self.job, self.pagerduty, self._server = job, pagerduty, server
        self._end = datetime.now(UTC).replace(microsecond=0)

    def at(self, minutes: int, *lost: str, digest: int | None = None) -> tuple[set[str], set[str]]:
        """List these minutes before now with lost nodes, and tell; return what is open in both.

        With ``digest`` the digest of the day that ended then is made, else what is urgent is told.
        """
        job = self.job
        job.now = job.server.now = self._end - minutes * MINUTE
        for node in lost:
            at = job.now - MINUTE
            made = event(node, at=at, reason="NodeNotReady", kind="Node", namespace="default")
            job.server.add({**made, "metadata": {**made["metadata"], "name": f"{node}.{minutes}"}})
        job("snapshot")
        if digest is None:
            job("digest", "--urgent")
        else:
            job("digest", "--at", (self._end - digest * MINUTE).isoformat())
        opened = {one["custom_details"]["name"] for one in self.pagerduty.open.values()}
        return opened, self._server.names()


def receivers(pagerduty: str, manager: str, hook: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the configuration of a chat and of two tools that hold alerts."""
    return [
        {"name": "chat", "webhook_configs": [hook]},
        {
            "name": "pager",
            "pagerduty_configs": [{"routing_key": KEY, "api_url": pagerduty, **_LOOPBACK}],
            "alertmanager_configs": [{"url": manager, **_LOOPBACK}],
        },
    ]


@alertmanager.needed
def test_what_was_told_at_once_is_over_once(
    tmp_path: Path, apiserver: ApiServer, httpserver: HTTPServer
) -> None:
    """A digest neither opens again what is over nor closes what fires anew, and holds what goes on."""
    fake = PagerDuty()
    with alertmanager.running(tmp_path) as manager, LoopbackServer(fake.respond) as server:
        hook = {"url_file": str(tmp_path / "address"), **_LOOPBACK}
        job = Mornings(
            tmp_path,
            apiserver,
            httpserver,
            receivers=receivers(server.url, manager.url, hook),
            allow_inline_secrets=True,
            urgent={"pause": "0s"},
        )
        pagers = Pagers(job, fake, manager)
        nothing: set[str] = set()
        assert pagers.at(120) == (nothing, nothing)
        assert pagers.at(110, "a", "b") == ({"a", "b"}, {"a", "b"})
        # Both fire for the digest of a day, too.
        assert pagers.at(100, digest=105) == ({"a", "b"}, {"a", "b"})
        assert told(job.taken[-1]) == {"findings": ["a", "b"]}
        # After ten minutes without another event both are over, whatever the day's count says.
        assert pagers.at(90, "c") == ({"c"}, {"c"})
        assert pagers.at(60, "a") == ({"a"}, {"a"})
        assert pagers.at(50, digest=55) == ({"a"}, {"a"})
        assert told(job.taken[-1]) == {"findings": ["c"], "still": ["a"], "resolved": ["b"]}
        assert pagers.at(20) == (nothing, nothing)
        assert pagers.at(10, "a") == ({"a"}, {"a"})
        # The digest is about the time before, and has a as over.
        assert pagers.at(5, digest=25) == ({"a"}, {"a"})
        assert told(job.taken[-1]) == {"resolved": ["a", "c"]}
    courses: dict[str, list[str]] = {}
    for one in fake.events:
        courses.setdefault(one["dedup_key"], []).append(one["event_action"])
    once = ["trigger", "resolve"]
    assert sorted(courses.values()) == sorted([[*once, *once, "trigger"], once, once])
