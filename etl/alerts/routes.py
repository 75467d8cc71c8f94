"""The route tree of the configuration to what each route means, with all that it inherits from those above it.

As in Alertmanager a route takes from the one above what it does not say itself: its receiver, how
messages are split, and when a digest is worth sending.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

from etl.alerts import label_matchers
from etl.alerts.label_matchers import Matchers
from etl.alerts.model import Send
from etl.config.route import Route
from etl.config.settings import Settings

# As in Alertmanager: all labels, so one message per alert.
EACH = "..."
# These get single alerts whatever their routes say.
_ALWAYS_EACH = {"pagerduty_configs", "alertmanager_configs"}
# A message per alert is what these are for, or no person reads them.
_FOR_EACH = {"webhook_configs", "file_configs", *_ALWAYS_EACH}
# From the most talkative to the least: who is reached by several routes misses nothing.
_SENDS: tuple[Send, ...] = ("always", "on_firing", "on_change")


@dataclass(frozen=True, slots=True)
class Branch:
    """One route and what holds for it; ``path`` is where it stands in the configuration."""

    path: str
    route: Route
    receiver: str
    group_by: tuple[str, ...]
    send: Send


def branches(settings: Settings) -> list[Branch]:
    """Return all routes, the root first; none where the configuration has no tree."""
    if settings.route is None:
        return []
    above = Branch("route", settings.route, "", (), settings.digest.send)
    return list(_below(above))


def group_by(settings: Settings, receiver: str) -> tuple[str, ...]:
    """Return the labels by which any route to ``receiver`` splits its messages."""
    found = [branch for branch in branches(settings) if branch.receiver == receiver]
    return tuple(dict.fromkeys(label for branch in found for label in branch.group_by))


def send(settings: Settings, receiver: str) -> Send:
    """Return which digests ``receiver`` wants: of several routes to it the most talkative counts."""
    wanted = {branch.send for branch in branches(settings) if branch.receiver == receiver}
    return next((one for one in _SENDS if one in wanted), settings.digest.send)


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


def mistakes(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield (path, what is wrong) for matchers that are none, and names that no receiver has."""
    if settings.route is None:
        return
    known = {receiver.name for receiver in settings.receivers}
    if not settings.route.receiver:
        yield "route.receiver", "is missing; the root names who gets what no other route takes"
    if settings.route.matchers:
        yield "route.matchers", "must be empty: everything enters at the root"
    for branch in branches(settings):
        named = branch.route.receiver
        if named and named not in known:
            yield f"{branch.path}.receiver", f"there is no receiver {named!r}"
        yield from _modes(branch, _kinds(branch.receiver, settings))
        for index, wrong in label_matchers.mistakes(branch.route.matchers):
            yield f"{branch.path}.matchers[{index}]", wrong
    reachable = {branch.receiver for branch in branches(settings)}
    for index, receiver in enumerate(settings.receivers):
        if receiver.name not in reachable:
            # Silence has to mean quiet, and this receiver would be silent for ever.
            yield f"receivers[{index}].name", f"no route leads to {receiver.name!r}"


def _modes(branch: Branch, kinds: list[str]) -> Iterator[tuple[str, str]]:
    """Say where people would get a message per alert, and where mode and group_by contradict each other."""
    mode, labels = branch.route.mode, branch.route.group_by
    if mode == "per_alert" and labels not in (None, [EACH]):
        yield f"{branch.path}.group_by", "is of no use beside mode: per_alert"
    if mode == "digest" and EACH in (labels or ()):
        yield f"{branch.path}.mode", f"contradicts group_by, in which {EACH} is a message per alert"
    if mode == "digest" and kinds and set(kinds) <= _ALWAYS_EACH:
        yield f"{branch.path}.mode", f"is of no use: {', '.join(kinds)} get single alerts only"
    people = [kind for kind in kinds if kind not in _FOR_EACH]
    if EACH in branch.group_by and people:
        stood, given = f"{', '.join(people)} of {branch.receiver!r} would not stand", labels or ()
        if EACH in given:
            yield f"{branch.path}.group_by", f"{EACH} sends a message per alert, which {stood}"
        elif mode:
            yield f"{branch.path}.mode", f"per_alert sends a message per alert, which {stood}"
        else:
            yield (
                f"{branch.path}.mode",
                f"is per_alert by the route above, which {stood}; say mode: digest",
            )


def _below(above: Branch) -> Iterator[Branch]:
    """Yield a route that was handed down ``above``, and all below it."""
    route = above.route
    own = Branch(
        above.path,
        route,
        route.receiver or above.receiver,
        _labels(route, above.group_by),
        route.send or above.send,
    )
    yield own
    for index, child in enumerate(route.routes):
        path = f"{own.path}.routes[{index}]"
        yield from _below(Branch(path, child, own.receiver, own.group_by, own.send))


def _labels(route: Route, inherited: tuple[str, ...]) -> tuple[str, ...]:
    if route.mode == "per_alert":
        return (EACH,)
    if route.group_by is not None:
        return tuple(route.group_by)
    return () if route.mode == "digest" and EACH in inherited else inherited


def _kinds(name: str, settings: Settings) -> list[str]:
    """Return the kinds of targets that a receiver has."""
    return [
        field.name
        for receiver in settings.receivers
        for field in msgspec.structs.fields(receiver)
        if receiver.name == name
        and field.name.endswith("_configs")
        and getattr(receiver, field.name)
    ]
