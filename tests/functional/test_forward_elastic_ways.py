"""The ways to Elasticsearch and OpenSearch: who logs in, which host is asked, what TLS believes, and what an answer proves."""

from __future__ import annotations

import io
import json
import logging
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
import trustme

from etl import log
from etl.config.forwarding import TlsConfig
from etl.errors import UsageError
from etl.forward.sending import Receipt
from tests.lib import certificates, elastic_targets
from tests.lib.elastic_indices import Indices
from tests.lib.elastic_server import KEY, USER, Age, ElasticServer
from tests.lib.forwarded import message
from tests.lib.loopback import Answer, Delivery
from tests.lib.ports import free_port

_SECRET = KEY.removeprefix("ApiKey ")


@pytest.fixture(params=elastic_targets.CLIENTS)
def client(request: pytest.FixtureRequest) -> str:
    """Each of the two clients."""
    name: str = request.param
    return name


@pytest.mark.parametrize("age", ["es9", "opensearch"])
def test_who_logs_in(client: str, age: Age, tmp_path: Path) -> None:
    """Basic authentication and API keys are taken from the environment and from files."""
    key = tmp_path / "key"
    key.write_text(f"{_SECRET}\n")
    with ElasticServer(age, login=USER) as server:
        target = elastic_targets.target(server, username="forwarder", password="${PW}")  # noqa: S106 - a name
        with_user = elastic_targets.opened(client, target, PW="correct-horse")
        assert with_user.send([message("a")]) == Receipt(1)
        server.login = KEY
        with_key = elastic_targets.opened(
            client, elastic_targets.target(server, api_key_file=str(key))
        )
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
            target = elastic_targets.target(
                server, f"http://127.0.0.1:{free_port()}", api_key="${KEY}"
            )
            sender = elastic_targets.opened(client, target, KEY=_SECRET)
            refused = sender.send([message("a")])
            server.login, server.allowed = KEY, False
            forbidden = sender.send([message("a")])
            want = elastic_targets.target(server, api_key="${KEY}", template=True)
            without = elastic_targets.opened(client, want, KEY=_SECRET)
            no_template = without.send([message("a")])
            without.close()
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
    assert no_template.failure.endswith(
        "403: the user or key needs manage_index_templates of the cluster"
    )
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
        sender = elastic_targets.opened(
            client, elastic_targets.target(dead, "http://gone.example:9200", one, other)
        )
        for number in range(6):
            one.whole = [Answer(503, b'{"error": "going"}', {"Content-Type": "application/json"})]
            assert sender.send([message(f"a{number}")]) == Receipt(1)
        assert len(list(shared.documents())) == 6
    lost = sender.send([message("late")])
    sender.close()
    assert (lost.settled, lost.refused) == (0, ())
    assert lost.failure
    unknown = elastic_targets.sent(
        client, elastic_targets.target("http://gone.example:9200"), [message("late")]
    )
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
        sender = elastic_targets.opened(client, elastic_targets.target(server))
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

    assert len(elastic_targets.ids(server)) == 2


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
        assert elastic_targets.sent(
            client, elastic_targets.target(server, tls=whole), [message("a")]
        ) == Receipt(1)
        for less in (TlsConfig(ca_file=str(ca)), TlsConfig(cert_file=str(own), key_file=str(key))):
            assert elastic_targets.sent(
                client, elastic_targets.target(server, tls=less), [message("b")]
            ).failure
        blind = TlsConfig(cert_file=str(own), key_file=str(key), insecure_skip_verify=True)
        assert elastic_targets.sent(
            client, elastic_targets.target(server, tls=blind), [message("c")]
        ) == Receipt(1)
        assert len(elastic_targets.ids(server)) == 2
    missing = TlsConfig(ca_file=str(tmp_path / "none.pem"))
    with pytest.raises(UsageError, match=r"cannot use the TLS files .*none\.pem"):
        elastic_targets.opened(
            client, elastic_targets.target("https://es.example:9200", tls=missing)
        )


def test_an_authority_of_our_own_is_believed_alone(
    client: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With ``ca_file`` a certificate of an authority on the client's own list is refused."""
    public, own = tmp_path / "public.pem", tmp_path / "own.pem"
    certificates.authority().cert_pem.write_to_path(str(public))
    trustme.CA().cert_pem.write_to_path(str(own))
    monkeypatch.setattr("elastic_transport._node._http_urllib3.DEFAULT_CA_CERTS", str(public))
    with ElasticServer(tls=True) as server:
        receipt = elastic_targets.sent(
            client, elastic_targets.target(server, tls=TlsConfig(ca_file=str(own))), [message("a")]
        )
        sender = elastic_targets.opened(
            client, elastic_targets.target(server), SSL_CERT_FILE=str(public)
        )
        assert sender.send([message("a")]) == Receipt(1)
        sender.close()

    assert "CERTIFICATE_VERIFY_FAILED" in receipt.failure


def test_private_addresses_need_leave(client: str) -> None:
    """A host that leads into one's own network is refused unless the settings allow it."""
    with ElasticServer() as server:
        receipt = elastic_targets.sent(
            client, elastic_targets.target(server, allow_private=False), [message("a")]
        )

    assert "set allow_private: true" in receipt.failure
    assert server.requests == []


def test_without_the_client_the_extra_is_named(
    client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has not installed the client is told what to run."""
    monkeypatch.delitem(sys.modules, f"etl.forward.targets.ask_{client}", raising=False)
    for library in ("elastic_transport", "opensearchpy"):
        monkeypatch.setitem(sys.modules, library, None)

    with pytest.raises(UsageError, match=rf"pip install 'eventlake\[{client}\]'"):
        elastic_targets.opened(client, elastic_targets.target("http://127.0.0.1:1"))


def test_what_needs_no_server_asks_none(client: str) -> None:
    """Nothing to send, and what no index could take, is settled also where nobody answers."""
    dead = elastic_targets.target(f"http://127.0.0.1:{free_port()}", template=True)
    assert elastic_targets.sent(client, dead, []) == Receipt(0)
    receipt = elastic_targets.sent(client, dead, [message("a", text=b"no JSON")])
    assert (receipt.settled, len(receipt.refused), receipt.failure) == (1, 1, "")


def test_redirects_are_not_followed(client: str) -> None:
    """A server that sends us elsewhere gets no documents there, and no login."""
    with ElasticServer() as server, ElasticServer() as elsewhere:
        server.whole = [Answer(307, headers={"Location": f"{elsewhere.url}/_bulk"})]
        receipt = elastic_targets.sent(client, elastic_targets.target(server), [message("a")])

    assert (receipt.settled, elsewhere.requests) == (0, [])
    assert receipt.failure == "307: redirects are not followed; set the final address"


def test_requests_are_bounded_in_bytes(client: str) -> None:
    """No request is larger than ``max_bytes`` unless one document is, which goes alone."""
    batch = [message("a"), message("b"), message("large", document={"message": "x" * 20_000})]
    batch += [message(f"c{number}") for number in range(60)]
    with ElasticServer() as server:
        assert elastic_targets.sent(
            client, elastic_targets.target(server, max_bytes=10_000), batch
        ) == Receipt(63)

    sizes = [len(request) for request in server.bulks]
    assert sizes[:2] == [2, 1]
    assert all(size < 40 for size in sizes)


def test_a_server_that_takes_less_gets_less(client: str) -> None:
    """413 for a whole request splits it, and the limit is remembered; a document that is too large alone is refused."""
    batch = [message(f"a{number}") for number in range(40)]
    batch.insert(3, message("large", document={"message": "x" * 9_000}))
    with ElasticServer(most_bytes=8_000) as server:
        sender = elastic_targets.opened(client, elastic_targets.target(server))
        receipt = sender.send(batch)
        splits = server.statuses.count(413)
        again = sender.send(batch[4:])
        sender.close()

    assert (receipt.settled, again) == (41, Receipt(37))
    assert [(place, why[:3]) for place, why in receipt.refused] == [(3, "413")]
    assert len(elastic_targets.ids(server)) == 40
    assert server.statuses.count(413) == splits > 1
