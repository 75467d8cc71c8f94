"""Requests to OpenSearch, by the official client's transport."""

from __future__ import annotations

import warnings

from opensearchpy import OpenSearch
from opensearchpy.exceptions import (
    OpenSearchException,
    OpenSearchWarning,
    SSLError,
    TransportError,
)
from urllib3.exceptions import InsecureRequestWarning

from etl.errors import quoted
from etl.forward.targets.cluster import ELSEWHERE, Reply, UnreachedError, Way
from etl.log import redact


class OpensearchCluster:
    """An open client of OpenSearch."""

    def __init__(self, way: Way) -> None:
        """Open it; nothing is asked yet."""
        hosts = [
            {
                "host": host.name,
                "port": host.port,
                "url_prefix": host.prefix,
                "use_ssl": host.scheme == "https",
                "ssl_context": way.context if host.scheme == "https" else None,
            }
            for host in way.hosts
        ]
        self._client = OpenSearch(
            hosts,
            headers=way.headers(),
            http_compress=way.gzip,
            timeout=way.timeout,
            # Each of the others is asked once; a repeat changes nothing.
            max_retries=len(hosts) - 1,
            retry_on_status=ELSEWHERE,
            retry_on_timeout=True,
        )

    def ask(
        self, method: str, path: str, *, body: bytes | None = None, media_type: str = ""
    ) -> Reply:
        """Send one request to a host that is up, and return the answer; ``UnreachedError`` without one."""
        headers = {"accept": "application/json"}
        if body is not None:
            headers["content-type"] = media_type
        try:
            with warnings.catch_warnings():
                # What a server finds outdated in itself is nothing that we could mend.
                warnings.simplefilter("ignore", OpenSearchWarning)
                # Whoever set insecure_skip_verify has read what it means.
                warnings.simplefilter("ignore", InsecureRequestWarning)
                answer = self._client.transport.perform_request(
                    method, path, body=body, headers=headers
                )
        except SSLError as error:
            raise UnreachedError(f"no TLS: {_line(error)}") from error
        except TransportError as error:
            if isinstance(error.status_code, int):
                # It is an answer: of one that refuses, the client keeps the JSON, or else the text.
                return Reply(error.status_code, error.info or error.error)
            raise UnreachedError(_line(error)) from error
        except OpenSearchException as error:
            # An answer that is no JSON: nobody knows what became of the request.
            raise UnreachedError(quoted(redact(str(error)), 200)) from error
        return Reply(200, answer)

    def close(self) -> None:
        """Close its connections."""
        self._client.close()


def _line(error: TransportError) -> str:
    return quoted(redact(str(error.error)), 200)
