"""The product's SQL: finds the shipped ``.sql`` files and reads their headers.

SQL lives in ``sql/`` beside the package, in a wheel inside it; one statement a
file, byte for byte what runs. A header is the comment block at the top, one
``-- key: value`` per line; a line that starts with two spaces after the dashes
goes on with the value above.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path

from etl.errors import UsageError

_HEADER_LINE = re.compile(r"--\s(?P<key>[a-z_]+):\s*(?P<value>.*)")
_CONTINUED = re.compile(r"--\s{2,}(?P<value>.+)")


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL file: ``name`` is its path below ``sql/`` without the suffix.

    ``lines`` says in which line, from 1, each key of the header stands.
    """

    name: str
    text: str
    header: dict[str, str]
    lines: dict[str, int] = field(default_factory=dict)


def sql_root() -> Path:
    """Return the folder of the shipped SQL: inside an installed package, else beside it."""
    inside = Path(str(files("etl"))) / "sql"
    return inside if inside.is_dir() else Path(str(files("etl"))).parent / "sql"


def parse(name: str, text: str) -> Statement:
    """Split ``text`` into its header and the statement; the text itself is kept whole."""
    header: dict[str, str] = {}
    lines: dict[str, int] = {}
    key = ""
    for number, line in enumerate(text.splitlines(), 1):
        if match := _HEADER_LINE.fullmatch(line):
            key = match["key"]
            lines[key] = number
            header[key] = match["value"].strip()
        elif key and (match := _CONTINUED.fullmatch(line)):
            header[key] = f"{header[key]} {match['value']}".strip()
        else:
            break
    return Statement(name, text, header, lines)


@cache
def statement(name: str) -> Statement:
    """Return the shipped statement ``name`` such as ``views/observations``; ``UsageError`` if there is none."""
    path = sql_root() / f"{name}.sql"
    if not path.is_file():
        message = f"there is no SQL file {name}.sql"
        raise UsageError(message)
    return parse(name, path.read_text("utf-8"))


def in_folder(folder: str) -> list[Statement]:
    """Return all shipped statements of ``sql/<folder>``, sorted by name."""
    names = sorted(path.stem for path in (sql_root() / folder).glob("*.sql"))
    return [statement(f"{folder}/{name}") for name in names]
