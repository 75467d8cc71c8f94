"""kill -9 before any call by which a digest or an urgent message writes what it remembers: told once, as if it had not died."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import timedelta
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from tests.lib.apiserver import ApiServer
from tests.lib.events import event
from tests.lib.loopback import Answer, LoopbackServer, Request
from tests.lib.memory_crashes import Telling, calls, died
from tests.lib.mornings import DAY, MINUTE, Mornings
from tests.lib.processes import shared_out

# Behind its last write of memory a run hands its message to the outbox; tests/faults/test_delivery_kills goes on there.
_BEYOND = 2


@pytest.mark.parametrize("command", ["digest", "urgent"])
def test_a_kill_anywhere_in_the_memory_tells_once(
    command: str, tmp_path: Path, apiserver: ApiServer, httpserver: HTTPServer
) -> None:
    """After each kill the next run decides the same and sends it once; replayed it is silent."""
    job = Mornings(tmp_path, apiserver, httpserver)
    apiserver.now = job.now
    job("snapshot")
    job("digest", "--urgent")
    job.morning("a", "b")
    for name, reason, kind in (("c", "BackOff", "Pod"), ("n1", "NodeNotReady", "Node")):
        at = job.now + DAY - timedelta(hours=3)
        apiserver.add(event(name, at=at, first=at, reason=reason, kind=kind))
    job.now += DAY
    apiserver.now = job.now
    job("snapshot")
    end = job.now.replace(minute=0)
    words = ("digest", "--at", end.isoformat()) if command == "digest" else ("digest", "--urgent")
    messages: dict[str, list[bytes]] = defaultdict(list)

    def taken(request: Request) -> Answer:
        messages[request.path].append(request.body)
        return Answer(200)

    with LoopbackServer(taken) as server:
        telling = Telling(str(job.lake), server.url, words, job.now + MINUTE)
        ((memory, whole),) = shared_out(calls, [(telling,)])
        assert 0 < memory <= whole
        points = range(min(whole, memory + _BEYOND) + 1)
        calm, *torn = shared_out(died, [(telling, point) for point in points])
    assert not calm.killed
    assert all(left.killed for left in torn)
    assert len(calm.decided) > 2
    for left in torn:
        assert (left.decided, left.sent) == (calm.decided, calm.sent)
    (whole_message,) = messages["/turn-0"]
    for point in points[1:]:
        bodies = [json.loads(body) for body in messages[f"/turn-{point}"]]
        (first,) = {json.dumps([body["findings"], body["resolved"]]) for body in bodies}
        wanted = json.loads(whole_message)
        assert json.loads(first) == [wanted["findings"], wanted["resolved"]]
        assert len(bodies) == 1
