"""librdkafka's own mock cluster, by its C interface: real TCP on loopback, errors and outages as they are asked for.

Of its functions only those of ``rdkafka_mock.h`` are used. It has no disk: what it holds
goes with it, so kills are tried on ``tests.lib.kafka_broker``.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import confluent_kafka

PRODUCE = 0
INIT_PRODUCER_ID = 22
_PRODUCER = 0


@functools.cache
def _library() -> ctypes.CDLL:
    """The very library that the client has loaded: wheels carry it beside the package."""
    beside = Path(confluent_kafka.__file__).parent.parent / "confluent_kafka.libs"
    library = ctypes.CDLL(str(next(beside.glob("librdkafka*.so*"))))
    for name in ("rd_kafka_new", "rd_kafka_mock_cluster_new", "rd_kafka_conf_new"):
        getattr(library, name).restype = ctypes.c_void_p
    library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    return library


class MockCluster:
    """A cluster of one broker; use as a context manager."""

    def __enter__(self) -> Self:
        """Start it."""
        library = _library()
        conf = ctypes.c_void_p(library.rd_kafka_conf_new())
        # It tells of each connection that ends, and tests end many.
        library.rd_kafka_conf_set(conf, b"log_level", b"0", None, ctypes.c_size_t(0))
        self._client = ctypes.c_void_p(
            library.rd_kafka_new(_PRODUCER, conf, None, ctypes.c_size_t(0))
        )
        self._cluster = ctypes.c_void_p(
            library.rd_kafka_mock_cluster_new(self._client, ctypes.c_int(1))
        )
        self.address: str = library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it; what it held is gone."""
        _library().rd_kafka_mock_cluster_destroy(self._cluster)
        _library().rd_kafka_destroy(self._client)

    def topic(self, name: str, partitions: int) -> None:
        """Make a topic."""
        _library().rd_kafka_mock_topic_create(
            self._cluster, name.encode(), ctypes.c_int(partitions), ctypes.c_int(1)
        )

    def answer(self, request: int, errors: Sequence[int]) -> None:
        """Answer the next requests of one kind with these errors of the protocol; 0 is none."""
        given = (ctypes.c_int * len(errors))(*errors)
        _library().rd_kafka_mock_push_request_errors_array(
            self._cluster, ctypes.c_int16(request), ctypes.c_size_t(len(errors)), given
        )

    def topic_error(self, name: str, error: int) -> None:
        """Say ``error`` of a topic in metadata."""
        _library().rd_kafka_mock_topic_set_error(self._cluster, name.encode(), ctypes.c_int(error))

    def down(self) -> None:
        """Cut connections and refuse new ones."""
        _library().rd_kafka_mock_broker_set_down(self._cluster, ctypes.c_int32(1))

    def up(self) -> None:
        """Take connections again, at the same address."""
        _library().rd_kafka_mock_broker_set_up(self._cluster, ctypes.c_int32(1))
