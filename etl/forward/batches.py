"""States of the lake to messages of one target, and a receipt for these to what became of the states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from etl.forward import context, documents
from etl.forward.dead import Letter, letter
from etl.forward.layout import Layout
from etl.forward.position import Counts
from etl.forward.routes import Routes
from etl.forward.sending import Message, Receipt
from etl.wire.templates import LeafError

_NUMBER = "row_number"


@dataclass(frozen=True, slots=True)
class _Meant:
    """A state that is meant for the target: its row, and the message or why there is none."""

    row: int
    message: Message | None
    letter: Letter | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """What is done: so many rows from the beginning, what became of them, and what is to be kept of it."""

    rows: int
    counts: Counts
    letters: tuple[Letter, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of the lake, and the messages that they make for one target, in the same order."""

    rows: int
    meant: tuple[_Meant, ...]

    @property
    def messages(self) -> list[Message]:
        """What is sent."""
        return [one.message for one in self.meant if one.message is not None]

    def settled(self, receipt: Receipt) -> Settled:
        """Return what a receipt for ``messages`` says of the rows."""
        refused = dict(receipt.refused)
        letters: list[Letter] = []
        sent = number = 0
        end = self.rows
        for one in self.meant:
            if one.message is None:
                if one.letter is not None:
                    letters.append(one.letter)
                continue
            if number == receipt.settled:
                end = one.row
                break
            if number in refused:
                letters.append(_refused(one.message, refused[number]))
            else:
                sent += 1
            number += 1
        counts = Counts(sent=sent, passed=end - sent - len(letters), refused=len(letters))
        return Settled(end, counts, tuple(letters))


def batch_of(rows: pa.Table, routes: Routes, layout: Layout) -> Batch:
    """Return the messages that ``rows`` of ``schema.FULL_SCHEMA`` make for the target of ``layout``."""
    numbered = rows.append_column(_NUMBER, pa.array(range(rows.num_rows), pa.int64()))
    meant = routes.of(layout.target.name, numbered)
    numbers = meant[_NUMBER].to_pylist()
    found = documents.rows_of(meant.drop_columns([_NUMBER]))
    pairs = zip(numbers, found, strict=True)
    return Batch(rows.num_rows, tuple(_meant(number, row, layout) for number, row in pairs))


def batch_of_rows(rows: Sequence[documents.Row], layout: Layout) -> Batch:
    """Return the messages of rows that are all meant for the target."""
    return Batch(len(rows), tuple(_meant(number, row, layout) for number, row in enumerate(rows)))


def _meant(number: int, row: documents.Row, layout: Layout) -> _Meant:
    try:
        return _Meant(number, layout.message(row))
    except LeafError as error:
        # The template fails on this event and will each time; the others must not wait for it.
        told = letter(
            id_=context.id_of(row),
            cluster=row["cluster"],
            uid=row["uid"],
            last_seen=row["last_seen"],
            reason=str(error),
            body=documents.encoded(documents.exported(row)),
        )
        return _Meant(number, None, told)


def _refused(message: Message, reason: str) -> Letter:
    return letter(
        id_=message.id,
        cluster=message.cluster,
        uid=message.key,
        last_seen=message.at,
        reason=reason,
        body=message.body,
    )
