"""Senders to the servers of ``elastic_server``, as tests open them: pauses take no time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from etl.config.forwarding import ElasticsearchTarget
from etl.forward.sending import Message, Receipt
from etl.forward.targets.elastic import ElasticSender, open_elasticsearch, open_opensearch
from tests.lib.elastic_server import ElasticServer

CLIENTS = ("elasticsearch", "opensearch")
_OPEN = {"elasticsearch": open_elasticsearch, "opensearch": open_opensearch}


def target(*servers: ElasticServer | str, **settings: Any) -> ElasticsearchTarget:
    """Return settings for an index on ``servers``, which are on loopback."""
    hosts = [each if isinstance(each, str) else each.url for each in servers]
    given = {"index": "kube-events", "allow_http": True, "allow_private": True, **settings}
    return ElasticsearchTarget(hosts=hosts, **given)


def opened(
    client: str,
    target: ElasticsearchTarget,
    pauses: list[float] | None = None,
    **environ: str,
) -> ElasticSender:
    """Open a sender whose pauses are taken down, and take no time."""
    taken = [] if pauses is None else pauses
    return _OPEN[client](target, environ=environ, pause=taken.append)


def sent(
    client: str,
    target: ElasticsearchTarget,
    batch: Sequence[Message],
    pauses: list[float] | None = None,
) -> Receipt:
    """Open, send one batch, and close."""
    sender = opened(client, target, pauses)
    try:
        return sender.send(batch)
    finally:
        sender.close()


def ids(server: ElasticServer) -> list[tuple[str, str]]:
    """Return index and id of each document that is there."""
    return [(index, key) for index, key, _ in server.indices.documents()]
