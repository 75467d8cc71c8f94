"""Inhibition: alerts that another one stands for, as a node that is away does for its pods.

Alertmanager's semantics: a target is held back while a source fires whose labels named by
``equal`` are the same; a label that both lack is the same. An alert on both sides is not
held back by one that is on both sides too, so nothing holds itself back.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from etl.alerts.alert import Alert
from etl.alerts.label_matchers import Matchers, labels_of
from etl.config.alerting import InhibitRule
from etl.config.settings import Settings


@dataclass(frozen=True, slots=True)
class Inhibition:
    """The rules of inhibition of a configuration."""

    rules: tuple[tuple[Matchers, Matchers, tuple[str, ...]], ...]

    @classmethod
    def of(cls, settings: Settings) -> Inhibition:
        """Read them from settings without mistakes."""
        return cls(
            tuple(
                (
                    Matchers.parse(one.source_matchers),
                    Matchers.parse(one.target_matchers),
                    tuple(one.equal),
                )
                for one in settings.inhibit_rules
            )
        )

    def holds(self, alert: Alert, firing: Sequence[Alert]) -> bool:
        """Whether an alert of ``firing`` stands for ``alert``."""
        if not self.rules:
            return False
        labels = _labels(alert)
        for source, target, equal in self.rules:
            if not target.match(labels):
                continue
            both = source.match(labels)
            for other in firing:
                theirs = _labels(other)
                if not source.match(theirs) or (both and target.match(theirs)):
                    continue
                if all(labels.get(name, "") == theirs.get(name, "") for name in equal):
                    return True
        return False


def lint(
    rules: Mapping[str, Collection[str]], inhibit_rules: Sequence[InhibitRule]
) -> list[tuple[str, str]]:
    """Return (path, advice) for labels of ``equal`` that a rule never has; ``rules`` has the labels of each by name."""
    found = []
    for place, one in enumerate(inhibit_rules):
        meant = set()
        for side in (one.source_matchers, one.target_matchers):
            names = [m for m in Matchers.parse(side).all if m.label == "alertname"]
            # Only matchers on the name say for certain which rules are meant.
            meant |= {
                rule
                for rule in rules
                if names and all(name.matches({"alertname": rule}) for name in names)
            }
        for rule in sorted(meant):
            for label in one.equal:
                if label not in rules[rule]:
                    advice = f"{rule} has no label {label}, and is equal only to alerts that lack it too; add it to its by"
                    found.append((f"inhibit_rules[{place}].equal", advice))
    return found


def _labels(alert: Alert) -> dict[str, str]:
    return labels_of(alert.alert, alert.severity, alert.labels)
