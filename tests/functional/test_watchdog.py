"""The alert that always fires: a real Alertmanager notices when no run comes any more, and a run that failed says nothing."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from etl.alerts.receivers import watchdog
from etl.alerts.receivers.target import Outside
from etl.config import sense
from etl.config.receivers import AlertmanagerConfig, Receiver
from etl.config.settings import Settings, Source
from etl.timespan import Duration
from tests.lib import alertmanager
from tests.lib.apiserver import ApiServer
from tests.lib.commandline import NOW, Done, eventlake
from tests.lib.loopback import Answer, LoopbackServer, Request
from tests.lib.sending import console
from tests.lib.snapshots import filled


def known(url: str, after: Duration | None, **more: Any) -> Settings:
    """Return a configuration with one Alertmanager."""
    config = AlertmanagerConfig(url=url, allow_http=True, allow_private=True, watchdog=after)
    receivers = [Receiver(name="am", alertmanager_configs=[config]), console()]
    return Settings(receivers=receivers, **more)


@alertmanager.needed
def test_a_real_alertmanager_notices_when_nobody_comes(tmp_path: Path) -> None:
    """Sent again it stays one alert and one notification; when it is not, it ends by itself and that is told."""
    with alertmanager.running(tmp_path) as server:
        settings = known(server.url, Duration(seconds=3))
        outside = Outside({}, io.StringIO())
        for _ in range(2):
            watchdog.bark(settings, outside, cluster="prod", now=datetime.now(UTC))
        server.wait(1)
        (alert,) = server.alerts().values()
        assert alert["labels"] == {
            "alertname": "EventlakeWatchdog", "cluster": "prod", "severity": "none",
        }  # fmt: skip
        server.wait(2)
    assert [note["status"] for note in server.notified] == ["firing", "resolved"]


class Heard:
    """An Alertmanager's API that notes what it is sent."""

    def __init__(self, status: int = 200) -> None:
        """Answer with ``status``."""
        self.alerts: list[dict[str, Any]] = []
        self._status = status

    def take(self, request: Request) -> Answer:
        """Note alerts."""
        assert request.path == "/api/v2/alerts"
        self.alerts += json.loads(request.body)
        return Answer(self._status)


def ran(tmp_path: Path, apiserver: ApiServer, url: str, command: str, watch: str = "30m") -> Done:
    """Run a command with a watchdog at ``url``."""
    kubeconfig = apiserver.kubeconfig(tmp_path / "kubeconfig")
    config = {
        "cluster": "prod",
        "source": {"kubeconfig": str(kubeconfig), "retries": 0},
        "report": {"page": False},
        "receivers": [
            {
                "name": "am",
                "alertmanager_configs": [
                    {"url": url, "allow_http": True, "allow_private": True, "watchdog": watch}
                ],
            }
        ],
    }
    (tmp_path / "config.yaml").write_text(json.dumps(config))
    lake = tmp_path / "lake"
    return eventlake("--config", tmp_path / "config.yaml", "--lake", lake, command, now=NOW)


@pytest.mark.parametrize("command", ["run", "snapshot"])
def test_a_run_that_went_well_says_until_when(
    tmp_path: Path, apiserver: ApiServer, command: str
) -> None:
    """The alert names the cluster and ends after the time that is set; a run that failed does not send it."""
    filled(apiserver, 1)
    heard = Heard()
    with LoopbackServer(heard.take) as server:
        assert ran(tmp_path, apiserver, server.url, command).code == 0
        (alert,) = [a for a in heard.alerts if a["labels"]["alertname"] == "EventlakeWatchdog"]
        assert alert["labels"]["cluster"] == "prod"
        begins, ends = (datetime.fromisoformat(alert[name]) for name in ("startsAt", "endsAt"))
        assert begins >= NOW
        assert ends - begins == timedelta(minutes=30)
        apiserver.revoke(apiserver.token)
        assert ran(tmp_path, apiserver, server.url, command).code == 3
    names = [alert["labels"]["alertname"] for alert in heard.alerts]
    assert names.count("EventlakeWatchdog") == 1


def test_an_alertmanager_that_does_not_answer_is_a_warning(
    tmp_path: Path, apiserver: ApiServer
) -> None:
    """The run went as it went: exit code 0, and one line that says who did not hear it."""
    filled(apiserver, 1)
    with LoopbackServer(Heard(500).take) as server:
        done = ran(tmp_path, apiserver, server.url, "snapshot")
    assert done.code == 0
    assert "the watchdog of am was not heard: HTTP 500" in done.err
    gone = ran(tmp_path, apiserver, server.url, "snapshot")
    assert gone.code == 0
    assert "was not heard: cannot reach" in gone.err


def test_a_watchdog_that_would_bark_between_two_runs_is_refused() -> None:
    """It has to outlive the time between two runs; without one nothing is sent."""
    source = Source(interval=Duration(minutes=10))
    wrong = [
        path for path, _ in sense.mistakes(known("http://am", Duration(minutes=10), source=source))
    ]
    assert wrong == ["receivers[0].alertmanager_configs[0].watchdog"]
    assert not list(sense.mistakes(known("http://am", Duration(minutes=30), source=source)))
    off = known("http://am.example", None)
    watchdog.bark(off, Outside({}, io.StringIO()), cluster="prod", now=NOW)
