"""The dead man's switch: what it hears of a run, and that nothing of it stops one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from etl.cli import Terminated
from etl.config.watching import Heartbeat
from etl.wire import heartbeat
from tests.lib.apiserver import ApiServer
from tests.lib.commandline import NOW, Done, eventlake
from tests.lib.loopback import Answer, LoopbackServer, Request
from tests.lib.snapshots import filled

TOKEN = "0f8a4c1e-55aa-4b7d-9a51-77d1f3b0c9aa"  # noqa: S105 - of nobody


class Switch:
    """A server that notes what it hears and answers as it is told."""

    def __init__(self, *statuses: int) -> None:
        """Answer with ``statuses``, the last one for ever."""
        self.heard: list[Request] = []
        self._statuses = statuses or (200,)

    def take(self, request: Request) -> Answer:
        """Note a request."""
        number = min(len(self.heard), len(self._statuses) - 1)
        self.heard.append(request)
        return Answer(self._statuses[number], f"no {request.target}".encode())


def beaten(
    tmp_path: Path, apiserver: ApiServer, url: str, command: str = "run", **settings: Any
) -> Done:
    """Run a command with a heartbeat at ``url``."""
    (tmp_path / "url").write_text(f"{url}\n")
    given = {"url_file": tmp_path / "url", "allow_http": "true", "allow_private": "true"} | settings
    lines = "".join(f"  {name}: {value}\n" for name, value in given.items())
    kubeconfig = apiserver.kubeconfig(tmp_path / "kubeconfig")
    (tmp_path / "config.yaml").write_text(
        f"cluster: prod\nsource: {{kubeconfig: {kubeconfig}, retries: 0}}\nheartbeat:\n{lines}"
    )
    return eventlake(
        "--config", tmp_path / "config.yaml", "--lake", tmp_path / "lake", command, now=NOW
    )


@pytest.mark.parametrize(
    ("style", "well", "heard"),
    [
        ("healthchecks", True, [("POST", f"/ping/{TOKEN}")]),
        ("healthchecks", False, [("POST", f"/ping/{TOKEN}/fail")]),
        ("plain", True, [("GET", f"/ping/{TOKEN}")]),
        ("plain", False, []),
    ],
)
def test_a_run_is_heard(
    tmp_path: Path,
    apiserver: ApiServer,
    style: str,
    *,
    well: bool,
    heard: list[tuple[str, str]],
) -> None:
    """Success and failure reach their addresses, with the exit code and without words of the error."""
    filled(apiserver, 1)
    if not well:
        apiserver.revoke(apiserver.token)
    switch = Switch()
    with LoopbackServer(switch.take) as server:
        done = beaten(tmp_path, apiserver, f"{server.url}/ping/{TOKEN}", "snapshot", style=style)
    assert done.code == (0 if well else 3)
    assert [(request.method, request.target) for request in switch.heard] == heard
    if switch.heard and style == "healthchecks":
        code = 0 if well else 3
        said = switch.heard[0].body.decode()
        assert said == f"eventlake snapshot of prod: exit code {code} after 0 s"


def test_uptime_kuma_hears_up_and_down(tmp_path: Path, apiserver: ApiServer) -> None:
    """The parameters of its own address give way to ours; exit code 5 is up where that is tolerated."""
    switch = Switch()
    with LoopbackServer(switch.take) as server:
        url = f"{server.url}/api/push/{TOKEN}?status=up&msg=OK&ping="
        done = beaten(tmp_path, apiserver, url, "snapshot", style="uptime_kuma")
    assert done.code == 0
    (request,) = switch.heard
    assert request.path == f"/api/push/{TOKEN}"
    assert (request.query["status"], request.query["ping"]) == ("up", "0")
    assert request.query["msg"].startswith("eventlake snapshot of prod: exit code 0")


def test_what_is_tolerated_is_success(tmp_path: Path, apiserver: ApiServer) -> None:
    """An exit code that the settings name beats as a run that went well."""
    apiserver.revoke(apiserver.token)
    switch = Switch()
    with LoopbackServer(switch.take) as server:
        done = beaten(tmp_path, apiserver, f"{server.url}/{TOKEN}", "snapshot", tolerate="[3]")
    assert done.code == 3
    assert [request.target for request in switch.heard] == [f"/{TOKEN}"]


def test_a_switch_that_is_down_is_a_warning(tmp_path: Path, apiserver: ApiServer) -> None:
    """It is asked three times; the run's exit code stays, and no word of the address is shown."""
    switch = Switch(503)
    with LoopbackServer(switch.take) as server:
        done = beaten(tmp_path, apiserver, f"{server.url}/ping/{TOKEN}", "snapshot")
    assert done.code == 0
    assert len(switch.heard) == 3
    assert "the heartbeat was not heard: HTTP 503" in done.err
    assert TOKEN not in done.err
    recovered = Switch(503, 200)
    with LoopbackServer(recovered.take) as server:
        assert "not heard" not in beaten(tmp_path, apiserver, f"{server.url}/x", "snapshot").err
    assert len(recovered.heard) == 2


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"allow_http": "false"}, "is plain http"),
        ({"allow_private": "false"}, "is a loopback, private"),
        ({"url_file": "/nonexistent/url"}, "cannot read the secret file /nonexistent/url"),
    ],
)
def test_guards_hold(
    tmp_path: Path, apiserver: ApiServer, settings: dict[str, str], said: str
) -> None:
    """Plain http and private addresses need a word, a missing secret is named; the run is what it was."""
    switch = Switch()
    with LoopbackServer(switch.take) as server:
        done = beaten(tmp_path, apiserver, f"{server.url}/{TOKEN}", "snapshot", **settings)
    assert done.code == 0
    assert said in done.err
    assert TOKEN not in done.err
    assert switch.heard == []


def test_a_run_that_is_ended_by_a_signal_says_so(
    tmp_path: Path, apiserver: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGTERM comes before the node goes: the switch hears 143 at once."""

    def ended(*_arguments: object, **_options: object) -> None:
        raise Terminated

    monkeypatch.setattr("etl.commands.snapshot.snapshot_now", ended)
    switch = Switch()
    with LoopbackServer(switch.take) as server:
        done = beaten(tmp_path, apiserver, f"{server.url}/{TOKEN}", "snapshot")
    assert done.code == 143
    (request,) = switch.heard
    assert (request.target, b"exit code 143" in request.body) == (f"/{TOKEN}/fail", True)


def test_an_address_that_is_none_is_said_without_it() -> None:
    """What cannot be an address is no reason to fail, and not repeated."""
    beat = heartbeat.Beat("run", "", 0, 1.2)
    outcome = heartbeat.tell(
        beat,
        Heartbeat(url="${URL}"),
        environ={"URL": "https://[::1/secret-part-of-it"},
        now=NOW,
        sleep=lambda _seconds: None,
    )
    assert outcome is not None
    assert outcome.detail == "the address is not a URL"
