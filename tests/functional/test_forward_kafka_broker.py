"""The Kafka target against a broker with a disk, limits, TLS and logins: what is refused, who is let in, what is told."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from etl import log
from etl.config.forwarding import SaslConfig, TlsConfig
from etl.timespan import Duration
from tests.lib.certificates import authority
from tests.lib.kafka_process import BrokerProcess
from tests.lib.kafka_reader import in_order, messages, numbers, records, sender

PASSWORD = "correct horse, battery"  # noqa: S105 - of nobody
LARGEST = 10_000
SCRAM = ("SCRAM-SHA-256", "SCRAM-SHA-512")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[BrokerProcess]:
    """Return a broker that takes batches of up to 10 kB."""
    with BrokerProcess(tmp_path / "log", more={"largest": LARGEST}) as process:
        yield process


def test_only_what_is_too_large_is_refused(broker: BrokerProcess) -> None:
    """A broker refuses a batch as a whole; the two records that are to blame are found, and all others arrive once and in order."""
    batch = messages(0, 150, size=300)
    for place in (17, 120):
        (batch[place],) = messages(place, place + 1, size=2 * LARGEST)
    made = sender(broker.address, compression="none")
    receipt = made.send(batch)
    assert (receipt.settled, receipt.failure) == (150, "")
    assert [place for place, _ in receipt.refused] == [17, 120]
    assert {why for _, why in receipt.refused} == {"Broker: Message size too large"}
    found = records(broker.address, "events", 3)
    assert set(numbers(found)) == set(range(150)) - {17, 120}
    assert in_order(found)


def test_a_broker_that_dies_behind_an_append_is_asked_again(broker: BrokerProcess) -> None:
    """What was stored and never acknowledged is told apart by its sequence number: the same producer's repeat is no second copy."""
    made = sender(broker.address)
    made.send(messages(0, 20))
    broker.kill()
    broker.start(die_after=1)

    def revive() -> None:
        broker.wait()
        broker.start()

    thread = threading.Thread(target=revive)
    thread.start()
    assert made.send(messages(20, 60)).settled == 40
    thread.join()
    assert sorted(numbers(records(broker.address, "events", 3))) == list(range(60))


@pytest.mark.parametrize("mechanism", ["PLAIN", *SCRAM])
def test_logins(
    mechanism: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Who knows the password is let in, also over TLS with a certificate of our own; who does not is told so once, at once, and no password is in any log."""
    logging.getLogger("etl").propagate = True
    files = certificates(tmp_path)
    login = {"mechanism": mechanism, "user": "eventlake", "password": PASSWORD}
    tls = TlsConfig(
        enabled=True, ca_file=files["ca"], cert_file=files["cert"], key_file=files["key"]
    )
    asked = SaslConfig(mechanism=mechanism, username="eventlake", password=PASSWORD)  # type: ignore[arg-type]
    more: dict[str, object] = {
        "login": login,
        "certificate": files["server"],
        "authorities": files["ca"],
    }
    with BrokerProcess(tmp_path / "log", more=more) as broker:
        made = sender(broker.address, sasl=asked, tls=tls)
        assert made.send(messages(0, 30)).settled == 30
        made.close()
        wrong = SaslConfig(mechanism=mechanism, username="eventlake", password="wrong horse")  # type: ignore[arg-type]  # noqa: S106
        receipt = sender(broker.address, sasl=wrong, tls=tls).send(messages(30, 40))
        assert receipt.settled == 0
        assert receipt.refused == ()
        assert "SASL authentication error" in receipt.failure
        assert "no acknowledgement" not in receipt.failure
        # No certificate of ours, which the server ends without a reason; and one of theirs that
        # nobody has signed whom we believe.
        ours = TlsConfig(enabled=True, ca_file=files["ca"])
        for other, why in ((ours, ""), (TlsConfig(enabled=True), "certificate verify failed")):
            patience = Duration(seconds=1)
            receipt = sender(broker.address, sasl=asked, tls=other, timeout=patience).send(
                messages(30, 40)
            )
            assert (receipt.settled, receipt.refused) == (0, ())
            assert receipt.failure.startswith("no acknowledgement within 1s: ")
            assert why in receipt.failure
        told = [record.getMessage() for record in caplog.records]
        assert any("SASL authentication error" in text for text in told)
        assert not any("horse" in text for text in [*told, receipt.failure])
        assert log.redact(PASSWORD) == "[redacted]"
        if mechanism == "PLAIN":
            trusting = TlsConfig(
                enabled=True,
                insecure_skip_verify=True,
                cert_file=files["cert"],
                key_file=files["key"],
            )
            assert sender(broker.address, sasl=asked, tls=trusting).send(messages(30, 40)).settled
    assert capfd.readouterr() == ("", "")


def certificates(folder: Path) -> dict[str, str]:
    """Write an authority, and a certificate of the server and of ours by it; return where."""
    server, ours = authority().issue_cert("127.0.0.1"), authority().issue_cert("eventlake")
    files = {name: folder / f"{name}.pem" for name in ("ca", "server", "cert", "key")}
    authority().cert_pem.write_to_path(str(files["ca"]))
    server.private_key_and_cert_chain_pem.write_to_path(str(files["server"]))
    ours.cert_chain_pems[0].write_to_path(str(files["cert"]))
    ours.private_key_pem.write_to_path(str(files["key"]))
    return {name: str(path) for name, path in files.items()}
