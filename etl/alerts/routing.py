"""A digest and the route tree to what each receiver gets of it.

What has labels goes where its labels lead: alerts by theirs, movers, reasons and noisy objects by
cluster, namespace, reason and kind. What has none, such as switched-off rules and eventlake's
own health, goes where an alert without labels would. Without a route everybody gets all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from etl.alerts import routes
from etl.alerts.label_matchers import labels_of
from etl.alerts.model import Digest, Finding, FirstSeen, Mover, Noisy
from etl.alerts.routes import EACH
from etl.alerts.teams import with_team
from etl.config.route import Route
from etl.config.settings import Settings

Row = TypeVar("Row")
_Named = Callable[[Mapping[str, str]], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Share:
    """What one receiver gets in one message; ``group`` names it where there are several."""

    group: str
    digest: Digest


def shares(
    digest: Digest, settings: Settings, receiver: str, *, grouped: bool = True
) -> list[Share]:
    """Return what ``receiver`` gets of ``digest``: one share, or where ``grouped`` one for each group of its routes."""
    if settings.route is None:
        return [Share("", digest)]
    labels = routes.group_by(settings, receiver)
    named = partial(with_team, known=digest.namespaces, clusters=digest.clusters)
    everything = _Tree(settings.route, receiver, named).kept(digest)
    if not labels or not grouped:
        return [Share("", everything)]
    every = (
        *everything.findings,
        *everything.still,
        *everything.resolved,
        *everything.expired,
    )
    groups = list(dict.fromkeys(_group(named(_finding(one)), labels) for one in every))
    made = [Share(_written(group), _of_group(everything, group, labels, named)) for group in groups]
    return made or [Share("", everything)]


@dataclass(frozen=True, slots=True)
class _Tree:
    """The routes, as one receiver sees them."""

    root: Route
    receiver: str
    named: _Named

    def kept(self, digest: Digest) -> Digest:
        """Return the digest with what is routed here."""
        general = self._takes({})
        findings = self._filtered(digest.findings, _finding)
        still = self._filtered(digest.still, _finding)
        return replace(
            digest,
            findings=findings,
            still=still,
            elsewhere=len(digest.findings) + len(digest.still) - len(findings) - len(still),
            resolved=self._filtered(digest.resolved, _finding),
            expired=self._filtered(digest.expired, _finding),
            first_seen=self._filtered(digest.first_seen, _first_seen),
            movers=self._filtered(digest.movers, _mover),
            noisiest=self._filtered(digest.noisiest, _noisy),
            held=digest.held if general else (),
            silences=digest.silences if general else (),
            inhibited=digest.inhibited if general else 0,
            paused=digest.paused if general else 0,
            urgent=self._filtered(digest.urgent, _finding),
            cut=digest.cut if general else {},
            health=digest.health if general else (),
        )

    def _filtered(
        self, rows: Iterable[Row], labels: Callable[[Row], Mapping[str, str]]
    ) -> tuple[Row, ...]:
        return tuple(row for row in rows if self._takes(labels(row)))

    def _takes(self, labels: Mapping[str, str]) -> bool:
        return self.receiver in routes.reached(self.root, self.named(labels))


def _group(named: Mapping[str, str], labels: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    if EACH in labels:
        return tuple(sorted(named.items()))
    return tuple((label, named.get(label, "")) for label in labels)


def _of_group(
    digest: Digest, group: tuple[tuple[str, str], ...], labels: tuple[str, ...], named: _Named
) -> Digest:
    """Return the digest with the alerts of one group, and what else shares its labels."""

    def mine(finding: Finding) -> bool:
        return _group(named(_finding(finding)), labels) == group

    def near(row: Mapping[str, str]) -> bool:
        return all(named(row).get(label, "") == value for label, value in group)

    return replace(
        digest,
        whole=False,
        findings=tuple(filter(mine, digest.findings)),
        still=tuple(filter(mine, digest.still)),
        resolved=tuple(filter(mine, digest.resolved)),
        expired=tuple(filter(mine, digest.expired)),
        urgent=tuple(filter(mine, digest.urgent)),
        first_seen=tuple(row for row in digest.first_seen if near(_first_seen(row))),
        movers=tuple(row for row in digest.movers if near(_mover(row))),
        noisiest=tuple(row for row in digest.noisiest if near(_noisy(row))),
    )


def _written(group: tuple[tuple[str, str], ...]) -> str:
    return ",".join(f"{label}={value}" for label, value in group)


def _finding(finding: Finding) -> Mapping[str, str]:
    return labels_of(finding.alert, finding.severity, finding.labels)


def _first_seen(row: FirstSeen) -> Mapping[str, str]:
    return {"cluster": row.cluster, "reason": row.reason, "kind": row.object_kind}


def _mover(row: Mover) -> Mapping[str, str]:
    return {"cluster": row.cluster, "namespace": row.namespace, "reason": row.reason}


def _noisy(row: Noisy) -> Mapping[str, str]:
    return {
        "cluster": row.cluster,
        "namespace": row.namespace,
        "reason": row.top_reason,
        "kind": row.object_kind,
    }
