"""A digest and the route tree to what each receiver gets of it.

What has labels goes where its labels lead: alerts by theirs, movers, reasons and noisy objects by
cluster, namespace, reason and kind. What has none, such as switched-off rules and eventlake's
own health, goes where an alert without labels would. Without a route everybody gets all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import msgspec

from etl.alerts import label_matchers
from etl.alerts.label_matchers import Matchers, labels_of
from etl.alerts.model import Digest, Finding, FirstSeen, Mover, Noisy
from etl.config.receivers import Route
from etl.config.settings import Settings

# As in Alertmanager: all labels, so one message per alert.
EACH = "..."
# A message per alert is what these are for, or no person reads them.
_FOR_EACH = {"webhook_configs", "file_configs", "pagerduty_configs", "alertmanager_configs"}

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Share:
    """What one receiver gets in one message; ``group`` names it where there are several."""

    group: str
    digest: Digest


def shares(digest: Digest, settings: Settings, receiver: str) -> list[Share]:
    """Return what ``receiver`` gets of ``digest``: one share, or one for each group that its routes ask for."""
    if settings.route is None:
        return [Share("", digest)]
    tree = _Tree(settings.route, receiver)
    labels = tree.group_by()
    everything = tree.kept(digest)
    if not labels:
        return [Share("", everything)]
    every = (*everything.findings, *everything.still, *everything.resolved)
    groups = list(dict.fromkeys(_group(finding, labels) for finding in every))
    made = [Share(_written(group), _of_group(everything, group, labels)) for group in groups]
    return made or [Share("", everything)]


def mistakes(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield (path, what is wrong) for matchers that are none, and names that no receiver has."""
    if settings.route is None:
        return
    known = {receiver.name for receiver in settings.receivers}
    reached: set[str] = set()
    if not settings.route.receiver:
        yield "route.receiver", "is missing; the root names who gets what no other route takes"
    if settings.route.matchers:
        yield "route.matchers", "must be empty: everything enters at the root"
    for path, route in _walk(settings.route, "route"):
        reached.add(route.receiver)
        if route.receiver and route.receiver not in known:
            yield f"{path}.receiver", f"there is no receiver {route.receiver!r}"
        if EACH in route.group_by and (kinds := _for_people(route.receiver, settings)):
            yield (
                f"{path}.group_by",
                f"{EACH} sends a message per alert, which {', '.join(kinds)} of {route.receiver!r} would not stand",
            )
        for index, wrong in label_matchers.mistakes(route.matchers):
            yield f"{path}.matchers[{index}]", wrong
    for index, receiver in enumerate(settings.receivers):
        if receiver.name not in reached:
            # Silence has to mean quiet, and this receiver would be silent for ever.
            yield f"receivers[{index}].name", f"no route leads to {receiver.name!r}"


def _for_people(name: str, settings: Settings) -> list[str]:
    """Return the kinds of targets of a receiver that people read."""
    return [
        field.name
        for receiver in settings.receivers
        for field in msgspec.structs.fields(receiver)
        if receiver.name == name
        and field.name.endswith("_configs")
        and field.name not in _FOR_EACH
        and getattr(receiver, field.name)
    ]


@dataclass(frozen=True, slots=True)
class _Tree:
    """The routes, as one receiver sees them."""

    root: Route
    receiver: str

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
            first_seen=self._filtered(digest.first_seen, _first_seen),
            movers=self._filtered(digest.movers, _mover),
            noisiest=self._filtered(digest.noisiest, _noisy),
            held=digest.held if general else (),
            silences=digest.silences if general else (),
            inhibited=digest.inhibited if general else 0,
            cut=digest.cut if general else {},
            health=digest.health if general else (),
        )

    def group_by(self) -> tuple[str, ...]:
        """Return the labels by which any route to the receiver splits its messages."""
        found = [route for _, route in _walk(self.root, "") if route.receiver == self.receiver]
        return tuple(dict.fromkeys(label for route in found for label in route.group_by))

    def _filtered(
        self, rows: Iterable[Row], labels: Callable[[Row], Mapping[str, str]]
    ) -> tuple[Row, ...]:
        return tuple(row for row in rows if self._takes(labels(row)))

    def _takes(self, labels: Mapping[str, str]) -> bool:
        return self.receiver in reached(self.root, labels)


def reached(route: Route, labels: Mapping[str, str], inherited: str = "") -> list[str]:
    """Return the receivers that ``labels`` lead to: the deepest routes that match, as Alertmanager finds them."""
    receiver = route.receiver or inherited
    found: list[str] = []
    for child in route.routes:
        if Matchers.parse(child.matchers).match(labels):
            found += reached(child, labels, receiver)
            if not child.continue_:
                break
    return found or [receiver]


def _walk(route: Route, path: str) -> Iterator[tuple[str, Route]]:
    yield path, route
    for index, child in enumerate(route.routes):
        yield from _walk(child, f"{path}.routes[{index}]")


def _group(finding: Finding, labels: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    named = _finding(finding)
    if EACH in labels:
        return tuple(sorted(named.items()))
    return tuple((label, named.get(label, "")) for label in labels)


def _of_group(
    digest: Digest, group: tuple[tuple[str, str], ...], labels: tuple[str, ...]
) -> Digest:
    """Return the digest with the alerts of one group, and what else shares its labels."""

    def mine(finding: Finding) -> bool:
        return _group(finding, labels) == group

    def near(row: Mapping[str, str]) -> bool:
        return all(row.get(label, "") == value for label, value in group)

    return replace(
        digest,
        findings=tuple(filter(mine, digest.findings)),
        still=tuple(filter(mine, digest.still)),
        resolved=tuple(filter(mine, digest.resolved)),
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
