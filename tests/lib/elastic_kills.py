"""A forwarder to one index that is killed at any moment, while its server is killed too, until all has arrived.

The forwarder keeps its position in a file, as the real one does in the lake, and begins
again there; the server goes away and comes back on the same port with what it had
stored, or dies in the middle of a request with half of it done. What has arrived is
looked at by the test. Kept apart from pytest's process, which has threads: see
``tests.lib.processes``.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from etl.config.forwarding import ElasticsearchTarget
from etl.forward.sending import Message

# Imported here, so that forked children have it.
from etl.forward.targets import ask_elasticsearch, ask_opensearch  # noqa: F401
from etl.forward.targets.elastic import open_elasticsearch, open_opensearch
from tests.lib.elastic_indices import Indices
from tests.lib.elastic_server import DiedError, ElasticServer
from tests.lib.forwarded import NOON, message
from tests.lib.ports import free_port
from tests.lib.processes import Child

_OPEN = {"elasticsearch": open_elasticsearch, "opensearch": open_opensearch}
_BATCH = 7
_UIDS = 9
# Half of the children die before they have sent what they read, most of the others before the end.
_LONGEST_LIFE = 0.09
_BUSY, _DIES, _GOES = 0.05, 0.01, 0.15


@dataclass(frozen=True, slots=True)
class Exercise:
    """What is sent where, by which client."""

    client: str
    url: str
    settings: dict[str, Any]
    messages: int
    seed: int


def sent(exercise: Exercise) -> list[Message]:
    """Return the messages of an exercise: states of a few events, some of them late."""
    chance = random.Random(exercise.seed)  # noqa: S311 -- a drawing, no secret
    counts = dict.fromkeys(range(_UIDS), 0)
    found: list[Message] = []
    for _ in range(exercise.messages):
        uid = chance.randrange(_UIDS)
        counts[uid] += 1
        found.append(
            message(f"u{uid}", counts[uid], at=NOON + timedelta(hours=6 * counts[uid] + uid))
        )
    for _ in range(exercise.messages // 5):
        first = chance.randrange(len(found) - 1)
        found[first], found[first + 1] = found[first + 1], found[first]
    return found


def forward(file: str, exercise: Exercise, messages: Sequence[Message]) -> int:
    """Send what follows the position in ``file`` until all is settled; returns how many were refused."""
    target = ElasticsearchTarget(
        hosts=[exercise.url], allow_http=True, allow_private=True, **exercise.settings
    )
    # Pauses as they are, at a fiftieth.
    sender = _OPEN[exercise.client](
        target, environ={}, pause=lambda seconds: time.sleep(seconds / 50)
    )
    position = Path(file)
    refused = 0
    while (start := int(position.read_text())) < len(messages):
        receipt = sender.send(messages[start : start + _BATCH])
        refused += len(receipt.refused)
        if receipt.failure:
            time.sleep(0.005)
        written = position.with_suffix(f".{os.getpid()}")
        written.write_text(str(start + receipt.settled))
        written.rename(position)
    sender.close()
    return refused


def killed_until_done(file: str, exercise: Exercise, kills: int) -> tuple[int, int]:
    """Start forwarders and kill them at random until one ends by itself, after ``kills`` at the earliest; returns kills and refusals."""
    chance = random.Random(exercise.seed)  # noqa: S311 -- a drawing, no secret
    position, messages = Path(file), sent(exercise)
    died = refused = rounds = 0
    while died < kills or int(position.read_text()) < exercise.messages:
        rounds += 1
        assert rounds < 20 * kills + 200, "it does not come to an end"
        if int(position.read_text()) >= exercise.messages:
            # Sent again from somewhere, as by a position that was lost: nothing may change by it.
            position.write_text(str(chance.randrange(exercise.messages)))
        child = Child(forward, file, exercise, messages)
        if died < kills:
            time.sleep(chance.random() * _LONGEST_LIFE)
            child.kill()
        ended = child.end()
        died += ended.killed
        refused += 0 if ended.killed else ended.answer
    return died, refused


@contextmanager
def restless(age: Any, indices: Indices, seed: int) -> Iterator[tuple[str, list[int]]]:
    """Run a server that is killed and comes back on its port, and dies within requests; gives its address, and how often either was."""
    chance = random.Random(seed)  # noqa: S311 -- a drawing, no secret
    port = free_port()
    ends = threading.Event()
    deaths = [0, 0]

    def busy(_number: int, _meta: dict[str, Any]) -> tuple[int, str] | None:
        drawn = chance.random()
        if drawn < _DIES:
            deaths[1] += 1
            raise DiedError
        return (429, "es_rejected_execution_exception") if drawn < _BUSY else None

    def live() -> None:
        while not ends.is_set():
            with ElasticServer(age, indices, port=port, busy=busy):
                ends.wait(chance.random() * _GOES)
            deaths[0] += 1
            ends.wait(chance.random() * _GOES / 5)

    thread = threading.Thread(target=live)
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}", deaths
    finally:
        ends.set()
        thread.join()
