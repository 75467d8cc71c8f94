"""Forwarding to Elasticsearch and OpenSearch: the official clients against servers that enforce what theirs enforce."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from etl.forward.sending import Receipt
from etl.forward.targets import elastic
from tests.lib import elastic_targets
from tests.lib.elastic_server import ElasticServer
from tests.lib.forwarded import NOON, message


@pytest.fixture(params=elastic_targets.CLIENTS)
def client(request: pytest.FixtureRequest) -> str:
    """Each of the two clients."""
    name: str = request.param
    return name


@pytest.fixture(params=["es7", "es8", "es9", "opensearch"])
def server(request: pytest.FixtureRequest) -> Iterator[ElasticServer]:
    """A server of each age."""
    with ElasticServer(request.param) as running:
        yield running


def test_every_server_takes_a_batch(client: str, server: ElasticServer) -> None:
    """Either client writes each observation into the index of its day (UTC), under its id, to servers of 7.8 to 9 and to OpenSearch."""
    batch = [message("a", 1, at=datetime.fromisoformat("2026-12-01T00:30:00+01:00")), message("b")]

    receipt = elastic_targets.sent(
        client, elastic_targets.target(server, index="kube-events-{date:%Y.%m.%d}"), batch
    )

    assert receipt == Receipt(2)
    assert elastic_targets.ids(server) == [
        ("kube-events-2026.11.24", batch[1].id),
        ("kube-events-2026.11.30", batch[0].id),
    ]
    assert server.compressed == [True]
    (_, _, first), _ = server.indices.documents()
    assert first.source == json.loads(batch[1].body)


def test_a_repeat_overwrites(client: str) -> None:
    """The same batch again leaves each observation there once."""
    batch = [message("a", 1), message("a", 2)]
    with ElasticServer() as server:
        target = elastic_targets.target(server)
        assert (
            elastic_targets.sent(client, target, batch)
            == elastic_targets.sent(client, target, batch)
            == Receipt(2)
        )

    assert [stored.writes for _, _, stored in server.indices.documents()] == [2, 2]


def test_what_is_refused_is_told_and_the_rest_goes_on(client: str) -> None:
    """A document that the mapping refuses, and one that is none, are refused with the reason; the others are there."""
    odd = [
        message("a", document={"count": 1}),
        message("b", document={"count": {"of": "what"}}),
        message("c", text=b"no JSON"),
        message("d", text=b'["a list"]'),
        message("e", document={"count": 2}),
    ]
    with ElasticServer() as server:
        receipt = elastic_targets.sent(client, elastic_targets.target(server), odd)

    assert receipt.settled == 5
    assert not receipt.failure
    assert [place for place, _ in receipt.refused] == [1, 2, 3]
    assert "document_parsing_exception" in receipt.refused[0][1]
    assert "not a JSON object" in receipt.refused[1][1]
    assert [key for _, key in elastic_targets.ids(server)] == sorted([odd[0].id, odd[4].id])


def test_what_is_rejected_for_now_is_asked_for_again_alone(
    client: str,
) -> None:
    """Items with 429 are sent again without the others, after growing pauses, until they are there."""
    batch = [message(uid) for uid in "abcde"]
    pauses: list[float] = []
    times = {batch[1].id: 2, batch[3].id: 1}
    with ElasticServer(
        busy=lambda number, meta: (
            (429, "es_rejected_execution_exception") if number < times.get(meta["_id"], 0) else None
        )
    ) as server:
        receipt = elastic_targets.sent(client, elastic_targets.target(server), batch, pauses)

    assert receipt == Receipt(5)
    assert [len(request) for request in server.bulks] == [5, 2, 1]
    assert pauses == [0.5, 1.0]
    assert {stored.writes for _, _, stored in server.indices.documents()} == {1}


@pytest.mark.parametrize(
    "kind", ["es_rejected_execution_exception", "unavailable_shards_exception"]
)
def test_what_stays_rejected_is_a_failure_with_the_settled_beginning(
    client: str, kind: str
) -> None:
    """After the last pause the receipt ends before the first that is not there; refusals behind it are for the repeat."""
    batch = [message("a", document={"n": 1}), message("b", document={"n": {}}), message("c")]
    batch += [message("d", document={"n": {}}), message("e")]
    pauses: list[float] = []
    status = 429 if kind.startswith("es_") else 503
    with ElasticServer(
        busy=lambda _, meta: (status, kind) if meta["_id"] == batch[2].id else None
    ) as server:
        sender = elastic_targets.opened(client, elastic_targets.target(server), pauses)
        receipt = sender.send(batch)
        server.busy = lambda _number, _meta: None
        again = sender.send(batch[receipt.settled :])
        sender.close()

    assert (receipt.settled, [place for place, _ in receipt.refused]) == (2, [1])
    assert receipt.failure.startswith(f"{status} {kind}")
    assert pauses == list(elastic.PAUSES)
    assert (again.settled, [place for place, _ in again.refused]) == (3, [1])
    assert [key for _, key in elastic_targets.ids(server)] == sorted(
        batch[at].id for at in (0, 2, 4)
    )


def test_what_the_server_fails_over_each_time_is_refused(client: str) -> None:
    """A document with 500 while others are taken is given up after the last pause; where all get 500 the batch waits."""
    batch = [message("a"), message("b"), message("c")]
    broken = {batch[1].id}
    with ElasticServer(
        busy=lambda _, meta: (500, "null_pointer_exception") if meta["_id"] in broken else None
    ) as server:
        sender = elastic_targets.opened(client, elastic_targets.target(server))
        receipt = sender.send(batch)
        broken |= {each.id for each in batch}
        waits = sender.send(batch)
        sender.close()

    assert (receipt.settled, receipt.failure) == (3, "")
    assert [(place, why[:26]) for place, why in receipt.refused] == [
        (1, "500 null_pointer_exception")
    ]
    assert (waits.settled, waits.refused, waits.failure[:4]) == (0, (), "500 ")


def test_the_newest_state_of_an_event_wins(client: str) -> None:
    """With ``id: event`` there is one document for an event, and no repeat of an older state replaces a newer one; the same one may, as by another layout."""
    first, second, third = (message("a", n) for n in (1, 2, 3))
    same = message("a", 4, at=third.at)
    otherwise = replace(same, body=b'{"count": 44}')
    with ElasticServer() as server:
        sender = elastic_targets.opened(client, elastic_targets.target(server, id="event"))
        assert sender.send([first, third, second]) == Receipt(3)
        assert sender.send([first]) == Receipt(1)
        assert sender.send([same, third]) == Receipt(2)
        ((_, key, stored),) = server.indices.documents()
        assert (key, stored.source["count"]) == ("a", 4)
        server.indices.indices.clear()
        assert sender.send([same, otherwise, third]) == Receipt(3)
        sender.close()

    ((_, key, stored),) = server.indices.documents()
    assert (key, stored.source) == ("a", {"count": 44})


def test_a_rejected_state_never_overtakes_a_newer_one(client: str) -> None:
    """A state that the server was too busy for arrives after the next one, and changes nothing."""
    with ElasticServer(
        busy=lambda number, meta: (
            (429, "es_rejected_execution_exception")
            if (number, meta["version"] % 2048) == (0, 1)
            else None
        )
    ) as server:
        receipt = elastic_targets.sent(
            client, elastic_targets.target(server, id="event"), [message("a", 1), message("a", 2)]
        )

    assert receipt == Receipt(2)
    assert [stored.source["count"] for _, _, stored in server.indices.documents()] == [2]


def test_a_data_stream_is_written_once(client: str, server: ElasticServer) -> None:
    """A data stream gets its template, documents that are created, a time where they have none, and takes a repeat as delivered."""
    batch = [
        message("a", at=NOON + timedelta(microseconds=7)),
        message("b", document={"@timestamp": "2026-11-24T01:00:00Z"}),
    ]
    target = elastic_targets.target(server, data_stream=True, template=True)
    sender = elastic_targets.opened(client, target)
    assert sender.send(batch) == sender.send(batch) == Receipt(2)
    sender.close()

    found = list(server.indices.documents())
    assert [index for index, _, _ in found] == [".ds-kube-events-2026.11.24-000001"] * 2
    assert [stored.source["@timestamp"] for _, _, stored in found] == [
        "2026-11-24T12:00:00.000007Z",
        "2026-11-24T01:00:00Z",
    ]
    assert {stored.writes for _, _, stored in found} == {1}
    assert [each["op"] for each in server.bulks[0]] == ["create", "create"]


def test_an_index_with_the_name_of_a_data_stream_is_told(
    client: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Where no template made it a data stream, the documents go into an index, and a warning says so once."""
    with ElasticServer() as server, caplog.at_level(logging.WARNING, "etl"):
        sender = elastic_targets.opened(client, elastic_targets.target(server, data_stream=True))
        assert sender.send([message("a")]) == sender.send([message("b")]) == Receipt(1)
        sender.close()

    assert caplog.text.count("kube-events is an index and no data stream") == 1


def test_a_data_stream_that_was_taken_for_an_index_stops(client: str) -> None:
    """Writing to a data stream as to an index is a failure that names the reason, and gives no observation up."""
    with ElasticServer() as server:
        stream = elastic_targets.target(server, data_stream=True, template=True)
        assert elastic_targets.sent(client, stream, [message("a")]) == Receipt(1)
        receipt = elastic_targets.sent(client, elastic_targets.target(server), [message("b")])

    assert (receipt.settled, receipt.refused) == (0, ())
    assert "op_type of create" in receipt.failure


def test_labels_with_dots(client: str) -> None:
    """With dedot, names of labels and annotations have underscores, told apart where two become one; other names keep their dots."""
    document = {
        "a.b": 1,
        "involvedObject": {
            "labels": {"app": "x", "app.kubernetes.io/name": "y", "c.d": "1", "c_d": "2"}
        },
    }
    with ElasticServer() as server:
        dotted = elastic_targets.sent(
            client, elastic_targets.target(server), [message("a", document=document)]
        )
        receipt = elastic_targets.sent(
            client, elastic_targets.target(server, dedot=True), [message("b", document=document)]
        )

    assert [place for place, _ in dotted.refused] == [0]
    assert receipt == Receipt(1)
    ((_, _, stored),) = server.indices.documents()
    labels = {"app": "x", "app_kubernetes_io/name": "y", "c_d": "2", "c_d_": "1"}
    assert stored.source == {"a.b": 1, "involvedObject": {"labels": labels}}


@pytest.mark.parametrize("dedot", [False, True])
def test_the_template_is_put_once_and_kept(
    client: str, server: ElasticServer, *, dedot: bool
) -> None:
    """On request a template is put where there is none, so that names are keywords and times are dates; another's is left."""
    labels = {"app": "x", "app.kubernetes.io/name": "y"}
    whole = json.loads(message("a").body)
    whole["involvedObject"]["labels"] = labels
    dated = {"cluster": "prod", "timestamp": "yesterday", "name": "2026-11-24"}
    target = elastic_targets.target(
        server, index="kube-events-{date:%Y.%m}", template=True, dedot=dedot
    )
    batch = [message("a", document=whole), message("b", document=dated)]
    batch.append(message("c", document={"name": "no date"}))

    assert (
        elastic_targets.sent(client, target, batch)
        == elastic_targets.sent(client, target, batch)
        == Receipt(3)
    )

    index = server.indices.indices["kube-events-2026.11"]
    assert index.fields["lastTimestamp"] == index.fields["timestamp"] == "date"
    assert index.fields["message"] == "text"
    assert index.fields["involvedObject.kind"] == index.fields["cluster"] == "keyword"
    assert ("involvedObject.labels.app" in index.fields) == dedot
    assert list(server.indices.templates) == ["eventlake-kube-events"]
    assert server.requests.count("PUT /_index_template/eventlake-kube-events") == 1

    own = {"index_patterns": ["kube-events-*"], "priority": 150}
    server.indices.templates["eventlake-kube-events"] = own
    assert elastic_targets.sent(client, target, batch) == Receipt(3)
    assert server.indices.templates["eventlake-kube-events"] is own


def test_a_template_that_somebody_puts_meanwhile_is_left(client: str) -> None:
    """Between the look and the put somebody else may be faster: theirs stays."""
    own = {"index_patterns": ["kube-events"], "priority": 150}
    with ElasticServer() as server:
        server.meanwhile.append(
            lambda: server.indices.templates.update({"eventlake-kube-events": own})
        )
        assert elastic_targets.sent(
            client, elastic_targets.target(server, template=True), [message("a")]
        ) == Receipt(1)

    assert server.requests.count("PUT /_index_template/eventlake-kube-events") == 1
    assert server.indices.templates["eventlake-kube-events"] is own


def test_a_template_that_cannot_be_put_stops(client: str) -> None:
    """Where the template was asked for and is refused, nothing is written with a mapping that nobody meant."""
    with ElasticServer() as server:
        own = {"index_patterns": ["kube-events"], "priority": 150}
        server.indices.templates["somebody-elses"] = own
        receipt = elastic_targets.sent(
            client, elastic_targets.target(server, template=True), [message("a")]
        )

    assert (receipt.settled, elastic_targets.ids(server)) == (0, [])
    assert "existing templates [somebody-elses]" in receipt.failure


def test_ids_that_are_too_long(client: str) -> None:
    """An id above 512 bytes, which would have the whole request refused, is replaced by its hash, the same in every repeat."""
    long = message("u" * 600)
    with ElasticServer() as server:
        target = elastic_targets.target(server, gzip=False)
        assert elastic_targets.sent(client, target, [long, message("a")]) == Receipt(2)
        assert elastic_targets.sent(client, target, [long]) == Receipt(1)

    assert len(elastic_targets.ids(server)) == 2
    assert server.compressed == [False, False]


def test_the_moment_of_an_index_is_that_of_last_seen() -> None:
    """A repeat weeks later goes into the same index, because its name is made of the observation alone."""
    old = message("a", at=datetime(2025, 1, 2, 3, tzinfo=UTC))
    with ElasticServer() as server:
        assert elastic_targets.sent(
            "elasticsearch", elastic_targets.target(server, index="e-{date:%Y-%m}"), [old]
        ) == Receipt(1)
    assert elastic_targets.ids(server) == [("e-2025-01", old.id)]
