"""Where answers go: standard output or a file that appears whole; machine formats alone on stdout."""

from __future__ import annotations

import io
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from etl.commands.invocation import Invocation
from etl.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

_FILE_COLUMNS = 160


def deliver(invocation: Invocation, data: bytes, output: Path | None) -> None:
    """Write ``data`` to ``output``, else to standard output, byte for byte."""
    if output is not None:
        write_file(output, data)
        invocation.say(f"written: {output}")
        return
    buffer = getattr(invocation.stdout, "buffer", None)
    if buffer is None:
        invocation.stdout.write(data.decode())
    else:
        invocation.stdout.flush()
        buffer.write(data)
        buffer.flush()


def write_file(path: Path, data: bytes) -> None:
    """Replace the file at once, so that nobody serves half a page; raises ``UsageError``."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        message = f"cannot write {path}: {error.strerror or error}"
        raise UsageError(message) from error


@contextmanager
def console(invocation: Invocation, output: Path | None) -> Iterator[Console]:
    """Give a console on standard output, or one that ends up in the file ``output``."""
    from rich.console import Console  # noqa: PLC0415 -- 80 ms that machine formats do not need

    class Screen(Console):
        """A console that leaves a closed pipe to the command line."""

        def on_broken_pipe(self) -> None:
            """Raise what a closed pipe is."""
            # rich would end the process with 1; a reader that has seen enough is no failure.
            raise BrokenPipeError

    if output is None:
        yield Screen(file=invocation.stdout, highlight=False, soft_wrap=False)
        return
    text = io.StringIO()
    yield Console(file=text, highlight=False, width=_FILE_COLUMNS, no_color=True)
    write_file(output, text.getvalue().encode())
    invocation.say(f"written: {output}")
