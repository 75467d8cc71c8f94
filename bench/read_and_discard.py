"""Reads every page of a LIST and throws it away: what the snapshot's time is compared with.

    python -m bench.read_and_discard URL PAGE_SIZE [plain|auth]

``plain`` uses urllib3 alone, as little as a client can do: gzip undone, the continue
token found. ``auth`` first loads a kubeconfig (URL is its path) by the kubernetes
package, as every client that logs in must.
"""

from __future__ import annotations

import re
import sys

import urllib3

_TOKEN = re.compile(rb'"continue":\s*"([^"]*)"')


def main() -> None:
    """Read all pages; print how many bytes of JSON they were."""
    place, size, kind = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    if kind == "auth":
        # A tool of developers that the package imports where it finds it; no installation has it.
        sys.modules["kubernetes_validate"] = None  # type: ignore[assignment]
        from kubernetes import config  # noqa: PLC0415 -- the plain reader does without

        api = config.new_client_from_config(place)
        pool, url = api.rest_client.pool_manager, api.configuration.host
    else:
        pool, url = urllib3.PoolManager(), place
    token, total = "", 0
    while True:
        query = f"limit={size}" + (f"&continue={token}" if token else "")
        answer = pool.request(
            "GET",
            f"{url}/api/v1/events?{query}",
            headers={"Accept": "application/json", "Accept-Encoding": "gzip"},
        )
        total += len(answer.data)
        found = _TOKEN.search(answer.data[:4096])
        if not found:
            break
        token = found[1].decode()
    sys.stdout.write(f"{total}\n")


if __name__ == "__main__":
    main()
