"""Rows of the lake to messages for one target: what its layout, or its text, makes of each.

Leaves are rendered one by one and encoded once (``etl.wire.templates``), so no text of an
event can break a document, and none is ever read as a template.
"""

from __future__ import annotations

from dataclasses import dataclass

from etl.config.forwarding import Target
from etl.forward import context, documents
from etl.forward.sending import Message
from etl.wire import templates


@dataclass(frozen=True, slots=True)
class Layout:
    """The form in which ``target`` gets observations."""

    target: Target

    def message(self, row: documents.Row) -> Message:
        """Return one row of ``observations`` as a message; raises ``LeafError`` where a template fails on it."""
        document = documents.exported(row)
        seen = context.context_of(row, document)
        return Message(
            id=str(seen["id"]),
            key=row["uid"],
            cluster=row["cluster"],
            at=row["last_seen"],
            body=self._body(document, seen),
            context=seen,
        )

    def _body(self, document: dict[str, object], seen: dict[str, object]) -> bytes:
        if self.target.http and self.target.http.text:
            return templates.render_leaf(self.target.http.text, seen).encode("utf-8", "replace")
        if self.target.layout is None:
            return documents.encoded(document)
        return documents.encoded(templates.render_tree(self.target.layout, seen))
