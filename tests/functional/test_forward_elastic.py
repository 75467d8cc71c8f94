"""Forwarding to Elasticsearch and OpenSearch: the official clients against servers that enforce what theirs enforce."""

from __future__ import annotations

import io
import json
import logging
import socket
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from etl import log
from etl.config import read
from etl.config.forwarding import ElasticsearchTarget, TlsConfig
from etl.errors import UsageError
from etl.forward import opening
from etl.forward.layout import Layout
from etl.forward.sending import Message, Receipt
from etl.forward.targets import elastic
from etl.forward.targets.elastic import ElasticSender, open_elasticsearch, open_opensearch
from tests.lib import certificates
from tests.lib.elastic_indices import Indices
from tests.lib.elastic_server import KEY, USER, Age, ElasticServer
from tests.lib.forwarded import NOON, OLD, message, row
from tests.lib.loopback import Answer, Delivery
from tests.lib.ports import free_port

_OPEN = {"elasticsearch": open_elasticsearch, "opensearch": open_opensearch}
_CLIENTS = ("elasticsearch", "opensearch")
_SECRET = KEY.removeprefix("ApiKey ")


@pytest.fixture(params=_CLIENTS)
def client(request: pytest.FixtureRequest) -> str:
    """Each of the two clients."""
    name: str = request.param
    return name


def _target(*servers: ElasticServer | str, **settings: Any) -> ElasticsearchTarget:
    hosts = [each if isinstance(each, str) else each.url for each in servers]
    given = {"index": "kube-events", "allow_http": True, "allow_private": True, **settings}
    return ElasticsearchTarget(hosts=hosts, **given)


def _opened(
    client: str,
    target: ElasticsearchTarget,
    pauses: list[float] | None = None,
    **environ: str,
) -> ElasticSender:
    """Open a sender whose pauses are taken down, and take no time."""
    taken = [] if pauses is None else pauses
    return _OPEN[client](target, environ=environ, pause=taken.append)


def _sent(
    client: str,
    target: ElasticsearchTarget,
    batch: Sequence[Message],
    pauses: list[float] | None = None,
) -> Receipt:
    sender = _opened(client, target, pauses)
    try:
        return sender.send(batch)
    finally:
        sender.close()


def _ids(server: ElasticServer) -> list[tuple[str, str]]:
    return [(index, key) for index, key, _ in server.indices.documents()]


@pytest.fixture(params=["es7", "es8", "es9", "opensearch"])
def server(request: pytest.FixtureRequest) -> Iterator[ElasticServer]:
    """A server of each age."""
    with ElasticServer(request.param) as running:
        yield running


def test_every_server_takes_a_batch(client: str, server: ElasticServer) -> None:
    """Either client writes each observation into the index of its day (UTC), under its id, to servers of 7.8 to 9 and to OpenSearch."""
    batch = [message("a", 1, at=datetime.fromisoformat("2026-12-01T00:30:00+01:00")), message("b")]

    receipt = _sent(client, _target(server, index="kube-events-{date:%Y.%m.%d}"), batch)

    assert receipt == Receipt(2)
    assert _ids(server) == [
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
        target = _target(server)
        assert _sent(client, target, batch) == _sent(client, target, batch) == Receipt(2)

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
        receipt = _sent(client, _target(server), odd)

    assert receipt.settled == 5
    assert not receipt.failure
    assert [place for place, _ in receipt.refused] == [1, 2, 3]
    assert "document_parsing_exception" in receipt.refused[0][1]
    assert "not a JSON object" in receipt.refused[1][1]
    assert [key for _, key in _ids(server)] == sorted([odd[0].id, odd[4].id])


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
        receipt = _sent(client, _target(server), batch, pauses)

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
        sender = _opened(client, _target(server), pauses)
        receipt = sender.send(batch)
        server.busy = lambda _number, _meta: None
        again = sender.send(batch[receipt.settled :])
        sender.close()

    assert (receipt.settled, [place for place, _ in receipt.refused]) == (2, [1])
    assert receipt.failure.startswith(f"{status} {kind}")
    assert pauses == list(elastic.PAUSES)
    assert (again.settled, [place for place, _ in again.refused]) == (3, [1])
    assert [key for _, key in _ids(server)] == sorted(batch[at].id for at in (0, 2, 4))


def test_what_the_server_fails_over_each_time_is_refused(client: str) -> None:
    """A document with 500 while others are taken is given up after the last pause; where all get 500 the batch waits."""
    batch = [message("a"), message("b"), message("c")]
    broken = {batch[1].id}
    with ElasticServer(
        busy=lambda _, meta: (500, "null_pointer_exception") if meta["_id"] in broken else None
    ) as server:
        sender = _opened(client, _target(server))
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
        sender = _opened(client, _target(server, id="event"))
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
        receipt = _sent(client, _target(server, id="event"), [message("a", 1), message("a", 2)])

    assert receipt == Receipt(2)
    assert [stored.source["count"] for _, _, stored in server.indices.documents()] == [2]


def test_a_data_stream_is_written_once(client: str, server: ElasticServer) -> None:
    """A data stream gets its template, documents that are created, a time where they have none, and takes a repeat as delivered."""
    batch = [
        message("a", at=NOON + timedelta(microseconds=7)),
        message("b", document={"@timestamp": "2026-11-24T01:00:00Z"}),
    ]
    target = _target(server, data_stream=True, template=True)
    sender = _opened(client, target)
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
        sender = _opened(client, _target(server, data_stream=True))
        assert sender.send([message("a")]) == sender.send([message("b")]) == Receipt(1)
        sender.close()

    assert caplog.text.count("kube-events is an index and no data stream") == 1


def test_a_data_stream_that_was_taken_for_an_index_stops(client: str) -> None:
    """Writing to a data stream as to an index is a failure that names the reason, and gives no observation up."""
    with ElasticServer() as server:
        stream = _target(server, data_stream=True, template=True)
        assert _sent(client, stream, [message("a")]) == Receipt(1)
        receipt = _sent(client, _target(server), [message("b")])

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
        dotted = _sent(client, _target(server), [message("a", document=document)])
        receipt = _sent(client, _target(server, dedot=True), [message("b", document=document)])

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
    target = _target(server, index="kube-events-{date:%Y.%m}", template=True, dedot=dedot)
    batch = [message("a", document=whole), message("b", document=dated)]
    batch.append(message("c", document={"name": "no date"}))

    assert _sent(client, target, batch) == _sent(client, target, batch) == Receipt(3)

    index = server.indices.indices["kube-events-2026.11"]
    assert index.fields["lastTimestamp"] == index.fields["timestamp"] == "date"
    assert index.fields["message"] == "text"
    assert index.fields["involvedObject.kind"] == index.fields["cluster"] == "keyword"
    assert ("involvedObject.labels.app" in index.fields) == dedot
    assert list(server.indices.templates) == ["eventlake-kube-events"]
    assert server.requests.count("PUT /_index_template/eventlake-kube-events") == 1

    own = {"index_patterns": ["kube-events-*"], "priority": 150}
    server.indices.templates["eventlake-kube-events"] = own
    assert _sent(client, target, batch) == Receipt(3)
    assert server.indices.templates["eventlake-kube-events"] is own


def test_a_template_that_somebody_puts_meanwhile_is_left(client: str) -> None:
    """Between the look and the put somebody else may be faster: theirs stays."""
    own = {"index_patterns": ["kube-events"], "priority": 150}
    with ElasticServer() as server:
        server.meanwhile.append(
            lambda: server.indices.templates.update({"eventlake-kube-events": own})
        )
        assert _sent(client, _target(server, template=True), [message("a")]) == Receipt(1)

    assert server.requests.count("PUT /_index_template/eventlake-kube-events") == 1
    assert server.indices.templates["eventlake-kube-events"] is own


def test_a_template_that_cannot_be_put_stops(client: str) -> None:
    """Where the template was asked for and is refused, nothing is written with a mapping that nobody meant."""
    with ElasticServer() as server:
        own = {"index_patterns": ["kube-events"], "priority": 150}
        server.indices.templates["somebody-elses"] = own
        receipt = _sent(client, _target(server, template=True), [message("a")])

    assert (receipt.settled, _ids(server)) == (0, [])
    assert "existing templates [somebody-elses]" in receipt.failure


def test_requests_are_bounded_in_bytes(client: str) -> None:
    """No request is larger than ``max_bytes`` unless one document is, which goes alone."""
    batch = [message("a"), message("b"), message("large", document={"message": "x" * 20_000})]
    batch += [message(f"c{number}") for number in range(60)]
    with ElasticServer() as server:
        assert _sent(client, _target(server, max_bytes=10_000), batch) == Receipt(63)

    sizes = [len(request) for request in server.bulks]
    assert sizes[:2] == [2, 1]
    assert all(size < 40 for size in sizes)


def test_a_server_that_takes_less_gets_less(client: str) -> None:
    """413 for a whole request splits it, and the limit is remembered; a document that is too large alone is refused."""
    batch = [message(f"a{number}") for number in range(40)]
    batch.insert(3, message("large", document={"message": "x" * 9_000}))
    with ElasticServer(most_bytes=8_000) as server:
        sender = _opened(client, _target(server))
        receipt = sender.send(batch)
        splits = server.statuses.count(413)
        again = sender.send(batch[4:])
        sender.close()

    assert (receipt.settled, again) == (41, Receipt(37))
    assert [(place, why[:3]) for place, why in receipt.refused] == [(3, "413")]
    assert len(_ids(server)) == 40
    assert server.statuses.count(413) == splits > 1


@pytest.mark.parametrize("age", ["es9", "opensearch"])
def test_who_logs_in(client: str, age: Age, tmp_path: Path) -> None:
    """Basic authentication and API keys are taken from the environment and from files."""
    key = tmp_path / "key"
    key.write_text(f"{_SECRET}\n")
    with ElasticServer(age, login=USER) as server:
        target = _target(server, username="forwarder", password="${PW}")  # noqa: S106 - a name
        with_user = _opened(client, target, PW="correct-horse")
        assert with_user.send([message("a")]) == Receipt(1)
        server.login = KEY
        with_key = _opened(client, _target(server, api_key_file=str(key)))
        assert with_key.send([message("b")]) == Receipt(1)
        with_user.close()
        with_key.close()


def test_no_secret_is_told(client: str, caplog: pytest.LogCaptureFixture) -> None:
    """A refused login, and one that may not write, are failures in a line without the secret that the server repeats; the log has none either."""
    stream = io.StringIO()
    before = {name: logging.getLogger(name).level for name in ("etl", *log.TOLD_TWICE)}
    log.configure(form="json", stream=stream)
    try:
        with ElasticServer(login=USER) as server:
            target = _target(server, f"http://127.0.0.1:{free_port()}", api_key="${KEY}")
            sender = _opened(client, target, KEY=_SECRET)
            refused = sender.send([message("a")])
            server.login, server.allowed = KEY, False
            forbidden = sender.send([message("a")])
            server.whole = [Answer(500, json.dumps({"error": f"with {KEY}"}).encode())] * 20
            broken = sender.send([message("a")])
            sender.close()
    finally:
        log.configure()
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)

    assert {refused.settled, forbidden.settled, broken.settled} == {0}
    assert refused.failure.startswith("401: the login is refused")
    assert "is unauthorized for user [forwarder]" in forbidden.failure
    assert broken.failure.startswith("500")
    told = f"{refused.failure}{forbidden.failure}{broken.failure}{stream.getvalue()}"
    assert _SECRET not in told + caplog.text
    assert not stream.getvalue()


def test_another_host_takes_over(client: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several hosts one that is gone, going or not even known is left for another; without any the batch waits."""
    real = socket.getaddrinfo

    def known(host: Any, *rest: Any, **more: Any) -> Any:
        if host == "gone.example":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", known)
    shared = Indices()
    with ElasticServer(indices=shared) as one, ElasticServer(indices=shared) as other:
        dead = f"http://127.0.0.1:{free_port()}"
        sender = _opened(client, _target(dead, "http://gone.example:9200", one, other))
        for number in range(6):
            one.whole = [Answer(503, b'{"error": "going"}', {"Content-Type": "application/json"})]
            assert sender.send([message(f"a{number}")]) == Receipt(1)
        assert len(list(shared.documents())) == 6
    lost = sender.send([message("late")])
    sender.close()
    assert (lost.settled, lost.refused) == (0, ())
    assert lost.failure
    unknown = _sent(client, _target("http://gone.example:9200"), [message("late")])
    assert unknown == Receipt(0, failure="cannot resolve gone.example: Name or service not known")


@pytest.mark.parametrize("spoilt", ["reset", "cut", "page", "other"])
def test_an_answer_that_says_nothing_settles_nothing(client: str, spoilt: str) -> None:
    """Where the answer is lost, cut, a page of a proxy, or of another length, the batch is sent again and is there once."""
    batch = [message("a"), message("b")]
    page = Answer(200, b"<html>welcome</html>", {"Content-Type": "text/html"})
    other = Answer(
        200, b'{"items": [{"index": {"status": 201}}]}', {"Content-Type": "application/json"}
    )
    with ElasticServer() as server:
        sender = _opened(client, _target(server))
        if spoilt in {"reset", "cut"}:
            server.lost = [
                Delivery(silent=spoilt == "reset", cut=9, end="reset", framing="length")
            ] * 3
        else:
            server.whole = [page if spoilt == "page" else other]
        receipt = sender.send(batch)
        assert (receipt.settled, receipt.refused) == (0, ())
        assert receipt.failure
        server.lost = []
        assert sender.send(batch) == Receipt(2)
        sender.close()

    assert len(_ids(server)) == 2


def test_tls_with_our_own_certificate(client: str, tmp_path: Path) -> None:
    """The server's certificate is checked by the authority that is named, and ours is shown; nobody else is believed."""
    ca, own, key = tmp_path / "ca.pem", tmp_path / "own.pem", tmp_path / "own.key"
    authority = certificates.authority()
    authority.cert_pem.write_to_path(str(ca))
    issued = authority.issue_cert("eventlake.example")
    issued.cert_chain_pems[0].write_to_path(str(own))
    issued.private_key_pem.write_to_path(str(key))
    whole = TlsConfig(ca_file=str(ca), cert_file=str(own), key_file=str(key))
    with ElasticServer(tls=certificates.demanding_context()) as server:
        assert _sent(client, _target(server, tls=whole), [message("a")]) == Receipt(1)
        for less in (TlsConfig(ca_file=str(ca)), TlsConfig(cert_file=str(own), key_file=str(key))):
            assert _sent(client, _target(server, tls=less), [message("b")]).failure
        blind = TlsConfig(cert_file=str(own), key_file=str(key), insecure_skip_verify=True)
        assert _sent(client, _target(server, tls=blind), [message("c")]) == Receipt(1)
        assert len(_ids(server)) == 2
    missing = TlsConfig(ca_file=str(tmp_path / "none.pem"))
    with pytest.raises(UsageError, match=r"cannot use the TLS files .*none\.pem"):
        _opened(client, _target("https://es.example:9200", tls=missing))


def test_an_authority_of_our_own_is_believed_alone(
    client: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With ``ca_file`` a certificate of an authority on the client's own list is refused."""
    public, own = tmp_path / "public.pem", tmp_path / "own.pem"
    certificates.authority().cert_pem.write_to_path(str(public))
    trustme.CA().cert_pem.write_to_path(str(own))
    monkeypatch.setattr("elastic_transport._node._http_urllib3.DEFAULT_CA_CERTS", str(public))
    with ElasticServer(tls=True) as server:
        receipt = _sent(client, _target(server, tls=TlsConfig(ca_file=str(own))), [message("a")])
        sender = _opened(client, _target(server), SSL_CERT_FILE=str(public))
        assert sender.send([message("a")]) == Receipt(1)
        sender.close()

    assert "CERTIFICATE_VERIFY_FAILED" in receipt.failure


def test_private_addresses_need_leave(client: str) -> None:
    """A host that leads into one's own network is refused unless the settings allow it."""
    with ElasticServer() as server:
        receipt = _sent(client, _target(server, allow_private=False), [message("a")])

    assert "set allow_private: true" in receipt.failure
    assert server.requests == []


def test_ids_that_are_too_long(client: str) -> None:
    """An id above 512 bytes, which would have the whole request refused, is replaced by its hash, the same in every repeat."""
    long = message("u" * 600)
    with ElasticServer() as server:
        target = _target(server, gzip=False)
        assert _sent(client, target, [long, message("a")]) == Receipt(2)
        assert _sent(client, target, [long]) == Receipt(1)

    assert len(_ids(server)) == 2
    assert server.compressed == [False, False]


def test_without_the_client_the_extra_is_named(
    client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has not installed the client is told what to run."""
    monkeypatch.delitem(sys.modules, f"etl.forward.targets.ask_{client}", raising=False)
    for library in ("elastic_transport", "opensearchpy"):
        monkeypatch.setitem(sys.modules, library, None)

    with pytest.raises(UsageError, match=rf"pip install 'eventlake\[{client}\]'"):
        _opened(client, _target("http://127.0.0.1:1"))


def test_what_needs_no_server_asks_none(client: str) -> None:
    """Nothing to send, and what no index could take, is settled also where nobody answers."""
    dead = _target(f"http://127.0.0.1:{free_port()}", template=True)
    assert _sent(client, dead, []) == Receipt(0)
    receipt = _sent(client, dead, [message("a", text=b"no JSON")])
    assert (receipt.settled, len(receipt.refused), receipt.failure) == (1, 1, "")


def test_redirects_are_not_followed(client: str) -> None:
    """A server that sends us elsewhere gets no documents there, and no login."""
    with ElasticServer() as server, ElasticServer() as elsewhere:
        server.whole = [Answer(307, headers={"Location": f"{elsewhere.url}/_bulk"})]
        receipt = _sent(client, _target(server), [message("a")])

    assert (receipt.settled, elsewhere.requests) == (0, [])
    assert receipt.failure == "307: redirects are not followed; set the final address"


_CONFIGURATION = """
forward:
  targets:
  - name: search
    {client}:
      hosts: ["{url}"]
      allow_http: true
      allow_private: true
      index: kubernetes-event-{{date:%Y.%m}}
      template: true
      username: forwarder
      password_file: {folder}/password
    layout:
      cluster: "{{{{ cluster }}}}"
      kind: "{{{{ event.involvedObject.kind }}}}"
      message: "{{{{ event.message }}}}"
      timestamp: "{{{{ event.lastTimestamp }}}}"
      count: {{"$json": event.count}}
"""


def test_from_the_configuration_to_a_monthly_index(client: str, tmp_path: Path) -> None:
    """What the configuration says is what arrives: the flat documents of an exporter with Logstash behind it, in an index a month."""
    (tmp_path / "password").write_text("correct-horse\n")
    file = tmp_path / "eventlake.yaml"
    with ElasticServer(login=USER) as server:
        file.write_text(_CONFIGURATION.format(client=client, url=server.url, folder=tmp_path))
        (search,) = read.load(file, environ={}).forward.targets
        sender = opening.opened(search, opening.Outside({}, io.StringIO(), NOON))
        made = Layout(search).message(row(OLD))
        assert sender.send([made]) == sender.send([made]) == Receipt(1)
        sender.close()

    ((index, key, stored),) = server.indices.documents()
    assert (index, key, stored.writes) == ("kubernetes-event-2026.11", made.id, 2)
    assert stored.source == {
        "cluster": "prod",
        "kind": "Pod",
        "message": OLD["message"],
        "timestamp": "2026-11-23T08:00:01.123456Z",
        "count": 3,
    }
    assert server.indices.indices[index].fields["timestamp"] == "date"


def test_the_moment_of_an_index_is_that_of_last_seen() -> None:
    """A repeat weeks later goes into the same index, because its name is made of the observation alone."""
    old = message("a", at=datetime(2025, 1, 2, 3, tzinfo=UTC))
    with ElasticServer() as server:
        assert _sent("elasticsearch", _target(server, index="e-{date:%Y-%m}"), [old]) == Receipt(1)
    assert _ids(server) == [("e-2025-01", old.id)]
