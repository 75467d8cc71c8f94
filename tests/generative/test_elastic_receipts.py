"""Whatever a server answers to each document, and however often, the receipt says what is true."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from etl.config.forwarding import ElasticsearchTarget
from etl.forward.targets.cluster import Host, Reply, UnreachedError, Way
from etl.forward.targets.elastic import PAUSES, ElasticSender
from tests.lib.forwarded import message

_BATCH = [message(f"u{number}") for number in range(8)]
_PLACES = {each.id: place for place, each in enumerate(_BATCH)}
_SIZE = len(_BATCH[0].body)
_TARGET = ElasticsearchTarget(hosts=[], max_bytes=4 * _SIZE)
_WAY = Way((Host("http", "127.0.0.1", 9200, ""),), "", None, 1, gzip=False, allow_private=True)
_STATUSES = (200, 201, 400, 403, 409, 429, 500, 503)
_WHOLE = (200, 200, 200, 413, 429, 400, 0)


class _Drawn:
    """A server that answers as it was drawn: to each try of each document, and to each request."""

    def __init__(self, items: list[list[int]], whole: list[int]) -> None:
        self._items = [list(each) for each in items]
        self._whole = list(whole)
        self.answered: list[list[int]] = [[] for _ in items]
        self.requests: list[int] = []

    def ask(
        self, method: str, path: str, *, body: bytes | None = None, media_type: str = ""
    ) -> Reply:
        assert (method, path.partition("?")[0], media_type) == (
            "POST",
            "/_bulk",
            "application/x-ndjson",
        )
        assert body is not None
        self.requests.append(len(body))
        status = self._whole.pop() if self._whole else 200
        if not status:
            raise UnreachedError("gone")
        if status != 200:
            return Reply(status, {"error": {"type": "drawn"}})
        answers = []
        for line in body.splitlines()[::2]:
            place = _PLACES[json.loads(line)["index"]["_id"]]
            answer = self._items[place].pop() if self._items[place] else 201
            self.answered[place].append(answer)
            error = {} if answer < 300 else {"error": {"type": "drawn", "reason": "so"}}
            answers.append({"index": {"status": answer, **error}})
        return Reply(200, {"items": answers})

    def close(self) -> None:
        """Nothing is open."""


@given(
    items=st.lists(
        st.lists(st.sampled_from(_STATUSES), max_size=7),
        min_size=len(_BATCH),
        max_size=len(_BATCH),
    ),
    whole=st.lists(st.sampled_from(_WHOLE), max_size=4),
)
def test_the_receipt_is_exact(items: list[list[int]], whole: list[int]) -> None:
    """Up to ``settled`` each message is there or refused and never both; the next one is neither, and it is said why."""
    server = _Drawn(items, whole)
    pauses: list[float] = []
    receipt = ElasticSender(server, _TARGET, _WAY, pause=pauses.append).send(_BATCH)

    there = [bool(set(tries) & {200, 201, 409}) for tries in server.answered]
    why = dict(receipt.refused)
    refused = [place for place, _ in receipt.refused]
    assert refused == sorted(set(refused))
    for place in range(receipt.settled):
        assert there[place] != (place in refused)
        if why.get(place, "").startswith("413"):
            # Alone in its request, and too large: that is no answer of the document's own.
            continue
        # What may pass is given up only after the last pause.
        last = server.answered[place][-1:]
        assert last != [500] or len(server.answered[place]) == 1 + len(PAUSES)
        assert not set(last) & {403, 429, 503}
    if receipt.settled < len(_BATCH):
        assert not there[receipt.settled]
        assert receipt.failure
    else:
        assert not receipt.failure
    assert max(refused, default=-1) < receipt.settled
    assert max(map(len, server.answered)) <= 1 + len(PAUSES)
