"""How each target writes the same things: headings, lines, tables, links, and foreign text made harmless.

A dialect knows markup and nothing about digests. ``text`` and ``code`` are the only ways
in for what strangers wrote; every other argument is markup that a dialect made.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from etl.alerts import columns
from etl.alerts.model import Severity
from etl.wire import escaping

# Chats without colours: a mark that is seen in the preview of a phone.
MARKS: dict[Severity, str] = {"critical": "🔴", "warning": "🟠", "info": "🔵"}
# The three colours that WeCom's markdown has: orange, green and grey.
_COLOURS: dict[Severity, str] = {"critical": "warning", "warning": "warning", "info": "comment"}


class Dialect(Protocol):
    """The markup of one kind of target."""

    paragraph: str
    """What separates two blocks."""
    near: str
    """What separates two entries of a section."""
    dot: str
    """What separates two facts on a line."""

    def text(self, foreign: str, limit: int = escaping.SAMPLE_CHARACTERS) -> str:
        """Show untrusted text as it is, on one line, capped."""
        ...

    def code(self, foreign: str) -> str:
        """Quote a sample of untrusted text."""
        ...

    def strong(self, markup: str) -> str:
        """Emphasise."""
        ...

    def link(self, label: str, url: str) -> str:
        """Link to an http(s) address; empty for anything else."""
        ...

    def heading(self, markup: str, severity: Severity | None = None) -> str:
        """Open a section."""
        ...

    def line(self, markup: str) -> str:
        """One paragraph."""
        ...

    def item(self, markup: str) -> str:
        """One entry of a list."""
        ...

    def table(
        self, header: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[int]
    ) -> str:
        """Rows below a header; the columns in ``right`` are numbers."""
        ...


class Plain:
    """Text for terminals, pod logs and mails: wrapped, aligned, without any markup."""

    paragraph = "\n\n"
    near = "\n"
    dot = " · "

    def __init__(self, width: int | None = None) -> None:
        """Wrap at ``width`` columns; None leaves lines as long as they are."""
        self._width = width

    def text(self, foreign: str, limit: int = escaping.SAMPLE_CHARACTERS) -> str:
        """Remove what a terminal would obey; nothing else means anything here."""
        return escaping.one_line(foreign, limit)

    def code(self, foreign: str) -> str:
        """Put the sample into quotation marks, which differ from those that samples hold."""
        return f"“{self.text(foreign)}”"

    def strong(self, markup: str) -> str:
        """Leave it as it is."""
        return markup

    def link(self, label: str, url: str) -> str:
        """Write the address out, for terminals that make it clickable."""
        safe = escaping.url(url)
        return f"{label} {safe}" if safe else ""

    def heading(self, markup: str, severity: Severity | None = None) -> str:
        """Write it in capitals."""
        del severity
        return markup.upper()

    def line(self, markup: str) -> str:
        """Wrap to the width."""
        return columns.wrapped(markup, self._width) if self._width else markup

    def item(self, markup: str) -> str:
        """Wrap below a dash."""
        if self._width is None:
            return f"  - {markup}"
        return columns.wrapped(markup, self._width, first="  - ", rest="    ")

    def table(
        self, header: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[int]
    ) -> str:
        """Align the columns, indented like the items."""
        room = self._width - 2 if self._width else None
        text = columns.table(header, rows, right=right, columns=room)
        return "\n".join(f"  {line}" for line in text.splitlines())


class Markdown:
    """CommonMark with tables, which most chats and all wikis read."""

    paragraph = "\n\n"
    near = "\n\n"
    dot = " · "

    def text(self, foreign: str, limit: int = escaping.SAMPLE_CHARACTERS) -> str:
        """Escape for Markdown and the HTML inside it."""
        return escaping.markdown(escaping.one_line(foreign, limit))

    def code(self, foreign: str) -> str:
        """Put the sample into quotation marks: inside backticks some chats still obey mentions."""
        return f"“{self.text(foreign)}”"

    def strong(self, markup: str) -> str:
        """Write it bold."""
        return f"**{markup}**"

    def link(self, label: str, url: str) -> str:
        """Write a link with a label."""
        safe = escaping.url(url)
        return f"[{label}]({safe})" if safe else ""

    def heading(self, markup: str, severity: Severity | None = None) -> str:
        """Write a third-level heading, marked by severity."""
        return f"### {MARKS[severity]} {markup}" if severity else f"### {markup}"

    def line(self, markup: str) -> str:
        """Leave it as it is."""
        return markup

    def item(self, markup: str) -> str:
        """Write a list entry."""
        return f"- {markup}"

    def table(
        self, header: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[int]
    ) -> str:
        """Write a pipe table; the cells hold no bare pipe, because their text is escaped."""
        rule = ["---:" if number in right else "---" for number in range(len(header))]
        return "\n".join(f"| {' | '.join(row)} |" for row in [header, rule, *rows])


class WecomV2(Markdown):
    """WeCom's markdown_v2: tables and lists, but no colours, no escapes, no mentions."""

    def text(self, foreign: str, limit: int = escaping.SAMPLE_CHARACTERS) -> str:
        """Put look-alikes in the place of markup."""
        return escaping.wecom(escaping.one_line(foreign, limit))


class WecomV1(WecomV2):
    """WeCom's older markdown: colours, but neither tables nor lists."""

    paragraph = "\n"
    near = "\n"

    def heading(self, markup: str, severity: Severity | None = None) -> str:
        """Write it bold, coloured by severity, after an empty line."""
        if severity is None:
            return f"\n**{markup}**"
        return f'\n<font color="{_COLOURS[severity]}">**{markup}**</font>'

    def item(self, markup: str) -> str:
        """Write a quoted line."""
        return f"> {markup}"

    def table(
        self, header: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[int]
    ) -> str:
        """Write each row as one quoted line: name before number reads well without columns."""
        del header, right
        return "\n".join(self.item(self.dot.join(row)) for row in rows)
