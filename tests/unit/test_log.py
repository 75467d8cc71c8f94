"""Messages: secrets blanked, text for people, JSON for machines, other loggers held back."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from datetime import datetime

import pytest

from etl import log

SECRET = "https://hooks.example/T0/B1/abc?key=q%20r"  # noqa: S105 -- a made-up one


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Leave the process's logging as it was found."""
    logger = logging.getLogger(log.ROOT)
    handlers, level, propagate = logger.handlers, logger.level, logger.propagate
    yield
    logger.handlers, logger.propagate = handlers, propagate
    logger.setLevel(level)


def _written(form: str = "text", *, quiet: bool = False) -> tuple[io.StringIO, logging.Logger]:
    stream = io.StringIO()
    log.configure(quiet=quiet, form="json" if form == "json" else "text", stream=stream)
    return stream, logging.getLogger("etl.pipeline")


def _fail(logger: logging.Logger, message: str) -> None:
    try:
        raise OSError(message)  # noqa: TRY301 -- the traceback is what the tests look at
    except OSError:
        logger.exception("failed")


def test_people_read_plain_lines() -> None:
    """Information has no prefix, a warning and an error say what they are."""
    stream, logger = _written()
    logger.info("1 event")
    logger.warning("%d items", 2)
    logger.error("no space")
    logger.debug("not shown")
    assert stream.getvalue() == "1 event\nwarning: 2 items\nerror: no space\n"


def test_quiet_keeps_warnings() -> None:
    """Quiet drops information and nothing else."""
    stream, logger = _written(quiet=True)
    logger.info("1 event")
    logger.warning("a gap")
    assert stream.getvalue() == "warning: a gap\n"


def test_machines_read_one_object_a_line() -> None:
    """A JSON line tells time in UTC, level, logger and message; text of any language stays readable."""
    stream, logger = _written("json")
    logger.warning("two\nlines, 中文, \x1b[31m")
    (line,) = stream.getvalue().splitlines()
    entry = json.loads(line)
    assert datetime.fromisoformat(entry.pop("time")).utcoffset() is not None
    assert entry == {
        "level": "warning",
        "logger": "etl.pipeline",
        "message": "two\nlines, 中文, \x1b[31m",
    }
    assert "中文" in line


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_traceback_belongs_to_its_record(form: str) -> None:
    """An exception is written with its message, and in JSON still on one line."""
    stream, logger = _written(form)
    _fail(logger, "broken pipe")
    text = stream.getvalue()
    assert "OSError: broken pipe" in text
    assert "failed" in text
    if form == "json":
        assert json.loads(text)["traceback"].startswith("Traceback")


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_secret_is_blanked_everywhere(form: str) -> None:
    """A registered secret shows in no message, argument or traceback."""
    log.register_secret(SECRET)
    stream, logger = _written(form)
    logger.warning("sending to %s", SECRET)
    _fail(logger, SECRET)
    assert SECRET not in stream.getvalue()
    assert "hooks.example" not in stream.getvalue()
    assert stream.getvalue().count("[redacted]") >= 2


def test_the_longest_secret_is_blanked_first() -> None:
    """A secret that is part of another one leaves no rest of the longer one behind."""
    log.register_secret("abcdef-token")
    log.register_secret("abcdef-token-and-more")
    assert log.redact("x abcdef-token-and-more y") == "x [redacted] y"
    assert log.redact("x abcdef-token y") == "x [redacted] y"


def test_a_short_secret_blanks_no_words() -> None:
    """Values of a few characters are ignored, because they occur in ordinary words."""
    log.register_secret("pod")
    assert log.redact("the pod") == "the pod"


def test_configuring_again_replaces_the_stream() -> None:
    """A second configuration writes each line once, to the new stream only."""
    first, _ = _written()
    second, logger = _written()
    logger.warning("once")
    assert first.getvalue() == ""
    assert second.getvalue() == "warning: once\n"


def test_loggers_that_print_addresses_are_held_back() -> None:
    """HTTP libraries log whole URLs at INFO, and those hold keys: they are held at WARNING."""
    _written()
    for name in ("httpx", "httpcore", "urllib3", "kubernetes", "apscheduler"):
        assert not logging.getLogger(name).isEnabledFor(logging.INFO)
