"""A topic's records read back by librdkafka's consumer, which checks each batch as it comes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from confluent_kafka import Consumer, TopicPartition

from etl.config.forwarding import KafkaTarget
from etl.forward.sending import Message
from etl.forward.targets.kafka import KafkaSender
from etl.timespan import Duration

KEYS = 7
AT = datetime(2026, 9, 14, 8, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Found:
    """One record."""

    partition: int
    key: str
    body: bytes
    headers: Mapping[str, str]


def records(address: str, topic: str, partitions: int, **more: object) -> list[Found]:
    """Return all records of a topic, each partition's in its order."""
    consumer = Consumer(
        {
            "bootstrap.servers": address,
            "group.id": "reader",
            "log_level": 0,
            "fetch.wait.max.ms": 10,
            **more,
        }
    )
    places = [TopicPartition(topic, number, 0) for number in range(partitions)]
    left = {
        place.partition: consumer.get_watermark_offsets(place, timeout=20)[1] for place in places
    }
    consumer.assign([place for place in places if left[place.partition]])
    # Not closed: that is good-bye to a group, and waits for a coordinator that is not there.
    return list(_read(consumer, left))


def _read(consumer: Consumer, ends: Mapping[int, int]) -> Iterator[Found]:
    unread = {partition for partition, end in ends.items() if end}
    while unread:
        record = consumer.poll(20)
        assert record is not None, f"partitions {unread} end before {ends}"
        assert record.error() is None, record.error()
        # The types are those of all that may be none in a record of somebody else.
        partition, offset = record.partition(), record.offset()
        key, body = record.key(), record.value()
        assert partition is not None
        assert offset is not None
        assert key is not None
        assert body is not None
        given: list[tuple[str, bytes]] = record.headers() or []  # type: ignore[assignment]  # as they are read
        headers = {name: value.decode() for name, value in given}
        yield Found(partition, key.decode(), body, headers)
        if offset + 1 == ends[partition]:
            unread.discard(partition)


def messages(first: int, end: int, *, size: int = 0) -> list[Message]:
    """Return messages with the numbers from ``first`` to before ``end``, of a few uids in turn."""
    return [
        Message(
            id=f"observation-{number}",
            key=f"uid-{number % KEYS}",
            cluster="prod",
            at=AT,
            body=str(number).encode().rjust(size),
            context={"cluster": "prod", "event": {"number": number}},
        )
        for number in range(first, end)
    ]


def numbers(found: Sequence[Found]) -> list[int]:
    """Return the numbers of records, as they stand."""
    return [int(record.body) for record in found]


def in_order(found: Sequence[Found]) -> bool:
    """Whether of each uid what is new comes in its order; what was there before may come again."""
    newest: dict[str, list[int]] = {}
    for record in found:
        seen = newest.setdefault(record.key, [])
        number = int(record.body)
        if number not in seen:
            if seen and number < seen[-1]:
                return False
            seen.append(number)
    return True


def sender(address: str, **more: object) -> KafkaSender:
    """Return a sender to the topic ``events`` of a broker on loopback; ``more`` is set as well."""
    given: dict[str, object] = {
        "brokers": [address],
        "topic": "events",
        "timeout": Duration(seconds=20),
        **more,
    }
    return KafkaSender(KafkaTarget(**given), {})  # type: ignore[arg-type]  # tests give what the fields take
