"""What was decided and sent, to rows: the views ``alerts`` and ``deliveries``.

The files are ``etl.alerts``' own, and hold addresses of nobody and messages of everybody. Only
what is listed here leaves them, so a statement never sees a message's text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import pyarrow as pa

from etl.lake import records
from etl.lake.files import Files
from etl.lake.partitions import left_out
from etl.schema import TIME, Column, column

_TEXT = pa.string()
ALERTS: tuple[Column, ...] = (
    column("window_end", TIME, "End of the window that was evaluated.", nullable=False),
    column("kind", _TEXT, "digest, or urgent: after a snapshot.", nullable=False),
    column("alert", _TEXT, "The rule's name.", nullable=False),
    column(
        "fingerprint",
        _TEXT,
        "Names the alert over time: a hash of its rule and its labels.",
        nullable=False,
    ),
    column("severity", _TEXT, "critical, warning or info.", nullable=False),
    column("cluster", _TEXT, "The label cluster; null for an alert over several."),
    column("labels", pa.map_(_TEXT, _TEXT), "Its labels.", nullable=False),
    column(
        "state",
        _TEXT,
        "pending, firing, resolved; inactive: over before it was told; no_data, error: nobody could know, and it stands; expired: for so long that it was closed. Of a rule without an alert: error, no_data, inactive.",
        nullable=False,
    ),
    column("was", _TEXT, "The state after the evaluation before.", nullable=False),
    column(
        "told",
        _TEXT,
        "new, again (after digest.repeat_interval), still, resolved, expired; empty where nothing was told.",
        nullable=False,
    ),
    column(
        "held",
        _TEXT,
        "Why it was not told: silenced, inhibited, limited, paused; empty where nothing held it.",
        nullable=False,
    ),
    column("value", pa.float64(), "The number that met the threshold, when it last did."),
    column("baseline", pa.float64(), "What was usual; null while there was too little history."),
    column("summary", _TEXT, "Its text, in the first language that was asked for."),
    column("since", TIME, "End of the window in which it was first found.", nullable=False),
    column("fired_at", TIME, "End of the window in which it began to fire."),
    column("last_seen", TIME, "When the newest event that counted happened."),
    column("window_start", TIME, "Start of the window.", nullable=False),
    column("evaluated_at", TIME, "When the run evaluated, our clock.", nullable=False),
)
DELIVERIES: tuple[Column, ...] = (
    column("delivery_id", _TEXT, "Names the message to one target.", nullable=False),
    column("receiver", _TEXT, "The receiver's name; null where its message is gone."),
    column("place", _TEXT, "Which of the receiver's targets, such as wecom[0]."),
    column("part", pa.int64(), "Which part of the digest, from 1 on."),
    column("clusters", pa.list_(_TEXT), "The clusters of the digest."),
    column("window_start", TIME, "Start of the digest's window."),
    column("window_end", TIME, "End of the digest's window."),
    column("attempt", pa.int64(), "Which attempt, from 1 on.", nullable=False),
    column("started_at", TIME, "When it was begun, our clock.", nullable=False),
    column("finished_at", TIME, "When it ended; null while it is under way or nobody knows."),
    column(
        "outcome",
        _TEXT,
        "How it ended, such as ok or transient; empty where the run died.",
        nullable=False,
    ),
    column("http_status", pa.int64(), "The HTTP status of the answer."),
    column("code", _TEXT, "The target's own code in the answer's body."),
    column("detail", _TEXT, "What the target said, without addresses."),
    column("repeated", pa.bool_(), "Whether it may have arrived before.", nullable=False),
    column("message", _TEXT, "What became of it: pending, delivered or dead.", nullable=False),
)
NAMES = ("alerts", "deliveries")


def empty() -> dict[str, pa.Table]:
    """Return the views as a lake shows them in which nothing was decided and nothing sent."""
    return {
        "alerts": _schema(ALERTS).empty_table(),
        "deliveries": _schema(DELIVERIES).empty_table(),
    }


class _Alert(msgspec.Struct, kw_only=True):
    alert: str
    fingerprint: str
    severity: str
    labels: dict[str, str]
    state: str
    was: str = "inactive"
    said: str = ""
    stayed: str = ""
    stayed_before: str = ""
    value: float = 0
    baseline: float | None = None
    words: dict[str, dict[str, str]] = {}
    since: datetime
    fired_at: datetime | None = None
    last_seen: datetime | None = None


class _Record(msgspec.Struct, kw_only=True):
    kind: str
    start: datetime
    end: datetime
    evaluated_at: datetime
    alerts: list[_Alert]


class _Message(msgspec.Struct, kw_only=True):
    id: str
    receiver: str
    place: str
    part: int
    clusters: list[str]
    start: datetime
    end: datetime


class _Grave(msgspec.Struct, kw_only=True):
    entry: _Message


class _Attempt(msgspec.Struct, kw_only=True):
    id: str
    number: int
    started_at: datetime
    finished_at: datetime | None = None
    outcome: str = ""
    status: int | None = None
    code: str = ""
    detail: str = ""
    repeat: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """Reads the files; ``warn`` is told of those that cannot be read. ``cluster`` limits the rows."""

    files: Files
    cluster: str | None
    warn: Callable[[list[str]], None]

    def table(self, view: str) -> pa.Table:
        """Return the rows of ``alerts`` or ``deliveries``, in the order of time."""
        if view == "alerts":
            rows = sorted(self._alerts(), key=lambda row: (row["window_end"], row["fingerprint"]))
            return pa.Table.from_pylist(rows, schema=_schema(ALERTS))
        rows = sorted(self._deliveries(), key=lambda row: (row["started_at"], row["delivery_id"]))
        return pa.Table.from_pylist(rows, schema=_schema(DELIVERIES))

    def _alerts(self) -> Iterator[dict[str, Any]]:
        """Yield what an evaluation decided; what went on as before is no row."""
        for path in self.files.list("alerts"):
            record = self._read(path, _Record)
            for one in record.alerts if record else ():
                decided = one.state != one.was or one.stayed != one.stayed_before
                if not (decided or one.said in {"new", "again", "resolved", "expired"}):
                    continue
                if self.cluster is None or one.labels.get("cluster") == self.cluster:
                    yield _alert_row(record, one)

    def _deliveries(self) -> Iterator[dict[str, Any]]:
        messages: dict[str, tuple[_Message, str]] = {}
        for folder in ("pending", "delivered", "dead"):
            for path in self.files.list(f"outbox/{folder}"):
                if folder == "dead":
                    grave = self._read(path, _Grave)
                    found = grave.entry if grave else None
                else:
                    found = self._read(path, _Message)
                if found:
                    messages[found.id] = (found, folder)
        for path in self.files.list("outbox/attempts"):
            attempt = self._read(path, _Attempt)
            if attempt is None:
                continue
            message, state = messages.get(attempt.id, (None, "pending"))
            if self.cluster is None or (message and self.cluster in message.clusters):
                yield _delivery_row(attempt, message, state)

    def _read(self, path: str, kind: type[Any]) -> Any:  # noqa: ANN401 -- what the caller asked for
        if not path.endswith(".json"):
            return None
        # One damaged file must not keep the others from being asked.
        return records.read(
            self.files,
            path,
            kind,
            damaged=lambda reason: self.warn([left_out(path, "cannot be read", reason)]),
        )


def _alert_row(record: _Record, one: _Alert) -> dict[str, Any]:
    words = next(iter(one.words.values()), {})
    return {
        "window_end": record.end,
        "kind": record.kind,
        "alert": one.alert,
        "fingerprint": one.fingerprint,
        "severity": one.severity,
        "cluster": one.labels.get("cluster"),
        "labels": sorted(one.labels.items()),
        "state": one.state,
        "was": one.was,
        "told": one.said,
        "held": one.stayed,
        "value": one.value,
        "baseline": one.baseline,
        "summary": words.get("summary"),
        "since": one.since,
        "fired_at": one.fired_at,
        "last_seen": one.last_seen,
        "window_start": record.start,
        "evaluated_at": record.evaluated_at,
    }


def _delivery_row(attempt: _Attempt, message: _Message | None, state: str) -> dict[str, Any]:
    return {
        "delivery_id": attempt.id,
        "receiver": message.receiver if message else None,
        "place": message.place if message else None,
        "part": message.part if message else None,
        "clusters": message.clusters if message else None,
        "window_start": message.start if message else None,
        "window_end": message.end if message else None,
        "attempt": attempt.number,
        "started_at": attempt.started_at,
        "finished_at": attempt.finished_at,
        "outcome": attempt.outcome,
        "http_status": attempt.status,
        "code": attempt.code,
        "detail": attempt.detail,
        "repeated": attempt.repeat,
        "message": state,
    }


def _schema(columns: tuple[Column, ...]) -> pa.Schema:
    return pa.schema([pa.field(c.name, c.type, nullable=True) for c in columns])
