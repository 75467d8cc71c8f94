"""One of several clusters in the configuration: its name, and what of ``source`` is its own."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from etl.config.section import Section
from etl.timespan import Duration

Base = TypeVar("Base", bound=Section)


class Cluster(Section, frozen=True):
    """One of several clusters; what it leaves out is as ``source`` says."""

    name: str
    """Its name in the lake, in reports and in digests; it is part of the history, so keep it."""
    kubeconfig: str | None = None
    """Path of its kubeconfig; with one of its own, the context is that file's current one unless ``context`` names another."""
    context: str | None = None
    """Context of the kubeconfig."""
    namespaces: list[str] | None = None
    """Namespaces to list one by one; ``[]`` means all in one LIST."""
    page_size: int | None = None
    """Events per page."""
    timeout: Duration | None = None
    """How long one page may take."""
    retries: int | None = None
    """How often one page is asked for again."""
    deadline: Duration | None = None
    """How long its snapshot may take in all."""
    interval: Duration | None = None
    """How often it is listed."""
    ttl: Duration | None = None
    """How long it keeps an event (--event-ttl)."""

    def over(self, base: Base) -> Base:
        """Return ``base``, the section ``source``, with what this cluster says itself."""
        given = {
            field: value
            for field in self.__struct_fields__
            if field != "name" and (value := getattr(self, field)) is not None
        }
        if self.kubeconfig is not None:
            # The context of another file would be a stranger's.
            given.setdefault("context", "")
        return msgspec.structs.replace(base, **given)
