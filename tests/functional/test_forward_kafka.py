"""The Kafka target against librdkafka's own mock cluster: receipts that are exact, whatever the broker answers."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator

import pytest

from etl.config.forwarding import KafkaTarget, SaslConfig, TlsConfig
from etl.errors import UsageError
from etl.forward.targets import kafka_client
from etl.forward.targets.kafka import KafkaSender
from etl.timespan import Duration
from tests.lib.kafka_mock import PRODUCE, MockCluster
from tests.lib.kafka_reader import KEYS, in_order, messages, numbers, records, sender

# https://kafka.apache.org/protocol.html#protocol_error_codes
NOT_LEADER, TIMED_OUT, TOO_LARGE, NOT_ALLOWED, OUT_OF_ORDER, INVALID = 6, 7, 10, 29, 45, 87
PARTITIONS = 3


@pytest.fixture
def cluster() -> Iterator[MockCluster]:
    """Return a cluster with the topic ``events``."""
    with MockCluster() as mock:
        mock.topic("events", PARTITIONS)
        yield mock


def test_what_is_acknowledged_is_in_the_topic_with_its_key_and_names(cluster: MockCluster) -> None:
    """Each uid has one partition and keeps its order; headers say which observation of which cluster it is."""
    made = sender(cluster.address)
    receipt = made.send(messages(0, 500))
    assert (receipt.settled, receipt.refused, receipt.failure) == (500, (), "")
    assert made.send([]).settled == 0
    found = records(cluster.address, "events", PARTITIONS)
    assert sorted(numbers(found)) == list(range(500))
    assert in_order(found)
    assert len({(record.key, record.partition) for record in found}) == KEYS
    assert len({record.partition for record in found}) > 1
    assert all(
        record.headers
        == {"eventlake-id": f"observation-{int(record.body)}", "eventlake-cluster": "prod"}
        for record in found
    )
    made.close()


def test_the_topic_may_be_a_template(cluster: MockCluster) -> None:
    """Each message goes where its own context says; one for which the template fails is refused, as is a name that no topic can have."""
    cluster.topic("events-prod", 1)
    made = sender(
        cluster.address,
        topic="{% if event.number == 3 %}{{ event.none }}{% elif event.number == 5 %}{% else %}events-{{ cluster }}{% endif %}",
    )
    receipt = made.send(messages(0, 10))
    assert receipt.settled == 10
    assert [place for place, _ in receipt.refused] == [3, 5]
    assert "topic: the template" in receipt.refused[0][1]
    found = numbers(records(cluster.address, "events-prod", 1))
    assert found == [0, 1, 2, 4, 6, 7, 8, 9]


@pytest.mark.parametrize(
    "answers",
    [[NOT_LEADER, TIMED_OUT], [TOO_LARGE], [0, INVALID, 0], [INVALID, 0, INVALID]],
    ids=["leader moves", "batch too large", "second batch refused", "two batches refused"],
)
def test_what_a_repeat_mends_is_repeated_in_order(cluster: MockCluster, answers: list[int]) -> None:
    """An answer that passes, or a batch that is taken in smaller parts, costs no message, no order and no refusal."""
    made = sender(cluster.address)
    made.send(messages(0, 10))
    cluster.answer(PRODUCE, answers)
    receipt = made.send(messages(10, 300))
    assert (receipt.settled, receipt.refused, receipt.failure) == (290, (), "")
    found = records(cluster.address, "events", PARTITIONS)
    assert set(numbers(found)) == set(range(300))
    assert in_order(found)


def test_what_the_broker_never_takes_is_refused_alone(cluster: MockCluster) -> None:
    """A record that is refused when it is sent by itself is told with the broker's reason; the next one goes on."""
    made = sender(cluster.address)
    cluster.answer(PRODUCE, [INVALID])
    receipt = made.send(messages(0, 1))
    assert receipt.settled == 1
    ((place, why),) = receipt.refused
    assert place == 0
    assert "failed to validate record" in why
    assert made.send(messages(1, 2)).refused == ()
    assert numbers(records(cluster.address, "events", PARTITIONS)) == [1]


@pytest.mark.parametrize(
    ("answer", "why"),
    [(NOT_ALLOWED, "topic events: Broker: Topic authorization failed"), (OUT_OF_ORDER, "")],
    ids=["not allowed", "out of order"],
)
def test_a_producer_that_stopped_for_good_is_replaced(
    cluster: MockCluster, answer: int, why: str
) -> None:
    """A fatal error ends the batch with its reason, nothing of it arrives later, and the next one is sent by another producer."""
    made = sender(cluster.address)
    made.send(messages(0, 10))
    cluster.answer(PRODUCE, [0, answer])
    receipt = made.send(messages(10, 200))
    assert receipt.settled < 190
    assert receipt.refused == ()
    assert why in receipt.failure
    assert receipt.failure
    before = records(cluster.address, "events", PARTITIONS)
    cluster.answer(PRODUCE, [])
    assert made.send(messages(10 + receipt.settled, 200)).failure == ""
    found = records(cluster.address, "events", PARTITIONS)
    assert set(numbers(before)) >= set(range(10 + receipt.settled))
    assert set(numbers(found)) == set(range(200))
    assert in_order(found)


def test_nothing_arrives_after_a_failure(
    cluster: MockCluster, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """A broker that is down ends patience with its reason; what was queued is gone, and is sent again when it is back."""
    logging.getLogger("etl").propagate = True
    made = sender(cluster.address, timeout=Duration(seconds=1))
    made.send(messages(0, 10))
    cluster.down()
    receipt = made.send(messages(10, 100))
    assert receipt.settled == 0
    assert receipt.failure.startswith("no acknowledgement within 1s: 127.0.0.1:")
    assert "Connection refused" in receipt.failure
    cluster.up()
    assert sorted(numbers(records(cluster.address, "events", PARTITIONS))) == list(range(10))
    made.close()
    again = sender(cluster.address)
    assert again.send(messages(10, 100)).settled == 90
    assert sorted(numbers(records(cluster.address, "events", PARTITIONS))) == list(range(100))
    told = [record.getMessage() for record in caplog.records]
    # Once of the address that was given, once of the broker that was found there.
    assert len([text for text in told if "Connection refused" in text]) <= 2
    assert any(text.startswith("the client for Kafka says: 127.0.0.1:") for text in told)
    assert capfd.readouterr() == ("", "")


def test_a_topic_that_is_not_there_is_named(cluster: MockCluster) -> None:
    """No message is refused for it: somebody may make the topic."""
    cluster.topic_error("missing", 3)
    receipt = sender(cluster.address, topic="missing", timeout=Duration(seconds=1)).send(
        messages(0, 3)
    )
    assert (receipt.settled, receipt.refused) == (0, ())
    assert "nknown topic" in receipt.failure


def test_a_client_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is an extra: without it the error says what to install."""
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    with pytest.raises(UsageError, match=r"pip install 'eventlake\[kafka\]'"):
        sender("127.0.0.1:1")


def test_settings_reach_the_client() -> None:
    """Every setting of the target is one of librdkafka's, with files and secrets resolved."""
    target = KafkaTarget(
        brokers=["a:1", "b:2"],
        topic="t",
        client_id="me",
        compression="lz4",
        timeout=Duration(seconds=4),
        tls=TlsConfig(enabled=True, cert_file="c", key_file="k", insecure_skip_verify=True),
        sasl=SaslConfig(mechanism="SCRAM-SHA-512", username="u", password="${WORD}"),  # noqa: S106 - a name
    )
    words = kafka_client.words(target, {"WORD": "sesame-opens", "SSL_CERT_FILE": "mine.pem"})
    expected = {
        "bootstrap.servers": "a:1,b:2",
        "client.id": "me",
        "compression.type": "lz4",
        "acks": "all",
        "enable.idempotence": True,
        "security.protocol": "sasl_ssl",
        "ssl.ca.location": "mine.pem",
        "ssl.certificate.location": "c",
        "ssl.key.location": "k",
        "enable.ssl.certificate.verification": False,
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "u",
        "sasl.password": "sesame-opens",
    }
    assert {name: words[name] for name in expected} == expected


def test_files_that_are_not_there_are_named() -> None:
    """A client that cannot be made says which file it misses, before anything is sent."""
    target = KafkaTarget(
        brokers=["a:1"], topic="t", tls=TlsConfig(enabled=True, ca_file="/no/ca.pem")
    )
    with pytest.raises(UsageError, match=r"refuses its settings: .*ssl\.ca\.location"):
        KafkaSender(target, {})
