"""Messages to records of a Kafka topic: key = uid, headers that name the observation, an exact receipt.

What the brokers have acknowledged is settled, and what they will never take is refused. A
record that breaks its batch is found by sending each alone, and only when the one before is
settled, so that no record overtakes another of its key. After a failure all that is
queued is purged: nothing arrives later, out of order. What was on its way then, or before a
restart, may be in the topic already and is sent again: that is the cut, and the header
``eventlake-id`` is the same in both copies.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from etl.config.forwarding import KafkaTarget
from etl.errors import UsageError, quoted
from etl.forward.sending import Message, Receipt
from etl.forward.targets import kafka_client
from etl.timespan import brief
from etl.wire.templates import LeafError, render_leaf

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Producer
    from confluent_kafka import Message as Record

# What no repeat can mend, by the numbers of Kafka's protocol: 10 MESSAGE_TOO_LARGE, 17
# INVALID_TOPIC_EXCEPTION (a template made it), 18 RECORD_LIST_TOO_LARGE, 32 INVALID_TIMESTAMP, 87
# INVALID_RECORD.
# https://kafka.apache.org/protocol.html#protocol_error_codes
_HOPELESS = frozenset({10, 17, 18, 32, 87})
# What Kafka takes as a topic's name (org.apache.kafka.common.internals.Topic).
_TOPIC = re.compile(r"(?!\.\.?$)[A-Za-z0-9._-]{1,249}")
# librdkafka's: a login that was refused is tried again for ever, and must not be: it locks accounts.
_LOGIN_REFUSED = -169
# librdkafka's: all brokers are down. Why each of them is was said before.
_ALL_DOWN = -187
# One turn of waiting: how late the end of patience may be noticed.
_TURN_SECONDS = 0.1
# Reports of what is purged come at once; this is for a machine that stands still.
_PURGE_SECONDS = 5.0


@dataclass(slots=True)
class _Group:
    """Records that are sent together, by their place in the batch, and what became of each."""

    deadline: float
    """When patience ends, by the monotonic clock."""
    waiting: set[int] = field(default_factory=set)
    acknowledged: set[int] = field(default_factory=set)
    refused: dict[int, str] = field(default_factory=dict)
    """For themselves: the client did not even queue them."""
    hopeless: dict[int, str] = field(default_factory=dict)
    """In a batch that the broker refused: one of them, at least, is to blame."""
    failure: str = ""
    over: bool = False
    """Whether there is nothing to wait for, though some are waiting."""

    def report(self, place: int, error: KafkaError | None, record: Record) -> None:
        """Take what the client says of one record."""
        self.waiting.discard(place)
        if error is None:
            self.acknowledged.add(place)
        elif error.code() in _HOPELESS:
            self.hopeless[place] = kafka_client.reason(error)
        elif error.code() > 0:
            # A broker's own word, while others fail with it and say that they were purged.
            self.failure = f"topic {record.topic()}: {kafka_client.reason(error)}"

    def trouble(self, error: KafkaError) -> None:
        """Take what the client says of itself and of connections; most of it mends by itself."""
        if error.code() == _ALL_DOWN:
            self.failure = self.failure or "no broker answers"
        else:
            self.failure = kafka_client.reason(error)
        self.over = self.over or error.code() == _LOGIN_REFUSED

    def wait(self, producer: Producer) -> None:
        """Let the client report for a moment."""
        from confluent_kafka import KafkaException  # noqa: PLC0415 - an extra; whoever is here has it

        try:
            # A flush waits for no more records of the same batch.
            producer.flush(_TURN_SECONDS)
        except KafkaException as error:
            # So it says that it has stopped, and why.
            self.failure, self.over = kafka_client.reason(error), True

    @property
    def late(self) -> bool:
        return time.monotonic() >= self.deadline


class KafkaSender:
    """An open way to one topic, or to several where its name is a template."""

    def __init__(self, target: KafkaTarget, environ: Mapping[str, str]) -> None:
        """Read the secrets and make a client, which connects by itself.

        Raises ``SecretError``, and ``UsageError`` where the client is missing or refuses its settings.
        """
        self._target = target
        self._environ = environ
        self._group = _Group(0.0)
        self._producer: Producer | None = self._made()

    def send(self, batch: Sequence[Message]) -> Receipt:
        """Send ``batch`` in order and return when each record is acknowledged or refused, or patience ends."""
        deadline = time.monotonic() + self._target.timeout.total_seconds()
        topics, refused = self._topics(batch)
        waiting = sorted(topics)
        failure = ""
        # Up to here each record is sent alone: the broker does not say which of a batch it cannot take.
        alone = -1
        while waiting and not failure:
            places = waiting[:1] if waiting[0] <= alone else waiting
            group = self._sent(batch, topics, places, deadline)
            refused |= group.refused
            if len(places) == 1:
                refused |= group.hopeless
            else:
                alone = max(group.hopeless, default=alone)
            waiting = [p for p in waiting if p not in group.acknowledged and p not in refused]
            # What is left of a group has failed, unless it is tried again record by record.
            if waiting and waiting[0] <= places[-1] and (not group.hopeless or group.late):
                failure = self._failure(group)
        settled = waiting[0] if waiting else len(batch)
        told = tuple((place, refused[place]) for place in sorted(refused) if place < settled)
        return Receipt(settled, refused=told, failure=failure)

    def close(self) -> None:
        """Close connections; what only a failure can have left in the queue is dropped."""
        if self._producer is not None:
            _purge(self._producer)
        self._producer = None

    def _topics(self, batch: Sequence[Message]) -> tuple[dict[int, str], dict[int, str]]:
        """Return the topic of each record, and why others have none."""
        topics: dict[int, str] = {}
        refused: dict[int, str] = {}
        for place, message in enumerate(batch):
            try:
                topic = render_leaf(self._target.topic, message.context)
            except LeafError as error:
                # The template has no topic for this one, whenever it is asked.
                refused[place] = f"topic: {error}"
                continue
            if _TOPIC.fullmatch(topic):
                topics[place] = topic
            else:
                refused[place] = f"topic: Kafka has no name like {quoted(topic, 60)!r}"
        return topics, refused

    def _sent(
        self,
        batch: Sequence[Message],
        topics: Mapping[int, str],
        places: Sequence[int],
        deadline: float,
    ) -> _Group:
        """Send the records at ``places`` together, and return what became of each of them."""
        self._group = group = _Group(deadline)
        try:
            producer = self._producer = self._producer or self._made()
        except UsageError as error:
            # It could be made before: a file has gone since, and may be back when this is tried again.
            group.failure = str(error)
            return group
        for place in places:
            if not _queued(producer, batch[place], topics[place], group, place):
                break
        while group.waiting and not group.over and not group.late:
            group.wait(producer)
        if group.waiting or group.over:
            _purge(producer)
        if group.waiting or group.over or group.hopeless:
            # It has stopped for good, or holds what is not known to have arrived.
            self._producer = None
        return group

    def _made(self) -> Producer:
        return kafka_client.producer(self._target, self._environ, told=self._told)

    def _told(self, error: KafkaError) -> None:
        # What the client says while it is polled concerns the group of that time.
        self._group.trouble(error)

    def _failure(self, group: _Group) -> str:
        patience = f"no acknowledgement within {brief(self._target.timeout)}"
        if group.over or not group.late:
            return group.failure or patience
        return f"{patience}: {group.failure}" if group.failure else patience


def _queued(producer: Producer, message: Message, topic: str, group: _Group, place: int) -> bool:
    """Hand one record to the client; return whether the next one may follow."""
    from confluent_kafka import KafkaException  # noqa: PLC0415 - an extra; whoever is here has it

    group.waiting.add(place)
    while not group.over and not group.late:
        try:
            producer.produce(
                topic,
                value=message.body,
                key=message.key,
                headers={"eventlake-id": message.id, "eventlake-cluster": message.cluster},
                on_delivery=partial(group.report, place),
            )
        except BufferError:
            # The queue is full: what is acknowledged meanwhile makes room.
            group.wait(producer)
        except KafkaException as error:
            group.waiting.discard(place)
            told = error.args[0]
            if told.code() in _HOPELESS:
                group.refused[place] = kafka_client.reason(told)
                return True
            # Such as a producer that has stopped: what is queued goes back with it.
            group.failure, group.over = kafka_client.reason(told), True
            return False
        else:
            return True
    group.waiting.discard(place)
    return False


def _purge(producer: Producer) -> None:
    """Take back what is queued and on its way; its reports say so."""
    from confluent_kafka import KafkaException  # noqa: PLC0415 - as above

    producer.purge()
    until = time.monotonic() + _PURGE_SECONDS
    while len(producer) and time.monotonic() < until:
        try:
            producer.flush(_TURN_SECONDS)
        except KafkaException:
            # It says once that it has stopped, which is known or of no interest any more.
            continue
