"""The bodies that kube-eventer's sinks send, as our layouts: field for field what they were.

Sources: ``sinks/{webhook,dingtalk,wechat,kafka,elasticsearch}`` of kube-eventer. Its
clock is not ours: where it falls back to the time of sending, this tells when the event
was seen.
"""

from __future__ import annotations

from typing import Any

from etl.migrate.expression import literal
from etl.migrate.leaf import escaped

# The body of a webhook without a ConfigMap, in the words of Go.
WEBHOOK = """{
"EventType": "{{ .Type }}",
"EventKind": "{{ .InvolvedObject.Kind }}",
"EventReason": "{{ .Reason }}",
"EventTime": "{{ .LastTimestamp }}",
"EventMessage": "{{ .Message }}"
}"""
_LAST = "event.lastTimestamp or event.eventTime or observation.observed_at"
_CONSOLE = "https://cs.console.aliyun.com/#/k8s"
_SERVER = "https://ecs.console.aliyun.com/#/server"
_SHORT = "event.metadata.name.split('.')|first"
# RFC 3339 as Go marshals a time: fractions without their zeros.
_NANOS = "'2006-01-02T15:04:05.999999999Z07:00'"


def dingtalk_text(labels: list[str], kind: str, zone: str) -> dict[str, Any]:
    """Return the text message of the DingTalk sink; ``kind`` is its msg_type."""
    time = f"go_date('2006-01-02 15:04:05', {_LAST}{_zone(zone)})"
    return {
        "msgtype": kind,
        "text": {"content": _lines(labels, time)},
        "markdown": {"title": "", "text": ""},
    }


def wechat(labels: list[str], zone: str) -> dict[str, Any]:
    """Return the text of the wechat sink, in the envelope of a group robot."""
    time = f"go_time({_LAST}{_zone(zone)})"
    return {"msgtype": "text", "text": {"content": _lines(labels, time)}}


def dingtalk_markdown(labels: list[str], cluster: str, region: str, zone: str) -> dict[str, Any]:
    """Return the Markdown message of the DingTalk sink, with its links into Alibaba's console."""
    head = "".join(
        f"label[{number}]: **{escaped(label)}**\n\n"
        for number, label in enumerate(labels)
        if label.strip()
    )
    node = (
        "{% if event.source.host %}Node: {% if '.' in event.source.host %}[{{ event.source.host }}]"
        f"({_SERVER}/{{{{ event.source.host.split('.')[1] }}}}/detail?regionId={{{{ event.source.host.split('.')[0] }}}})"
        "{% else %}**{{ event.source.host }}**{% endif %} \n\n{% endif %}"
    )
    time = f"go_time(event.lastTimestamp{_zone(zone)})"
    text = (
        "Level: **{{ event.type }}** \n\n"
        "Kind: **{{ event.involvedObject.kind }}** \n\n"
        f"Namespace: [{{{{ event.metadata.namespace }}}}]({_CONSOLE}/namespace) \n\n"
        f"Name: {_name(escaped(cluster), escaped(region))} \n\n"
        "Reason: **{{ event.reason }}** \n\n"
        f"Timestamp: **{{{{ {time} }}}}** \n\n"
        "Message: **{{ event.message }}**"
    )
    return {
        "msgtype": "markdown",
        "text": {"content": ""},
        "markdown": {
            "title": f"Kubernetes(ID:{escaped(cluster)}) Event",
            "text": head + node + text,
        },
    }


def kafka() -> dict[str, Any]:
    """Return the record of the Kafka sink: the event as a text of JSON, its time, and tags."""
    return {
        "EventValue": "{{ json(go_event(event), 1) }}",
        "EventTimestamp": f"{{{{ go_date({_NANOS}, {_LAST}) }}}}",
        "EventTags": {"$json": _tags("'eventID': event.metadata.uid")},
    }


def elasticsearch(cluster: str) -> dict[str, Any]:
    """Return the document of the Elasticsearch sink."""
    created = "event.metadata.creationTimestamp"
    return {
        "Count": {"$json": "event.count"},
        "Metadata": {"$json": "go_event(event).metadata"},
        "InvolvedObject": {"$json": "go_event(event).involvedObject"},
        "Source": {"$json": "go_event(event).source"},
        "FirstOccurrenceTimestamp": f"{{{{ event.firstTimestamp or {created} }}}}",
        "LastOccurrenceTimestamp": f"{{{{ event.lastTimestamp or {created} }}}}",
        "Message": "{{ event.message }}",
        "Reason": "{{ event.reason }}",
        "Type": "{{ event.type }}",
        "EventTags": {
            "$json": _tags(f"'cluster_name': {literal(cluster)}, 'eventID': event.metadata.uid")
        },
    }


def _tags(first: str) -> str:
    """Return the expression of EventTags, which name the pod where there is one."""
    last = "'hostname': event.source.host"
    pod = "'pod_id': event.involvedObject.uid, 'pod_name': event.involvedObject.name"
    return (
        f"{{{first}, {last}, {pod}}} if event.involvedObject.kind == 'Pod' else {{{first}, {last}}}"
    )


def _lines(labels: list[str], time: str) -> str:
    """Return the seven lines of a text message; each label goes above the one before it."""
    head = "".join(f"{escaped(label)}\n" for label in reversed(labels))
    return head + (
        "Level:{{ event.type }} \n"
        "Kind:{{ event.involvedObject.kind }} \n"
        "Namespace:{{ event.metadata.namespace }} \n"
        "Name:{{ event.metadata.name }} \n"
        "Reason:{{ event.reason }} \n"
        f"Timestamp:{{{{ {time} }}}} \n"
        "Message:{{ event.message }}"
    )


def _name(cluster: str, region: str) -> str:
    """Return the event's name, linked for the kinds that the console has a page of."""
    long = f"{region}/{cluster}/{{{{ event.metadata.namespace }}}}/{{{{ {_SHORT} }}}}"
    pod = f"{cluster}/{{{{ event.metadata.namespace }}}}/{{{{ {_SHORT} }}}}"
    pages = {
        "Deployment": f"{_CONSOLE}/deployment/detail/{long}/pods",
        "Pod": f"{_CONSOLE}/pod/{pod}/container",
        "StatefulSet": f"{_CONSOLE}/statefulset/detail/{long}/pods",
        "DaemonSet": f"{_CONSOLE}/daemonset/detail/{long}/pods",
        "CronJob": f"{_CONSOLE}/cronjob/detail/{long}/jobs",
        "Service": f"{_CONSOLE}/service/detail/{long}",
    }
    word, text = "if", ""
    for kind, page in pages.items():
        text += f"{{% {word} event.involvedObject.kind == '{kind}' %}}[{{{{ event.metadata.name }}}}]({page})"
        word = "elif"
    return text + "{% else %}{{ event.metadata.name }}{% endif %}"


def _zone(zone: str) -> str:
    return f", {literal(zone)}" if zone else ""
