"""An index template for events, put where there is none of its name.

Composable (``_index_template``, Elasticsearch 7.8 and OpenSearch 1.0), made for the whole
event and for flat layouts as kubernetes-event-exporter's users write them: names are
keywords, messages are text, and times are dates, so that they can be sorted and drawn.
A date that cannot be read is kept and not indexed, in place of refusing its document.
"""

from __future__ import annotations

import re

import msgspec

from etl.config import indexes
from etl.config.forwarding import ElasticsearchTarget
from etl.forward.targets.bulk import told
from etl.forward.targets.cluster import LOGIN_REFUSED, LOOK_AT_LOGIN, NOT_ALLOWED, Cluster, Reply

# Above the templates that servers bring along (100), below those of Elastic's agents (200 and more).
_PRIORITY = 150
# Lucene refuses terms above 32,766 bytes; nobody filters by a text of more than this.
_LONGEST_KEYWORD = 1024
_TIMES = ("timestamp", "time", "firstTimestamp", "lastTimestamp", "eventTime", "createdAt")
_OK, _BAD, _MISSING = 200, 400, 404

Tree = dict[str, object]


def install(cluster: Cluster, target: ElasticsearchTarget) -> str:
    """Put the template of ``target`` unless one of its name is there; returns what went wrong, or nothing.

    Raises ``UnreachedError``.
    """
    path = f"/_index_template/{name(target)}"
    found = cluster.ask("GET", path)
    if found.status == _OK:
        return ""
    if found.status != _MISSING:
        return f"cannot look for the index template {name(target)}: {_why(found)}"
    put = cluster.ask(
        # create: of two who put it at once the second is refused, and nothing is overwritten.
        "PUT",
        f"{path}?create=true",
        body=msgspec.json.encode(template(target)),
        media_type="application/json",
    )
    if put.status == _OK or (put.status == _BAD and "already exists" in _error(put.body)):
        return ""
    return f"cannot put the index template {name(target)}: {_why(put)}"


def name(target: ElasticsearchTarget) -> str:
    """Return the name of the template, which follows from that of the index."""
    plain = re.sub(r"[^a-z0-9_.-]+", "", indexes.wildcard(target.index)).strip("-_.")
    return f"eventlake-{plain or 'events'}"


def template(target: ElasticsearchTarget) -> Tree:
    """Return the body of the template."""
    keyword: Tree = {"type": "keyword", "ignore_above": _LONGEST_KEYWORD}
    text: Tree = {"type": "text", "fields": {"keyword": keyword}}
    date: Tree = {"type": "date", "ignore_malformed": True}
    # Without dedot, app and app.kubernetes.io/name would ask for a text and an object in one place.
    names: Tree = {"type": "object"} if target.dedot else {"type": "object", "enabled": False}
    named: Tree = {"labels": names, "annotations": names}
    properties: Tree = {
        # Of a data stream it may not be lenient.
        "@timestamp": {"type": "date"},
        "message": text,
        **dict.fromkeys(_TIMES, date),
        **named,
        "metadata": {
            "properties": {
                "creationTimestamp": date,
                **named,
            }
        },
        "involvedObject": {"properties": named},
        "series": {"properties": {"lastObservedTime": date}},
    }
    mappings: Tree = {
        # Texts that look like dates stay what they are.
        "date_detection": False,
        "dynamic_templates": [{"texts": {"match_mapping_type": "string", "mapping": keyword}}],
        "properties": properties,
    }
    body: Tree = {
        "index_patterns": [indexes.wildcard(target.index)],
        "priority": _PRIORITY,
        "template": {"mappings": mappings},
        "_meta": {"made_by": "eventlake"},
    }
    if target.data_stream:
        body["data_stream"] = {}
    return body


def _why(reply: Reply) -> str:
    if reply.status == LOGIN_REFUSED:
        return f"{reply.status}: {LOOK_AT_LOGIN}"
    if reply.status == NOT_ALLOWED:
        return f"{reply.status}: the user or key needs manage_index_templates of the cluster"
    return f"{reply.status} {_error(reply.body)}".strip()


def _error(body: object) -> str:
    return told(body.get("error") if isinstance(body, dict) else body)
