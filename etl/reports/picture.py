"""Events over a window to one PNG for chats and mails: columns by type, gaps hatched, a title and a legend.

It is the page's drawing of ``volume_by_type`` in the page's light colours. All words in it are English:
vl-convert brings fonts for Latin letters only, and an image for containers has no others.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from zoneinfo import ZoneInfo

import pyarrow as pa

from etl.reports.catalogue import Chart, catalogue
from etl.reports.cells import moment, plain
from etl.reports.charts import draw
from etl.reports.coverage import Span, coverage, unproven
from etl.reports.run import Queryable, run
from etl.timespan import Window

_REPORT = "volume_by_type"
# A phone shows the picture 360 pixels wide and a screen 720; drawn twice as large it is sharp on both.
_WIDTH, _SCALE = 720, 2.0
_MARGIN, _HEAD, _FOOT = 16, 58, 12
_TITLE_CHARACTERS = 80
_COLOUR = re.compile(r"^\s*--([\w-]+): (#[0-9a-f]{6});", re.MULTILINE)
_VARIABLE = re.compile(r"var\(--([\w-]+)\)")
_SIZE = re.compile(r'<svg[^>]* width="([\d.]+)" height="([\d.]+)"')
_MARK = "possible repeat"


@dataclass(frozen=True, slots=True)
class Picture:
    """The same drawing twice as PNG: as it is sent, and with a line that calls it a possible repeat."""

    once: bytes
    repeat: bytes


def picture(
    session: Queryable, *, window: Window, timezone: ZoneInfo, clusters: Sequence[str]
) -> Picture:
    """Draw what happened in ``window``; raises ``QueryError`` from the lake."""
    report = catalogue()[_REPORT]
    table = run(report, session, window=window, timezone=timezone)
    proven = coverage(session, window=window, timezone=timezone)
    gaps = unproven((span for cluster in proven for span in cluster.spans), window)
    return drawn(table, window=window, timezone=timezone, clusters=clusters, gaps=gaps)


def drawn(
    table: pa.Table,
    *,
    window: Window,
    timezone: ZoneInfo,
    clusters: Sequence[str],
    gaps: Sequence[Span] = (),
) -> Picture:
    """Draw rows of ``bucket`` (UTC), ``type`` and ``occurrences``; ``gaps`` are hatched."""
    chart = catalogue()[_REPORT].chart
    assert isinstance(chart, Chart)  # noqa: S101 - a shipped report, whose header tests read
    drawing = draw(
        chart,
        table,
        window=window,
        timezone=timezone,
        language="en",
        width=_WIDTH - 2 * _MARGIN - 60,
        unproven=gaps,
    )
    names = ", ".join(clusters) or "no cluster"
    title = f"Events of {plain(names, _TITLE_CHARACTERS)}"
    when = f"{moment(window.start, timezone)} – {moment(window.end, timezone)} ({timezone.key})"
    once = _framed(drawing.svg, drawing.legend, title, when)
    repeat = _framed(drawing.svg, drawing.legend, title, f"{when} · {_MARK}")
    return Picture(_png(once), _png(repeat))


def _framed(svg: str, legend: Sequence[tuple[str, str]], title: str, below: str) -> str:
    """Return the drawing on a white card with words above it, in colours instead of variables."""
    size = _SIZE.search(svg)
    assert size is not None  # noqa: S101 - Vega writes it
    width, height = float(size[1]) + 2 * _MARGIN, float(size[2]) + _HEAD + _FOOT
    parts, right = [], width - _MARGIN
    for name, paint in reversed(legend):
        # No text is measured: seven pixels hold the average letter at this size.
        right -= 7 * len(name) + 26
        parts.append(
            f'<rect x="{right:.0f}" y="13" width="11" height="11" rx="2" fill="{paint}"/>'
            f'<text x="{right + 16:.0f}" y="23" font-size="12" fill="var(--muted)">{escape(name)}</text>'
        )
    text = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" font-family="sans-serif">'
        f"<defs>{_hatch('gap')}{_hatch('unknown')}</defs>"
        f'<rect width="100%" height="100%" fill="var(--card)"/>'
        f'<text x="{_MARGIN}" y="25" font-size="15" fill="var(--ink)">{escape(title)}</text>'
        f'<text x="{_MARGIN}" y="44" font-size="12" fill="var(--muted)">{escape(below)}</text>'
        f'{"".join(parts)}<svg x="{_MARGIN}" y="{_HEAD}"{svg.removeprefix("<svg")}</svg>'
    )
    colours = _colours()
    return _VARIABLE.sub(lambda found: colours[found[1]], text)


def _hatch(state: str) -> str:
    return (
        f'<pattern id="hatch-{state}" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        f'<rect width="7" height="7" fill="var(--{state})" fill-opacity=".1"/>'
        f'<rect width="2.4" height="7" fill="var(--{state})" fill-opacity=".42"/></pattern>'
    )


def _colours() -> dict[str, str]:
    """Return the page's light colours: the first of each name in its style sheet."""
    css = (files("etl.reports") / "assets" / "page.css").read_text("utf-8")
    return dict(reversed(_COLOUR.findall(css)))


def _png(svg: str) -> bytes:
    import vl_convert  # noqa: PLC0415 -- starts a JavaScript engine; only who wants a picture pays for it

    return _packed(vl_convert.svg_to_png(svg, scale=_SCALE))


def _packed(png: bytes) -> bytes:
    """Return the same pixels in a seventh of the bytes: 50 KB instead of 340, for the outbox holds them."""
    signature, place, chunks, data = png[:8], 8, list[tuple[bytes, bytes]](), b""
    while place < len(png):
        (size,) = struct.unpack_from(">I", png, place)
        kind, body = png[place + 4 : place + 8], png[place + 8 : place + 8 + size]
        if kind == b"IDAT":
            data += body
        else:
            chunks.append((kind, body))
        place += size + 12
    end = chunks.pop()
    chunks += [(b"IDAT", zlib.compress(zlib.decompress(data), 9)), end]
    return signature + b"".join(_chunk(kind, body) for kind, body in chunks)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
