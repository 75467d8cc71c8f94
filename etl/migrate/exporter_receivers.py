"""The receivers of kubernetes-event-exporter to targets of ours, or to receivers of digests: which becomes what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from etl.migrate import addresses, exporter_targets
from etl.migrate.found import Entry, Found
from etl.migrate.given import Given
from etl.migrate.gotext import TemplateError

_ELSEWHERE = {
    "syslog": "write to stdout or a file, which the syslog daemon or a log agent reads",
    "kinesis": "there is no sender for AWS streams; Amazon MSK takes a Kafka target",
    "firehose": "there is no sender for AWS streams; the lake itself may lie in S3, as Parquet",
    "sqs": "there is no sender for AWS queues; an http target reaches an API Gateway before one",
    "sns": "there is no sender for SNS; an http target reaches an API Gateway, a digest goes by mail or chat",
    "pubsub": "there is no sender for Pub/Sub; the lake itself may lie in Google Cloud Storage, as Parquet",
    "bigquery": "BigQuery reads the lake's Parquet itself: an external table over gs://…/days with Hive partitions",
    "eventbridge": "there is no sender for it; an http target reaches an API destination",
    "opscenter": "there is no sender for it; alerts go to PagerDuty, Alertmanager, chats and webhooks",
    "opsgenie": "alerts, not events, belong there: apprise_configs has opsgenie:// (docs/receivers.md)",
    "loki": "write to stdout or a file, which Promtail, Alloy or Fluent Bit reads; the lake answers LogQL's questions in SQL",
    "prometheus": "counts are in eventlake metrics, for Prometheus: docs/monitoring.md",
    "inMemory": "it was for tests of kubernetes-event-exporter alone",
}


@dataclass(slots=True)
class Receivers:
    """What became of the receivers: the names of their targets, of receivers of digests, and what was refused."""

    targets: dict[str, str] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    topics: dict[str, str] = field(default_factory=dict)


def read(given: list[Any], found: Found, *, cluster: str) -> Receivers:
    """Add to ``found`` what the receivers become."""
    receivers = Receivers()
    for index, one in enumerate(given):
        name = str((one or {}).get("name") or f"receiver {index}")
        kinds = [key for key, value in (one or {}).items() if key != "name" and value is not None]
        if len(kinds) != 1:
            found.refuse(
                f"receiver {name}", "has no sink, or several; kubernetes-event-exporter takes one"
            )
            receivers.refused.add(name)
            continue
        kind = kinds[0]
        if kind not in _READERS:
            why = _ELSEWHERE.get(kind, "kubernetes-event-exporter does not know it either")
            found.refuse(f"receiver {name} ({kind})", why)
            receivers.refused.add(name)
            continue
        secrets = len(found.secrets)
        try:
            _READERS[kind](Given(name, kind, dict(one[kind]), cluster), receivers, found)
        except TemplateError as error:
            # The others go on; nothing of this one stays, so that no route leads to it.
            found.refuse(f"receiver {name} ({kind})", str(error))
            receivers.refused.add(name)
            receivers.targets.pop(name, None)
            del found.secrets[secrets:]
    return receivers


def _kafka(given: Given, receivers: Receivers, found: Found) -> None:
    exporter_targets.kafka(given, receivers.targets, found)
    receivers.topics[given.text("topic")] = given.name


def _store(given: Given, receivers: Receivers, found: Found) -> None:
    exporter_targets.store(given, receivers.targets, found)


def _file(given: Given, receivers: Receivers, found: Found) -> None:
    exporter_targets.file(given, receivers.targets, found)


def _stdout(given: Given, receivers: Receivers, found: Found) -> None:
    exporter_targets.stdout(given, receivers.targets, found)


def _webhook(given: Given, receivers: Receivers, found: Found) -> None:
    url = given.text("endpoint")
    chat = addresses.chat(url)
    if chat and not found.per_event:
        _digest(given, chat, receivers, found, f"the address: {addresses.shown(url)}")
    else:
        exporter_targets.webhook(given, receivers.targets, found)


def _slack(given: Given, receivers: Receivers, found: Found) -> None:
    if found.per_event:
        exporter_targets.slack(given, receivers.targets, found)
        return
    if "{{" in given.text("channel"):
        found.note(
            f"receiver {given.name}: a channel by a template has no counterpart in a digest; routes by the label of a team have (docs/receivers.md)"
        )
    what = "the address of an incoming webhook of the channel: the token and chat.postMessage are not used any more"
    _digest(given, "slack", receivers, found, what)


def _teams(given: Given, receivers: Receivers, found: Found) -> None:
    found.note(
        f"receiver {given.name}: Teams has closed the connectors that it posts to; a workflow takes the digest, and its address is another one"
    )
    if found.per_event:
        raise TemplateError(
            "its card for connectors has no counterpart; without --per-event it gets the digest"
        )
    _digest(given, "teams", receivers, found, "the address of a Teams workflow (docs/receivers.md)")


def _digest(given: Given, kind: str, receivers: Receivers, found: Found, what: str) -> None:
    name = found.name(given.name)
    receivers.digests[given.name] = name
    settings = {
        "name": name,
        f"{kind}_configs": [{"url_file": found.secret_file(f"{name}-url", what)}],
    }
    comment = f"kubernetes-event-exporter's receiver {given.name} ({given.kind}) sent a message for each event; this gets one digest. --per-event keeps the single messages."
    found.receivers.append(Entry(settings, (comment,)))
    found.alert_routes.append(
        {"receiver": name, "matchers": [f'sink=~"|{name}"'], "continue": True}
    )


_READERS: dict[str, Callable[[Given, Receivers, Found], None]] = {
    "kafka": _kafka,
    "elasticsearch": _store,
    "opensearch": _store,
    "webhook": _webhook,
    "file": _file,
    "pipe": _file,
    "stdout": _stdout,
    "slack": _slack,
    "teams": _teams,
}

KINDS = frozenset(_READERS)

REFUSED = frozenset(_ELSEWHERE)
