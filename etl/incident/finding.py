"""An object's name to the one place that is meant: its cluster and namespace, or a refusal that helps."""

from __future__ import annotations

from datetime import datetime

from etl.errors import UsageError
from etl.incident.kinds import Reference
from etl.incident.listing import everything
from etl.incident.story import Place, places
from etl.lake.query import Session


def find(
    session: Session, about: Reference, *, now: datetime, namespace: str | None, sure: bool
) -> Place:
    """Return where the object is; a ``namespace`` of null is any.

    Whoever is not ``sure`` of the namespace gets the object all the same where it is in one
    other place only. Raises ``UsageError`` if it is nowhere, or in several places.
    """
    wanted = None if about.kind == "namespace" else namespace
    found = places(session, about, window=everything(now), namespace=None)
    here = [place for place in found if wanted is None or place.namespace == wanted]
    if not about.namespaced or about.kind == "namespace":
        # Events of a Node may claim several namespaces; the cluster is what matters.
        here = list({place.cluster: place for place in reversed(here)}.values())[::-1]
    elsewhere = ", ".join(f"{place.namespace} ({place.cluster})" for place in found)
    if not here and (sure or len(found) != 1):
        where = f" in the namespace {wanted}" if wanted else ""
        hint = f"; there are some in {elsewhere}: choose a namespace and a cluster" if found else ""
        raise UsageError(f"no event about {about.kind} {about.name}{where} is in the lake{hint}")
    if len(here) > 1:
        raise UsageError(
            f"{about.kind} {about.name} is in {elsewhere}: choose one by its namespace or cluster"
        )
    return (here or found)[0]
