"""The documentation: what it says exists, and what exists is in it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import pytest

from etl import errors
from etl.cli import cli
from etl.config.read import load
from etl.forward.trial import refuse_mistakes
from etl.reports.catalogue import catalogue
from etl.reports.run import run
from etl.statements import in_folder
from tests.lib import settings_table
from tests.lib.reports import DAY, lake, many

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
OPERATIONS = ROOT / "docs" / "operations.md"
PAGES = [README, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def error_classes(root: type[errors.EventlakeError]) -> Iterator[type[errors.EventlakeError]]:
    """Yield ``root`` and everything below it."""
    yield root
    for below in root.__subclasses__():
        yield from error_classes(below)


def commands(group: click.Group, path: str = "") -> Iterator[str]:
    """Yield every command of a click group as it is typed."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command, f"{path}{name} is listed and cannot be called"
        if isinstance(command, click.Group):
            yield from commands(command, f"{path}{name} ")
        elif not command.hidden:
            yield f"{path}{name}"


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as renderers of Markdown make them."""
    heads = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def test_every_setting_is_documented_as_the_source_has_it() -> None:
    """Key, type, default and sentence of each setting stand in the page; if not, write them anew."""
    page = OPERATIONS.read_text("utf-8")
    assert page == settings_table.replaced(page), "run: python -m tests.lib.settings_table"


def test_every_setting_has_a_sentence() -> None:
    """A setting without a meaning cannot be operated."""
    for section in settings_table.sections():
        assert section.meaning
        for setting in section.settings:
            assert setting.meaning.endswith("."), f"{section.path}.{setting.key}"


@pytest.mark.parametrize("page", [README, OPERATIONS], ids=lambda page: page.name)
def test_every_exit_code_is_documented(page: Path) -> None:
    """The table of exit codes holds success, the code of each class of errors and of each signal, and no other."""
    known = {0, 130, 143} | {found.exit_code for found in error_classes(errors.EventlakeError)}
    _, _, below = page.read_text("utf-8").partition("## Exit codes")
    table = re.split(r"^## ", below, flags=re.MULTILINE)[0]
    rows = re.findall(r"^\| (\d+) \|", table, re.MULTILINE)
    assert [int(row) for row in rows] == sorted(known)


def test_every_command_is_documented() -> None:
    """The table of commands holds each command that can be typed, and no other."""
    _, _, below = README.read_text("utf-8").partition("## Commands")
    table = re.split(r"^## ", below, flags=re.MULTILINE)[0]
    words = {row.strip() for row in re.findall(r"^\| `([a-z ]+)", table, re.MULTILINE)}
    assert words == set(commands(cli))


def documented_commands() -> list[str]:
    """Return every line of the pages' shell examples that calls eventlake, each once."""
    blocks = [
        b for p in PAGES for b in re.findall(r"```sh\n(.*?)```", p.read_text("utf-8"), re.DOTALL)
    ]
    lines = [line for block in blocks for line in block.splitlines()]
    called = [line.removeprefix("kubectl ") for line in lines]
    return list(dict.fromkeys(line for line in called if line.startswith("eventlake ")))


@pytest.mark.parametrize("line", documented_commands())
def test_every_example_is_taken_by_our_own_parser(line: str) -> None:
    """What a reader copies from a page names an existing command with existing options."""
    words = shlex.split(line, comments=True)[1:]
    with cli.make_context("eventlake", words) as context:
        rest = [*context._protected_args, *context.args]  # noqa: SLF001 - the command's name
        name, command, options = cli.resolve_command(context, rest)
        assert command
        command.make_context(name, options, parent=context).close()


def documented_configurations() -> list[str]:
    """Return the pages' YAML examples."""
    return [
        y for p in PAGES for y in re.findall(r"```yaml\n(.*?)```", p.read_text("utf-8"), re.DOTALL)
    ]


@pytest.mark.parametrize("text", documented_configurations())
def test_every_configuration_of_a_page_is_read_without_a_mistake(text: str, tmp_path: Path) -> None:
    """What a reader copies into the configuration file is one."""
    path = tmp_path / "eventlake.yaml"
    path.write_text(text, "utf-8")
    settings = load(path, environ={"BRIDGE_TOKEN": "x", "COLLECTOR_TOKEN": "x"})
    assert settings != load(None, environ={})
    refuse_mistakes(settings.forward)


def test_every_report_is_documented_with_its_question() -> None:
    """The table of reports holds each shipped report and the question of its header."""
    _, _, below = README.read_text("utf-8").partition("## Reports")
    table = re.split(r"^## ", below, flags=re.MULTILINE)[0]
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", table, re.MULTILINE)
    reports = {s.name.removeprefix("reports/"): s.header["question"] for s in in_folder("reports")}
    assert dict(rows) == reports


def test_every_report_has_a_part_of_its_page() -> None:
    """docs/reports.md tells of each shipped report what it says, and of no other."""
    page = (ROOT / "docs" / "reports.md").read_text("utf-8")
    told = re.findall(r"^### `(\w+)`$", page, re.MULTILINE)
    assert sorted(told) == [s.name.removeprefix("reports/") for s in in_folder("reports")]


def test_the_report_of_the_page_is_one(tmp_path: Path) -> None:
    """What a reader copies as a report of his own is taken, and answers."""
    page = (ROOT / "docs" / "reports.md").read_text("utf-8")
    for number, text in enumerate(re.findall(r"```sql\n(.*?)```", page, re.DOTALL)):
        (tmp_path / f"own_{number}.sql").write_text(text, "utf-8")
    own = [report for report in catalogue([tmp_path]).values() if report.path]
    assert own
    for report in own:
        found = run(report, lake(many()), window=DAY, timezone=ZoneInfo("UTC"))
        assert report.chart
        assert {report.chart.x, report.chart.y} <= set(found.column_names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_inside_the_project_leads_somewhere(page: Path) -> None:
    """A relative link names a file of the checkout, and its anchor a heading there."""
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name) if name else page
        assert target.exists(), f"{page.name} links to {link}"
        assert not anchor or anchor in anchors(target), f"{page.name} links to {link}"


def test_the_readme_fits_into_a_reading() -> None:
    """Two hundred and fifty lines at most: details belong to docs/."""
    assert len(README.read_text("utf-8").splitlines()) <= 250
