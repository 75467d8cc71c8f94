"""Rules without an alert to states of their own: could not be asked, or nobody can know.

A rule that fails, or that finds nothing where not all was seen, is not quiet. Where it has alerts
they carry that state; where it has none the rule does, so that it can be asked for later. It is
never told as an alert: the digest's health and coverage say what is wrong.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from etl.alerts.alert import Alert, State, fingerprint
from etl.alerts.rules import Rule

# No column of ``by`` has this name, so that no alert of the rule has the fingerprint.
_WHOLE = {"": "rule"}


def stepped(
    before: Iterable[Alert],
    rules: Mapping[str, Rule],
    *,
    at: datetime,
    failed: Collection[str],
    found: Collection[str],
    seen: bool,
) -> list[Alert]:
    """Return the states after an evaluation, of rules that are asked.

    ``failed`` could not be asked, ``found`` have alerts, and ``seen`` says whether all was. What is
    over is inactive once, and then forgotten.
    """
    old = {alert.alert: alert for alert in before if alert.whole}
    states = []
    for name, rule in sorted(rules.items()):
        last = old.get(name)
        state: State = "inactive"
        if name not in found:
            state = "error" if name in failed else "inactive" if seen else "no_data"
        if state == "inactive" and (last is None or last.state == "inactive"):
            continue
        states.append(
            Alert(
                fingerprint=fingerprint(name, _WHOLE),
                alert=name,
                severity=rule.severity,
                labels=dict(rule.labels),
                state=state,
                was=last.state if last else "inactive",
                since=last.since if last and last.state != "inactive" else at,
                seen_at=at,
                whole=True,
            )
        )
    return states
