"""Dead letters to what the target says of them now: their states are read from the lake anew, and sent once more.

So what was changed since counts: a layout, an index template, a broker's limit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from etl.config.forwarding import Target
from etl.forward import context, dead, documents
from etl.forward.batches import batch_of_rows
from etl.forward.dead import Letter, Letters
from etl.forward.layout import Layout
from etl.forward.sending import Receipt, Sender
from etl.lake.layout import Lake
from etl.lake.query import Session, session
from etl.statements import statement


@dataclass(frozen=True, slots=True)
class Retried:
    """What became of the letters of one target."""

    sent: int = 0
    refused: int = 0
    """Refused again; they stay."""
    gone: int = 0
    """No longer in the lake; they stay too."""
    failure: str = ""


def retry(lake: Lake, target: Target, sender: Sender, *, now: datetime) -> Retried:
    """Send the letters of a target again, the oldest first. Raises ``LakeError``."""
    sent = refused = gone = 0
    with session(lake) as opened:
        for path, found in sorted(dead.kept(lake.files, target.name), key=_age):
            rows = sorted(_rows(opened, found.letters), key=_order)
            batch = batch_of_rows(rows, Layout(target))
            messages = batch.messages
            receipt = sender.send(messages) if messages else Receipt(0)
            settled = batch.settled(receipt)
            again = {one.id: one for one in settled.letters}
            done = frozenset(context.id_of(row) for row in rows[: settled.rows]) - again.keys()
            told = Letters(
                now if again else found.refused_at,
                tuple(again.get(one.id, one) for one in found.letters),
            )
            dead.settle(lake.files, path, told, done)
            sent, refused = sent + len(done), refused + len(again)
            gone += len(found.letters) - len(rows)
            if settled.rows < len(rows):
                return Retried(sent, refused, gone, receipt.failure or "it settled nothing")
    return Retried(sent, refused, gone)


def _rows(opened: Session, letters: Iterable[Letter]) -> Iterator[documents.Row]:
    """Yield the states that letters are about, as far as the lake still has them."""
    wanted: dict[tuple[str, object], list[Letter]] = {}
    for one in letters:
        wanted.setdefault((one.cluster, one.date), []).append(one)
    for (cluster, day), some in wanted.items():
        ids = {one.id for one in some}
        uids = [one.uid for one in some]
        asked = {"cluster": cluster, "date": day, "uids": uids}
        table: pa.Table = opened.run(statement("forward/letters").text, asked)
        for row in documents.rows_of(table):
            if context.id_of(row) in ids:
                yield row


def _order(row: documents.Row) -> tuple[datetime, int, str]:
    return row["last_seen"], row["n"], row["uid"]


def _age(one: tuple[str, Letters]) -> tuple[datetime, str]:
    return one[1].refused_at, one[0]
