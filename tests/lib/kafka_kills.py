"""``eventlake forward`` to Kafka, killed at any moment while its broker is killed too, until all has arrived.

Before each start a run adds states of a few uids to the lake. The broker comes back at its
address with what it had stored; most of its deaths are right behind an append that it never
acknowledged. Kept apart from pytest's process, which has threads: see ``tests.lib.processes``.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

# Imported here, so that forked children have it; it starts no thread by itself.
import confluent_kafka  # noqa: F401

from etl.lake.folders import LocalFiles
from etl.lake.layout import Lake
from tests.lib import forwarding
from tests.lib.commandline import Done, eventlake
from tests.lib.kafka_process import BrokerProcess
from tests.lib.processes import Child

PARTITIONS = 3
_CONFIG = """
cluster: prod
forward:
  targets:
  - name: stream
    layout: "{{{{ event.metadata.uid }}}} {{{{ observation.n }}}}"
    kafka: {{brokers: ["{address}"], topic: events, timeout: 3s}}
"""
_START = datetime(2026, 11, 22, tzinfo=UTC)
_UIDS = 9
_STATES = 60
# librdkafka asks for a producer id half a second after it begins, so that is where batches are on their way.
_SHORTEST_LIFE, _LONGEST_LIFE = 0.5, 1.3
_BROKER_LIVES, _BROKER_RESTS = 5.0, 0.2
_LAST_BATCH = 6


def configuration(folder: Path, address: str) -> Path:
    """Write the configuration of one target; return where."""
    path = folder / "config.yaml"
    path.write_text(_CONFIG.format(address=address))
    return path


def arrive(lake: Lake, run: int, counts: dict[str, int], chance: random.Random) -> None:
    """Add the states of one run; ``counts`` goes on."""
    lines = ["uid | n | last_seen"]
    for number in range(_STATES):
        uid = f"uid-{chance.randrange(_UIDS)}"
        counts[uid] = counts.get(uid, 0) + 1
        at = _START + timedelta(seconds=run * _STATES + number)
        lines.append(f"{uid} | {counts[uid]} | {at:%Y-%m-%d %H:%M:%S}")
    at = _START + timedelta(seconds=run)
    forwarding.arrive(lake, f"{at:%Y%m%dT%H%M%S}.000000Z-{run:08x}", "\n".join(lines))


def forward(folder: str, config: str) -> Done:
    """Run the command."""
    return eventlake("--config", config, "--lake", folder, "forward")


def killed_until_done(
    folder: str, config: str, kills: int, seed: int
) -> tuple[int, dict[str, int], Sequence[str]]:
    """Start forwarders and kill them at random, ``kills`` at least, until one ends by itself and nothing waits.

    Returns how many were killed, how many states each uid has, and what forwarders said.
    """
    chance = random.Random(seed)  # noqa: S311 -- a drawing, no secret
    lake = Lake(LocalFiles(Path(folder)))
    counts: dict[str, int] = {}
    died = run = 0
    said: list[str] = []
    done(folder, config)
    while died < kills or said[-1:] != [""]:
        run += 1
        assert run < 5 * kills + 50, f"it does not come to an end: {said[-3:]}"
        arrive(lake, run, counts, chance)
        child = Child(forward, folder, config)
        if died < kills:
            time.sleep(_SHORTEST_LIFE + chance.random() * (_LONGEST_LIFE - _SHORTEST_LIFE))
            child.kill()
        ended = child.end()
        died += ended.killed
        # Of one that was killed nothing is known, so it is not the one that ended well.
        said.append(
            "killed" if ended.killed else ended.answer.sentence if ended.answer.code else ""
        )
    return died, counts, said


def done(folder: str, config: str) -> None:
    """Begin at an empty lake: everything that arrives is new."""
    assert Child(forward, folder, config).end().answer.code == 0


@contextmanager
def restless(broker: BrokerProcess, seed: int) -> Iterator[list[int]]:
    """Kill the broker and start it again all the while; gives how often it was killed, and died by itself."""
    chance = random.Random(seed)  # noqa: S311 -- a drawing, no secret
    ends = threading.Event()
    deaths = [0, 0]

    def live() -> None:
        while not ends.wait(chance.random() * _BROKER_LIVES):
            deaths[not broker.alive] += 1
            broker.kill()
            ends.wait(chance.random() * _BROKER_RESTS)
            broker.start(die_after=chance.randint(1, _LAST_BATCH))
        if not broker.alive:
            broker.start()

    thread = threading.Thread(target=live)
    thread.start()
    try:
        yield deaths
    finally:
        ends.set()
        thread.join()
        broker.kill()
        broker.start()
