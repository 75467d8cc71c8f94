"""What can be set of the door of the lake: what is masked or left out before anything is stored."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from etl.config.section import Section
from etl.errors import quoted

MASK = "[redacted]"
# It is a key of a map in the ledger, and a word of messages.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,59}")
_REFERENCE = re.compile(r"\\[0-9]")
# What is masked stands in JSON inside JSON and in markup: there these would change more than a text.
_UNSAFE = re.compile(r"[\"'\\<>&\x00-\x1f\x7f]")

Found = tuple[str, str]


class Redaction(Section, frozen=True):
    """What is masked in every text that strangers write freely, before it is stored."""

    name: str
    """The rule's name: the ledger counts by it, because the expression may itself hold a secret."""
    match: str
    """Expression of RE2, found anywhere in the text; (?i) ignores case. Time grows with the text's length alone."""
    replace: str = MASK
    r"""What stands there instead; \1 to \9 are groups of the match. No quotes, no markup."""


class Drop(Section, frozen=True):
    """What is never stored. It is lost: coverage says that it is not stored, never that it was quiet."""

    namespaces: list[str] = []
    """Namespaces whose events are not stored."""
    reasons: list[str] = []
    """Reasons of events that are not stored, in any namespace."""


class Ingest(Section, frozen=True):
    """The door of the lake, for snapshots and imports: off unless something is named."""

    redact: list[Redaction] = []
    """What is masked in messages, actions, and values of labels and annotations, one rule after the other."""
    drop: Drop = Drop()
    """What is left out."""


def mistakes(ingest: Ingest, namespaces: Sequence[str]) -> Iterator[Found]:
    """Yield (path, what is wrong) with the section ``ingest``; ``namespaces`` are those that are listed one by one."""
    for index, rule in enumerate(ingest.redact):
        here = f"ingest.redact[{index}]"
        if rule.name and not _NAME.fullmatch(rule.name):
            yield f"{here}.name", "takes letters, digits, dots, underscores and hyphens, at most 60"
        for key, text in wrong(rule.match, rule.replace):
            yield f"{here}.{key}", text
    for what, names in (("namespaces", ingest.drop.namespaces), ("reasons", ingest.drop.reasons)):
        for index, name in enumerate(names):
            here = f"ingest.drop.{what}[{index}]"
            if not name:
                yield here, "is empty"
            elif name in names[:index]:
                yield here, f"{quoted(name, 60)} is named already"
            elif what == "namespaces" and name in namespaces:
                yield here, f"{quoted(name, 60)} is listed by source.namespaces, and never stored"


def wrong(match: str, replace: str) -> Iterator[Found]:
    """Yield (``match`` or ``replace``, what is wrong with it); nothing of either is quoted, it may be a secret."""
    # Only who has such rules pays for Arrow while the configuration is read.
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.compute as pc  # noqa: PLC0415

    if not match:
        yield "match", "is empty"
        return
    try:
        empty = pc.match_substring_regex(pa.array([""]), match)[0].as_py()
    except pa.ArrowInvalid as error:
        # RE2 quotes the piece that it does not take behind the colon.
        reason = str(error).removeprefix("Invalid regular expression: ").partition(":")[0]
        yield "match", f"is no expression of RE2: {quoted(reason, 60)}"
        return
    if empty:
        yield (
            "match",
            "matches the empty text, so it would change every text; ask for at least one character",
        )
        return
    if _UNSAFE.search(_REFERENCE.sub("", replace)):
        yield (
            "replace",
            "takes no quotes, markup or control characters, and backslashes only as in \\1",
        )
        return
    try:
        masked = pc.replace_substring_regex(pa.array([replace]), match, replace)[0].as_py()
    except pa.ArrowInvalid:
        yield "replace", "names a group that the expression does not have"
        return
    if masked != replace and not _REFERENCE.search(replace):
        yield "replace", "is itself changed by the expression, so a text would never come to rest"
