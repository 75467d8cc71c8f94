"""Requests to Elasticsearch 7.8 and later, by the official client's transport.

The transport, and not the methods above it: they put the media types of their own major
version in place of ours and want a header that servers before 7.14 do not send, so with
them a client of version 9 serves servers of version 9 alone (see ``cluster``).
"""

from __future__ import annotations

import warnings

from elastic_transport import NodeConfig, TlsError, TransportError, Urllib3HttpNode
from elasticsearch import Elasticsearch
from urllib3 import HTTPSConnectionPool
from urllib3.exceptions import InsecureRequestWarning

from etl.errors import quoted
from etl.forward.targets.cluster import ELSEWHERE, Reply, UnreachedError, Way
from etl.log import redact


class _Node(Urllib3HttpNode):
    """A node whose context alone decides who is believed: the client would add certifi's list, and check in any case."""

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        if isinstance(self.pool, HTTPSConnectionPool):
            self.pool.ca_certs = None
            self.pool.cert_reqs = None


class ElasticsearchCluster:
    """An open client of Elasticsearch."""

    def __init__(self, way: Way) -> None:
        """Open it; nothing is asked yet."""
        self._way = way
        nodes = [
            NodeConfig(
                scheme=host.scheme,
                host=host.name,
                port=host.port,
                path_prefix=host.prefix,
                headers=way.headers(),
                http_compress=way.gzip,
                request_timeout=way.timeout,
                ssl_context=way.context if host.scheme == "https" else None,
            )
            for host in way.hosts
        ]
        self._client = Elasticsearch(
            # The client's own list type is invariant.
            [*nodes],
            node_class=_Node,
        )

    def ask(
        self, method: str, path: str, *, body: bytes | None = None, media_type: str = ""
    ) -> Reply:
        """Send one request to a node that is up, and return the answer; ``UnreachedError`` without one."""
        headers = {"accept": "application/json"}
        if body is not None:
            headers["content-type"] = media_type
        try:
            with warnings.catch_warnings():
                # Whoever set insecure_skip_verify has read what it means.
                warnings.simplefilter("ignore", InsecureRequestWarning)
                meta, answer = self._client.transport.perform_request(
                    method,
                    path,
                    body=body,
                    headers=headers,
                    # Each of the others is asked once; a repeat changes nothing.
                    max_retries=len(self._way.hosts) - 1,
                    retry_on_status=ELSEWHERE,
                    retry_on_timeout=True,
                )
        except TlsError as error:
            raise UnreachedError(f"no TLS: {_line(error)}") from error
        except TransportError as error:
            # Also an answer that is cut or no JSON: nobody knows what became of the request.
            raise UnreachedError(_line(error)) from error
        return Reply(meta.status, answer)

    def close(self) -> None:
        """Close its connections."""
        self._client.close()


def _line(error: TransportError) -> str:
    return quoted(redact(str(error.message)), 200)
