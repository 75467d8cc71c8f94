"""A sink that told a chat of each event, to a receiver of digests and the rule that finds the same events."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from etl.migrate.found import Entry, Found
from etl.migrate.sink import Sink, whole


def digest(
    sink: Sink,
    kind: str,
    match: dict[str, Any],
    what: str,
    found: Found,
    secrets: Mapping[str, str] | None = None,
) -> None:
    """Add a receiver of digests, and a rule that finds what the sink would have sent."""
    name = found.name(sink.kind if sink.kind != "webhook" else kind)
    target = {"url_file": found.secret_file(f"{name}-url", what)}
    for setting, told in (secrets or {}).items():
        target[setting] = found.secret_file(f"{name}-secret", told)
    labels = ", ".join(sink.options.get("label", []))
    comments = [
        f"kube-eventer's {sink.kind} sent a message for each event; this gets one digest. --per-event keeps the single messages."
    ]
    if labels:
        comments.append(f"Its label was {labels!r}: the digest names the cluster by itself.")
    found.receivers.append(Entry({"name": name, f"{kind}_configs": [target]}, tuple(comments)))
    found.rules.append(_rule(sink, name, match))
    namespaces = sink.several("namespaces")
    alert_route: dict[str, Any] = {
        "receiver": name,
        "matchers": [f'sink=~"|{name}"'],
        "continue": True,
    }
    if namespaces:
        alert_route["matchers"].append(f'namespace=~"|{"|".join(map(whole, namespaces))}"')
    found.alert_routes.append(alert_route)


def _rule(sink: Sink, name: str, match: dict[str, Any]) -> Entry:
    """Return the rule that counts what the sink would have sent, by namespace, kind and reason."""
    wanted: dict[str, Any] = {}
    if match.get("type") == "^Warning$":
        wanted["type"] = "Warning"
    for ours, theirs in (("namespace", "namespaces"), ("kind", "kinds")):
        if values := sink.several(theirs):
            wanted[ours] = f"=~{'|'.join(map(whole, values))}"
    if "reason" in match:
        wanted["reason"] = f"=~.*(?:{match['reason']}).*"
    if not wanted:
        wanted["type"] = ["Normal", "Warning"]
    severity = "warning" if wanted.get("type") == "Warning" else "info"
    settings = {
        "alert": "".join(part.capitalize() for part in re.split(r"\W+", name)) + "Events",
        "match": wanted,
        "by": ["cluster", "namespace", "kind", "reason"],
        "threshold": "> 0",
        "labels": {"severity": severity, "sink": name},
        "annotations": {
            "summary": "{{ value }} × {{ labels.reason }} on {{ labels.kind }} in {{ labels.namespace }}"
        },
    }
    return Entry(settings, (f"What {sink.title} would have sent.",))
