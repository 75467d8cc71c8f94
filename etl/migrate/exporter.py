"""kubernetes-event-exporter's config.yaml to targets, receivers and a route tree.

The tree is the same here, so it is taken over as it is; what an expression of it could
never match in Go is left out and told. Slack and Teams become receivers of the digest.
Sources: ``pkg/exporter/{config,route,rule}.go`` and ``pkg/sinks/*`` of
resmoio/kubernetes-event-exporter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from etl.migrate import exporter_receivers, exporter_shape
from etl.migrate.exporter_receivers import Receivers
from etl.migrate.expressions import is_re2
from etl.migrate.found import Entry, Found

# Fields of a rule that are expressions, by their names there and here.
_FIELDS = ("message", "apiVersion", "kind", "namespace", "reason", "type", "component", "host")
_MAPS = ("labels", "annotations")
# What the digest's own match calls the fields.
_DIGEST = {"kind": "kind", "namespace": "namespace", "reason": "reason", "type": "type"}
_DIGEST |= {"message": "message", "component": "component", "host": "node"}
_NEEDLESS = {
    "logLevel": "say --quiet where less shall be told",
    "logFormat": "say --log-format json on the command line, or EVENTLAKE_LOG_FORMAT",
    "throttlePeriod": "nothing is left out for its age: what a snapshot sees for the first time is sent",
    "maxEventAgeSeconds": "nothing is left out for its age: what a snapshot sees for the first time is sent",
    "leaderElection": "two runs at once change nothing, so nobody is elected",
    "kubeQPS": "objects are not asked for one by one",
    "kubeBurst": "objects are not asked for one by one",
    "metricsNamePrefix": "metrics have their own names: docs/monitoring.md",
    "omitLookup": "objects are not asked for one by one",
    "cacheSize": "objects are not asked for one by one",
}


def is_config(data: object) -> bool:
    """Whether a YAML document is such a configuration."""
    return isinstance(data, dict) and isinstance(data.get("receivers"), list) and "kind" not in data


def read(config: Mapping[str, Any], found: Found) -> Receivers:
    """Add to ``found`` what the configuration becomes; returns what its receivers were.

    Raises ``InputError`` for what Go would not read.
    """
    exporter_shape.check(config)
    if cluster := config.get("clusterName"):
        found.general["cluster"] = str(cluster)
    if namespace := config.get("namespace"):
        found.general.setdefault("source", {})["namespaces"] = [str(namespace)]
    if kubeconfig := config.get("kubeconfig"):
        found.general.setdefault("source", {})["kubeconfig"] = str(kubeconfig)
    known = {"clusterName", "namespace", "kubeconfig", "route", "receivers"}
    for key in config:
        if key in _NEEDLESS:
            found.note(f"{key}: {_NEEDLESS[key]}")
        elif key not in known:
            found.refuse(key, "is no setting that is known of kubernetes-event-exporter")
    receivers = exporter_receivers.read(
        config["receivers"], found, cluster=str(config.get("clusterName") or "")
    )
    tree = _route(config.get("route") or {}, receivers, found, "route", ())
    if tree:
        found.routes.append(tree)
    return receivers


def _route(
    route: object,
    receivers: Receivers,
    found: Found,
    path: str,
    above: tuple[dict[str, Any], ...],
) -> dict[str, Any]:
    """Return a level of the tree with what of it has a meaning here; empty where nothing has."""
    if not isinstance(route, Mapping):
        found.refuse(path, "is no mapping")
        return {}
    drops, matches = [], []
    for index, rule in enumerate(route.get("drop") or []):
        where = f"{path}.drop[{index}]"
        if (read_rule := _rule(rule, found, where)) is None:
            found.note(
                f"{where}: an expression of it is none, so kubernetes-event-exporter never drops anything by it, and says nothing; it is left out"
            )
        else:
            read_rule.pop("receiver", None)
            drops.append(read_rule)
    on = True
    for index, rule in enumerate(route.get("match") or []):
        where = f"{path}.match[{index}]"
        if (read_rule := _rule(rule, found, where)) is None:
            on = False
            found.note(
                f"{where}: an expression of it is none, so nothing ever matches it in kubernetes-event-exporter; it is left out with all below it"
            )
            continue
        name = read_rule.pop("receiver", "")
        read_rule = _to_receiver(
            read_rule, name, receivers, found, where, (*above, {"drop": drops})
        )
        matches.append(read_rule)
    inner = (*above, {"drop": drops, "match": matches})
    below = [
        _route(one, receivers, found, f"{path}.routes[{index}]", inner)
        for index, one in enumerate(route.get("routes") or [])
    ]
    below = [one for one in below if one] if on else []
    found_here = [rule for rule in matches if rule.get("receiver")]
    if not below:
        # What matches and goes nowhere only led to what is gone.
        matches = found_here
    if not matches and not below:
        return {}
    tree = {"drop": drops, "match": matches, "routes": below}
    return {key: value for key, value in tree.items() if value}


def _to_receiver(
    rule: dict[str, Any],
    name: str,
    receivers: Receivers,
    found: Found,
    where: str,
    above: tuple[dict[str, Any], ...],
) -> dict[str, Any]:
    """Return the rule with the name of its target; a receiver of digests gets a rule of its own instead."""
    if name in receivers.targets:
        return {**rule, "receiver": receivers.targets[name]}
    if name in receivers.digests:
        _digest_rule(rule, receivers.digests[name], found, where, above)
    elif name and name not in receivers.refused:
        found.refuse(where, f"there is no receiver {name!r}")
    return rule


def _rule(rule: object, found: Found, where: str) -> dict[str, Any] | None:
    """Return a rule in our words; null where an expression of it is none."""
    if not isinstance(rule, Mapping):
        return {}
    kept: dict[str, Any] = {name: str(rule[name]) for name in _FIELDS if rule.get(name)}
    expressions = list(kept.values())
    for name in _MAPS:
        if given := rule.get(name):
            kept[name] = {str(key): str(one) for key, one in given.items()}
            expressions += kept[name].values()
    if not all(map(is_re2, expressions)):
        return None
    found.labels |= set(kept.get("labels", {}))
    if "annotations" in kept:
        found.note(f"{where}: annotations of objects are not in the lake, so this never matches")
    if count := rule.get("minCount"):
        kept["minCount"] = int(count)
    if receiver := rule.get("receiver"):
        kept["receiver"] = str(receiver)
    for key in rule:
        if key not in {*_FIELDS, *_MAPS, "minCount", "receiver", "name"}:
            found.refuse(f"{where}.{key}", "is no field of a rule")
    return kept


def _digest_rule(
    rule: Mapping[str, Any],
    receiver: str,
    found: Found,
    where: str,
    above: tuple[dict[str, Any], ...],
) -> None:
    """Add a rule of the digest that finds what went to a chat on this way."""
    wanted: dict[str, Any] = {}
    missing: set[str] = set()
    rules = [rule, *(one for level in above for one in level.get("match", ()))]
    for one in rules:
        for name, expression in one.items():
            _add(wanted, missing, name, expression, negated=False)
    for level in above:
        for one in level.get("drop", ()):
            fields = {key: value for key, value in one.items() if key != "minCount"}
            if len(fields) == 1 and "minCount" not in one:
                name, expression = next(iter(fields.items()))
                _add(wanted, missing, name, expression, negated=True)
            else:
                missing.add("a drop of several fields")
    if missing:
        found.note(
            f"{where}: the digest's rule for {receiver} cannot ask for {', '.join(sorted(missing))}; it finds more than was sent"
        )
    number = sum(entry.settings["labels"].get("sink") == receiver for entry in found.rules) + 1
    words = "".join(part.capitalize() for part in re.split(r"\W+", receiver))
    count = max((one.get("minCount", 0) for one in rules), default=0)
    settings = {
        "alert": f"{words}Events{number if number > 1 else ''}",
        "match": wanted or {"type": ["Normal", "Warning"]},
        "by": ["cluster", "namespace", "kind", "reason"],
        "threshold": f">= {count}" if count > 1 else "> 0",
        "labels": {"severity": "warning", "sink": receiver},
        "annotations": {
            "summary": "{{ value }} × {{ labels.reason }} on {{ labels.kind }} in {{ labels.namespace }}"
        },
    }
    found.rules.append(Entry(settings, (f"What {where} sent to {receiver}.",)))


def _add(
    wanted: dict[str, Any], missing: set[str], name: str, expression: object, *, negated: bool
) -> None:
    if name in {"receiver", "minCount"}:
        return
    if name not in _DIGEST or _DIGEST[name] in wanted:
        missing.add(name)
        return
    wanted[_DIGEST[name]] = f"{'!~' if negated else '=~'}.*(?:{expression}).*"
