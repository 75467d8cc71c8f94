"""A Kafka broker for tests: one process, real TCP, topics on disk; killed at any moment it loses nothing that it acknowledged.

It speaks what a producer and a consumer with fixed partitions need, in versions without
flexible fields: ApiVersions, Metadata, InitProducerId, Produce, ListOffsets, Fetch, and with a
login SaslHandshake and SaslAuthenticate. https://kafka.apache.org/protocol.html

``python -m tests.lib.kafka_broker SETTINGS``: a JSON object; see ``Settings``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import ssl
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.lib import kafka_login
from tests.lib import kafka_wire as wire
from tests.lib.kafka_log import Partition
from tests.lib.kafka_wire import Reader

PRODUCE, FETCH, LIST_OFFSETS, METADATA = 0, 1, 2, 3
SASL_HANDSHAKE, API_VERSIONS, INIT_PRODUCER_ID, SASL_AUTHENTICATE = 17, 18, 22, 36
# Each kind of request in one version, but for ApiVersions, by which clients find this out.
_VERSIONS = {
    PRODUCE: (3, 7),
    FETCH: (4, 10),
    LIST_OFFSETS: (1, 1),
    METADATA: (4, 4),
    SASL_HANDSHAKE: (1, 1),
    API_VERSIONS: (0, 3),
    INIT_PRODUCER_ID: (0, 1),
    SASL_AUTHENTICATE: (0, 0),
}
_BEFORE_LOGIN = frozenset({API_VERSIONS, SASL_HANDSHAKE, SASL_AUTHENTICATE})
_UNKNOWN_TOPIC, _UNSUPPORTED_MECHANISM, _LOGIN_FAILED = 3, 33, 58
_FLEXIBLE_FROM = 3
_WITH_SESSIONS = 7
_PAUSE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Settings:
    """What is said in the command line."""

    folder: str
    port: int
    topics: dict[str, int]
    """Names, and how many partitions each has; others are not made."""
    largest: int = 1_048_588
    """The most bytes that a batch may have (max.message.bytes)."""
    login: dict[str, str] = field(default_factory=dict)
    """mechanism, user and password; empty means that everybody is let in."""
    certificate: str = ""
    """A PEM file with certificate and key: speak TLS."""
    authorities: str = ""
    """A PEM file: ask for a certificate that they signed."""
    die_after: int = 0
    """End without a word when so many batches were appended since the start, the last of them not acknowledged; 0 is never."""


class Broker:
    """Answers requests."""

    def __init__(self, settings: Settings) -> None:
        """Open the topics."""
        self._settings = settings
        folder = Path(settings.folder)
        self._partitions = {
            (topic, number): Partition(folder / f"{topic}-{number}", settings.largest)
            for topic, count in settings.topics.items()
            for number in range(count)
        }
        self._producers = folder / "producers"
        self._appended = 0
        self._idle = False

    async def serve(self) -> None:
        """Listen until the process ends."""
        told = self._settings
        context = None
        if told.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(told.certificate)
            if told.authorities:
                context.load_verify_locations(told.authorities)
                context.verify_mode = ssl.CERT_REQUIRED
        server = await asyncio.start_server(self._talk, "127.0.0.1", told.port, ssl=context)
        sys.stdout.write("listening\n")
        sys.stdout.flush()
        await server.serve_forever()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            session = _Session(self._settings.login)
            while True:
                size = int.from_bytes(await reader.readexactly(4))
                answer = self._answered(await reader.readexactly(size), session)
                writer.write(wire.block(answer))
                await writer.drain()
                if self._idle:
                    # Instead of waiting for more as the request allows: nobody spins.
                    await asyncio.sleep(_PAUSE_SECONDS)
                    self._idle = False
                if session.refused:
                    break
        writer.close()

    def _answered(self, request: bytes, session: _Session) -> bytes:
        said = Reader(request)
        kind, version, number = said.int16(), said.int16(), said.int32()
        said.text()
        assert kind in _BEFORE_LOGIN or session.inside, "a request before the login"
        low, high = _VERSIONS[kind]
        assert low <= version <= high, f"version {version} of {kind} is not spoken here"
        match kind:
            case 0:
                body = self._produce(said)
            case 1:
                body = self._fetch(said, version)
            case 2:
                body = self._list_offsets(said)
            case 3:
                body = self._metadata(said)
            case 22:
                body = self._producer_id()
            case 18:
                body = _versions(version)
            case _:
                body = session.answer(kind, said)
        return wire.int32(number) + body

    def _produce(self, said: Reader) -> bytes:
        """Version 3 to 7: transactional_id acks timeout [topic [partition records]]."""
        said.text()
        assert said.int16() == -1, "acknowledged by all replicas, or it may be lost"
        said.int32()

        def partition(topic: str) -> bytes:
            number, batch = said.int32(), said.block()
            held = self._partitions.get((topic, number))
            error, offset = held.append(batch) if held else (_UNKNOWN_TOPIC, -1)
            self._appended += error == 0
            if self._appended == self._settings.die_after > 0:
                os._exit(1)
            # Log append time: none; the log begins at 0.
            return wire.int32(number) + wire.int16(error) + wire.int64(offset) + wire.int64(-1)

        def topic() -> bytes:
            name = said.text()
            found = said.array(lambda: partition(name) + wire.int64(0))
            return wire.text(name) + wire.array(found, bytes)

        return wire.array(said.array(topic), bytes) + wire.int32(0)

    def _fetch(self, said: Reader, version: int) -> bytes:
        """Version 10, which carries sessions that nobody has to accept: each request says all it wants."""
        said.take(4 + 4 + 4)
        left = said.int32()
        self._idle = True
        said.take(1 + (8 if version >= _WITH_SESSIONS else 0))

        def partition(topic: str) -> bytes:
            number = said.int32()
            said.take(4)
            offset = said.int64()
            said.take(8)
            limit = min(said.int32(), left)
            held = self._partitions[topic, number]
            ends = wire.int64(held.end) * 2 + wire.int64(0)
            aborted = wire.int32(-1)
            records = held.read(offset, limit)
            self._idle = self._idle and not records
            body = wire.int16(0) + ends + aborted + wire.block(records)
            return wire.int32(number) + body

        def topic() -> bytes:
            name = said.text()
            return wire.text(name) + wire.array(said.array(lambda: partition(name)), bytes)

        return wire.int32(0) + wire.int16(0) + wire.int32(0) + wire.array(said.array(topic), bytes)

    def _list_offsets(self, said: Reader) -> bytes:
        """Version 1: -2 asks for the first offset, -1 for the end."""
        said.int32()

        def partition(topic: str) -> bytes:
            number, time = said.int32(), said.int64()
            offset = self._partitions[topic, number].end if time == -1 else 0
            return wire.int32(number) + wire.int16(0) + wire.int64(-1) + wire.int64(offset)

        def topic() -> bytes:
            name = said.text()
            return wire.text(name) + wire.array(said.array(lambda: partition(name)), bytes)

        return wire.array(said.array(topic), bytes)

    def _metadata(self, said: Reader) -> bytes:
        """Version 4: one broker, which leads all partitions."""
        asked = said.array(said.text)

        def topic(name: str) -> bytes:
            count = self._settings.topics.get(name)
            head = wire.int16(0 if count else _UNKNOWN_TOPIC) + wire.text(name) + wire.int8(0)
            me = wire.array([1], wire.int32)
            return head + wire.array(
                range(count or 0),
                lambda number: wire.int16(0) + wire.int32(number) + wire.int32(1) + me * 2,
            )

        broker = (
            wire.int32(1)
            + wire.text("127.0.0.1")
            + wire.int32(self._settings.port)
            + wire.text(None)
        )
        return (
            wire.int32(0)
            + wire.array([broker], bytes)
            + wire.text("tests")
            + wire.int32(1)
            + wire.array(asked or list(self._settings.topics), topic)
        )

    def _producer_id(self) -> bytes:
        """An id that no producer had before, also across restarts."""
        with self._producers.open("ab") as file:
            file.write(b".")
            number = file.tell()
        return wire.int32(0) + wire.int16(0) + wire.int64(number) + wire.int16(0)


class _Session:
    """Whether somebody has logged in on one connection."""

    def __init__(self, login: dict[str, str]) -> None:
        self._told = login
        self._login: kafka_login.Login | None = None
        self.refused = False

    @property
    def inside(self) -> bool:
        return not self._told or (self._login is not None and self._login.done)

    def answer(self, kind: int, said: Reader) -> bytes:
        """Answer SaslHandshake 1 and SaslAuthenticate 0."""
        if kind == SASL_HANDSHAKE:
            asked, offered = said.text(), self._told["mechanism"]
            if asked == offered:
                self._login = kafka_login.begin(offered, self._told["user"], self._told["password"])
            error = 0 if asked == offered else _UNSUPPORTED_MECHANISM
            return wire.int16(error) + wire.array([offered], wire.text)
        assert self._login is not None
        try:
            return wire.int16(0) + wire.text(None) + wire.block(self._login.answer(said.block()))
        except kafka_login.RefusedError:
            self.refused = True
            return wire.int16(_LOGIN_FAILED) + wire.text("wrong credentials") + wire.block(b"")


def _versions(version: int) -> bytes:
    def one(kind: int) -> bytes:
        return b"".join(map(wire.int16, (kind, *_VERSIONS[kind])))

    if version >= _FLEXIBLE_FROM:
        return wire.int16(0) + wire.compact_array(list(_VERSIONS), one) + wire.int32(0) + b"\0"
    answer = wire.int16(0) + wire.array(list(_VERSIONS), one)
    return answer + wire.int32(0) if version else answer


if __name__ == "__main__":
    asyncio.run(Broker(Settings(**json.loads(sys.argv[1]))).serve())
