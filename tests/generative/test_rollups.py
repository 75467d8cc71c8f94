"""Masks and names, drawn: a mask is its own mask, ids do not matter, and names tell who gave them."""

from __future__ import annotations

import uuid

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.lib.rollups import patterns, workloads

# What k8s.io/apimachinery's rand.String draws from; SafeEncodeString maps the digits of a hash to it.
ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
# The longest name that generateName leaves room for, and what it appends.
LONGEST, RANDOM = 58, 5

_label = st.from_regex(r"[a-z]([a-z0-9-]{0,18}[a-z0-9])?", fullmatch=True)
_suffix = st.text(ALPHABET, min_size=RANDOM, max_size=RANDOM)
_minutes = st.integers(26_973_000, 39_999_999)  # of 2021, when names began to hold minutes, to 2046
_address = st.ip_addresses(v=4).map(str) | st.tuples(
    st.ip_addresses(v=4).map(str), st.integers(1, 65535)
).map(lambda pair: f"{pair[0]}:{pair[1]}")
_duration = st.builds("{}{}".format, st.integers(0, 10**6), st.sampled_from(["ms", "s", "m3.5s", "h0m7s"]))  # fmt: skip
_pod = st.builds("{}-{}-{}".format, _label, st.text(ALPHABET, min_size=8, max_size=10), _suffix)
_stamp = st.datetimes().map(lambda moment: f"{moment:%Y-%m-%dT%H:%M:%S}Z")
_digest = st.binary(min_size=32, max_size=32).map(lambda some: f"sha256:{some.hex()}")
IDS = [
    st.uuids().map(str),
    st.binary(min_size=6, max_size=32).map(bytes.hex),
    st.integers(0, 10**12).map(str),
    st.builds("{}Mi".format, st.integers(1, 10**5)),
    _address,
    _duration,
    _pod,
    _stamp,
    _digest.map(lambda digest: f'"registry.example/team/web@{digest}"'),
    _label.map(lambda name: f'"{name}"'),
    st.builds("https://{}/v2/{}".format, _address, _label),
]
TEMPLATES = [
    "failed to stop {}",
    "{}: context deadline exceeded",
    "error (id {}) while waiting, {} left",
    "Stopping [{}] after {}.",
    "cannot reach {}; last tried {}",
]
_words = st.sampled_from(
    [
        *("code", "status", "exit status ", "code = ", "HTTP", "Created container ", "in pod "),
        *("Node ", " status is", "on node ", "volumes=", "[", "]", "(", ")", '"', "'", "/", ":"),
        *("-", "_", ".", ",", " ", "  ", "*", "web-0", "x7k2p", "10.0.0.1", "503", "5m0s", "::1"),
        *("a", "Z", "é", "abcdef01", "sha256:", "http://", "nvidia.com/gpu", "\n", "⁞"),
    ]
)
_texts = st.lists(_words, max_size=12).map("".join) | st.text(max_size=60)


@settings(max_examples=15, deadline=None)
@given(st.lists(_texts, min_size=40, max_size=40))
def test_masking_is_idempotent(messages: list[str]) -> None:
    """What is masked once has nothing left to mask."""
    once = patterns([*messages])
    assert patterns(once) == once


@settings(max_examples=10, deadline=None)
@given(st.data())
def test_messages_that_differ_only_in_ids_fall_together(data: st.DataObject) -> None:
    """Whatever ids of one kind stand in a message, its pattern is the same, and has a star for them."""
    filled: list[str | None] = []
    wanted: list[str | None] = []
    for kind in IDS:
        template = data.draw(st.sampled_from(TEMPLATES))
        for _ in range(3):
            ids = [data.draw(kind) for _ in range(template.count("{}"))]
            filled.append(template.format(*ids))
            wanted.append(template.replace("{}", "*"))
    assert patterns([*filled]) == wanted


def _generated(owner: str, suffix: str) -> str:
    """A name that the API server makes of a controller's generateName."""
    return f"{owner}-"[:LONGEST] + suffix


@settings(max_examples=10, deadline=None)
@given(
    st.lists(
        st.tuples(
            _label.filter(lambda name: not name.endswith(tuple("0123456789"))),
            st.integers(10**5, 2**32 - 1),
            _minutes,
            st.integers(0, 9999),
            _suffix,
            st.integers(0, 2),
        ),
        min_size=20,
        max_size=20,
    )
)
def test_the_workload_is_read_from_the_names_that_controllers_give(
    drawn: list[tuple[str, int, int, int, str, int]],
) -> None:
    """Pods named as Deployments, CronJobs and StatefulSets name theirs, long names cut, lead back to them."""
    lines = ["uid | last_seen | namespace | object_kind | object_name"]
    wanted: list[tuple[str, str, str]] = []
    for name, number, minute, ordinal, suffix, kind in drawn:
        # A part without a letter of the alphabet of hashes cannot be taken for a piece of one.
        owner = f"{name}-aaa"
        digest = "".join(ALPHABET[ord(digit) % len(ALPHABET)] for digit in str(number))
        owner, pod, told = (
            (owner, _generated(f"{owner}-{digest}", suffix), "Deployment"),
            (owner, _generated(f"{owner}-{minute}", suffix), "CronJob"),
            (owner, f"{owner}-{ordinal}", "StatefulSet"),
        )[kind]
        lines.append(
            f"{uuid.uuid5(uuid.NAMESPACE_DNS, pod)}{len(wanted)} | 2026-11-23 08:00 | shop | Pod | {pod}"
        )
        wanted.append((owner, told, "name"))
    assert workloads("\n".join(lines)) == wanted


@settings(max_examples=10, deadline=None)
@given(st.integers(40, 56), st.integers(10**8, 2**32 - 1), _suffix)
def test_names_that_are_cut_still_tell(length: int, number: int, suffix: str) -> None:
    """Of a long Deployment's pod the hash is cut, up to its last character: what is left of it is read."""
    owner = ("a-deployment-" * 5)[: length - 1] + "u"
    digest = "".join(ALPHABET[ord(digit) % len(ALPHABET)] for digit in str(number))
    pod = _generated(f"{owner}-{digest}", suffix)
    head = "uid | last_seen | namespace | object_kind | object_name"
    (found,) = workloads(f"{head}\n1 | 2026-11-23 08:00 | shop | Pod | {pod}")
    assert found == (owner, "Deployment", "name"), pod
