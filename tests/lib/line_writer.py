"""``python -m tests.lib.line_writer PATH START``: numbered messages to a file, until somebody kills it.

After each batch it prints up to where they are settled. Batches have one to fifty messages, some of
them longer than what a file system writes at once.
"""

from __future__ import annotations

import json
import random
import sys
from datetime import UTC, datetime

from etl.config.forwarding import FileTarget
from etl.forward.sending import Message
from etl.forward.targets.file import FileSender

_AT = datetime(2026, 1, 1, tzinfo=UTC)


def write(path: str, start: int) -> None:
    """Send batches from message ``start`` on, for ever."""
    chance = random.Random(start)  # noqa: S311 - no secret is made of it
    sender = FileSender(FileTarget(path=path))
    place = start
    while True:
        numbers = range(place, place + chance.randint(1, 50))
        receipt = sender.send([_message(n, chance.choice([10, 1_000, 60_000])) for n in numbers])
        place += receipt.settled
        print(place, flush=True)  # noqa: T201 - it is asked for


def _message(number: int, length: int) -> Message:
    body = json.dumps({"n": number, "text": "x" * length}).encode()
    return Message(str(number), "uid", "prod", _AT, body, {})


if __name__ == "__main__":
    write(sys.argv[1], int(sys.argv[2]))
