"""Addresses from url, url_file and the environment, and what of them never shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from etl import log
from etl.wire import secrets
from etl.wire.secrets import SecretError


def test_a_file_is_read_at_each_use_and_stripped(tmp_path: Path) -> None:
    """A Secret that changes below the process counts at once; editors' newlines do not."""
    file = tmp_path / "url"
    file.write_text(" https://a.example/x \n")
    assert secrets.address(url="", url_file=str(file), environ={}) == "https://a.example/x"
    file.write_text("https://b.example/y")
    assert secrets.address(url="", url_file=str(file), environ={}) == "https://b.example/y"


def test_names_are_taken_from_the_environment() -> None:
    """``${NAME}`` in an address is replaced."""
    made = secrets.address(url="https://a.example/${T}", url_file="", environ={"T": "tok-123456"})
    assert made == "https://a.example/tok-123456"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"two words", "one word"),
        (b"two\nlines", "one line"),
        (b"\xff\xfe", "not UTF-8"),
        (None, "cannot read"),
    ],
)
def test_a_bad_file_is_named_and_not_quoted(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    """Missing, empty, binary and overlong secret files say which file it is."""
    file = tmp_path / "url"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SecretError, match=said) as caught:
        secrets.address(url="", url_file=str(file), environ={})
    assert str(file) in str(caught.value)
    assert "two words" not in str(caught.value)


def test_a_password_may_hold_spaces(tmp_path: Path) -> None:
    """Of the line in a file only what an editor leaves around it is taken away; a second line is a mistake."""
    file = tmp_path / "password"
    file.write_text("correct horse battery\n")
    assert secrets.value(text="", file=str(file), environ={}) == "correct horse battery"
    file.write_text("correct\nhorse\n")
    with pytest.raises(SecretError, match="one line"):
        secrets.value(text="", file=str(file), environ={})


def test_every_part_that_can_be_a_credential_is_blanked() -> None:
    """Userinfo, tokens in the path and keys in the query disappear from messages, words stay."""
    url = "https://user:pa55w0rd!@h.example/services/T0AB12CD9/send?key=693a-7aoc%2F4b&mode=fast"
    secrets.remember(url)
    text = f"{url} pa55w0rd! T0AB12CD9 693a-7aoc%2F4b 693a-7aoc/4b send fast services h.example"
    shown = log.redact(text)
    for secret in ("pa55w0rd", "T0AB12CD9", "693a-7aoc"):
        assert secret not in shown
    assert "send fast services h.example" in shown


def test_a_redacted_address_is_scheme_and_host() -> None:
    """Messages name the host, never path, query or userinfo."""
    assert secrets.redacted("https://u:p@h.example:8443/a?b=c#d") == "https://h.example:8443/…"
    assert secrets.redacted("https://[broken") == "the address"
