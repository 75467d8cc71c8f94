"""Processes killed at the requests by which they change a lake in a bucket.

``Kills`` stands in the proxy before the store. A process that is going to die says so to
it (``StoreCrash``), and is killed at its k-th request that changes the lake: before the
store has it, with half of it sent, or when the store has done it and has not answered.
``tests.lib.crashes`` does the same for folders.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import urlencode, urlsplit

from tests.lib.loopback import Answer, Delivery, Request
from tests.lib.stores import Store

_CHANGES = frozenset({"PUT", "POST", "DELETE"})
# What is tried of the store itself changes no lake.
_TRIED = "/_probe/"
_PATH = "/_kills"
_SILENCE = Answer(200, delivery=Delivery(silent=True, end="reset"))


class Cut(Enum):
    """Where in the request the process is killed."""

    BEFORE = "kill -9 with nothing of the request sent"
    HALF = "kill -9 with half of the request sent"
    AFTER = "kill -9 with the request done and not answered"


@dataclass(slots=True)
class _Plan:
    pid: int
    point: int
    how: Cut
    calls: list[str] = field(default_factory=list)


class Kills:
    """Counts the changes of each process that asks for it, and kills it at the one it named."""

    def __init__(self, store: Store) -> None:
        """Stand before ``store`` from now on."""
        self._store = store
        self._plans: dict[str, _Plan] = {}
        store.faults.append(self._before)
        store.after.append(self._after)

    def _before(self, request: Request) -> Answer | None:
        if request.path == _PATH:
            return self._told(**request.query)
        if (plan := self._counted(request)) is None:
            return None
        path = request.path.removeprefix(f"/{_lake_of(request.path)}/")
        plan.calls.append(f"{request.method} {path}")
        if len(plan.calls) != plan.point or plan.how is Cut.AFTER:
            return None
        if plan.how is Cut.HALF:
            self._store.hand_on_half(request)
        return _killed(plan)

    def _after(self, request: Request) -> Answer | None:
        plan = self._counted(request)
        if plan is None or len(plan.calls) != plan.point or plan.how is not Cut.AFTER:
            return None
        return _killed(plan)

    def _counted(self, request: Request) -> _Plan | None:
        if request.method not in _CHANGES or _TRIED in request.path:
            return None
        return self._plans.get(_lake_of(request.path))

    def _told(self, lake: str, pid: str = "", point: str = "", how: str = "") -> Answer:
        """Take a plan, or give what was counted back."""
        if pid:
            self._plans[lake] = _Plan(int(pid), int(point), Cut[how])
            return Answer(200)
        return Answer(200, json.dumps(self._plans.pop(lake).calls).encode())


@dataclass(slots=True)
class StoreCrash:
    """What happens to this process at its change number ``point`` of the lake at an address; 0 is never, it only counts."""

    lake: str
    point: int = 0
    how: Cut = Cut.BEFORE
    calls: list[str] = field(default_factory=list)

    def arm(self) -> None:
        """Have the changes of this process counted from now on."""
        self._ask(pid=os.getpid(), point=self.point, how=self.how.name)

    def end(self) -> None:
        """Ask what was counted."""
        self.calls = json.loads(self._ask())

    def _ask(self, **more: object) -> bytes:
        where = urlsplit(self.lake)
        connection = http.client.HTTPConnection(where.netloc, timeout=30)
        query = urlencode({"lake": _lake_of(where.path), **more})
        connection.request("GET", f"{_PATH}?{query}")
        answer = connection.getresponse()
        assert answer.status == 200
        return answer.read()


def _lake_of(path: str) -> str:
    """The bucket and the first folder below it: each lake of these tests is one."""
    return "/".join(path.split("/")[1:3])


def _killed(plan: _Plan) -> Answer:
    plan.point = 0
    os.kill(plan.pid, signal.SIGKILL)
    return _SILENCE
