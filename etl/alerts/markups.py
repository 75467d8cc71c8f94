"""The dialects of the chats and of mail: what is left of Markdown there, Slack's mrkdwn, HTML.

Tables become lines wherever a chat has none, or breaks them on a phone: a name before
its numbers reads well without columns.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from etl.alerts.dialects import MARKS, Markdown, WecomV2
from etl.alerts.model import Severity
from etl.wire import escaping


class Bullets(Markdown):
    """Markdown without tables and, as some clients have none, without lists and headings."""

    paragraph = "\n\n"
    near = "\n"

    def heading(self, markup: str, severity: Severity | None = None) -> str:
        """Write it bold, marked by severity."""
        return self.strong(f"{MARKS[severity]} {markup}" if severity else markup)

    def item(self, markup: str) -> str:
        """Write a bullet."""
        return f"• {markup}"

    def table(
        self, header: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[int]
    ) -> str:
        """Write each row as one bullet."""
        return "\n".join(self.item(self.dot.join(_said(header, row, right))) for row in rows)


class Lookalikes(Bullets):
    """For Feishu and Teams, whose Markdown has no escape to rely on."""

    def text(self, foreign: str, limit: int = escaping.SAMPLE_CHARACTERS) -> str:
        """Put look-alikes in the place of markup."""
        return escaping.wecom(escaping.one_line(foreign, limit))


class Dingtalk(WecomV2):
    """DingTalk's Markdown: headings and lists, but no tables; a line ends with two spaces."""

    paragraph = "\n\n"
    near = "\n\n"

    def table(
        self, header: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[int]
    ) -> str:
        """Write each row as one entry of a list."""
        return "\n".join(self.item(self.dot.join(_said(header, row, right))) for row in rows)

    def line(self, markup: str) -> str:
        """End the line, or the next one would follow on it."""
        return f"{markup}  "


class Discord(Bullets):
    """Discord's Markdown, which has escapes, headings and lists, but no tables."""

    def heading(self, markup: str, severity: Severity | None = None) -> str:
        """Write a third-level heading."""
        return Markdown.heading(self, markup, severity)

    def item(self, markup: str) -> str:
        """Write a list entry."""
        return f"- {markup}"


class Slack(Bullets):
    """Slack's mrkdwn."""

    def text(self, foreign: str, limit: int = escaping.SAMPLE_CHARACTERS) -> str:
        """Escape what Slack has an escape for, and put look-alikes in the place of the rest."""
        return escaping.slack(escaping.one_line(foreign, limit))

    def strong(self, markup: str) -> str:
        """Write it bold."""
        return f"*{markup}*"

    def link(self, label: str, url: str) -> str:
        """Write a link with a label."""
        safe = escaping.url(url).replace("&", "&amp;")
        return f"<{safe}|{label}>" if safe else ""


class Telegram(Bullets):
    """The few tags that Telegram takes."""

    def text(self, foreign: str, limit: int = escaping.SAMPLE_CHARACTERS) -> str:
        """Escape for HTML."""
        return escaping.html(escaping.one_line(foreign, limit))

    def strong(self, markup: str) -> str:
        """Write it bold."""
        return f"<b>{markup}</b>"

    def link(self, label: str, url: str) -> str:
        """Write a link with a label."""
        safe = escaping.url(url).replace("&", "&amp;")
        return f'<a href="{safe}">{label}</a>' if safe else ""


class Html(Telegram):
    """HTML for mails: simple tags with their style on them, which is all that mail programs agree on."""

    paragraph = "\n"
    near = "\n"

    def heading(self, markup: str, severity: Severity | None = None) -> str:
        """Write a heading, coloured by severity."""
        colour = {"critical": "#b42318", "warning": "#b54708", "info": "#175cd3"}.get(
            severity or "", "#333333"
        )
        return f'<h3 style="margin:1.4em 0 .4em;color:{colour}">{markup}</h3>'

    def line(self, markup: str) -> str:
        """Write a paragraph."""
        return f'<p style="margin:.4em 0">{markup}</p>'

    def item(self, markup: str) -> str:
        """Write an indented paragraph with a bullet: a list would need to know its end."""
        return f'<p style="margin:.2em 0 .2em 1em">• {markup}</p>'

    def table(
        self, header: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[int]
    ) -> str:
        """Write a table; programs that ignore the document type give its text another size."""
        lines = [_row("th", header, right), *(_row("td", row, right) for row in rows)]
        return f'<table style="border-collapse:collapse;font:inherit">{"".join(lines)}</table>'


def _said(header: Sequence[str], row: Sequence[str], right: Collection[int]) -> list[str]:
    """Return the cells of a row; where it has several numbers, each below its word."""
    if len(right) == 1:
        return list(row)
    return [f"{header[n]} {cell}" if n in right else cell for n, cell in enumerate(row)]


def _row(tag: str, cells: Sequence[str], right: Collection[int]) -> str:
    made = []
    for number, cell in enumerate(cells):
        side = "right" if number in right else "left"
        style = f"padding:.15em .8em .15em 0;text-align:{side};vertical-align:top"
        made.append(f'<{tag} style="{style}">{cell}</{tag}>')
    return f"<tr>{''.join(made)}</tr>"
