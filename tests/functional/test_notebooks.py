"""The notebooks: they run as they are, with other parameters and on an empty lake, and hold no outputs."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import altair as alt
import pytest
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook

import etl
from etl.lake.folders import LocalFiles
from tests.lib import lakes
from tests.lib.commandline import NOW, eventlake

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
# What a notebook with these parameters shows has to be true of these; and where it shows it.
CELLS = {
    "01_first_look": "summary",
    "02_incident": "where",
    "03_thresholds": "firings",
    "04_cost_and_noise": "workloads-table",
    "05_fleet": "summary",
}


def named(path: Path) -> str:
    """Return the name of a notebook."""
    return path.stem


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded sample; notebooks only read it."""
    path = tmp_path_factory.mktemp("notebooks") / "lake"
    assert eventlake("--lake", path, "sample").code == 0
    return path


@pytest.fixture(scope="module")
def executed(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Every notebook as papermill ran it on the sample, each in a kernel of its own, two at a time."""
    folder = tmp_path_factory.mktemp("executed")

    def run(path: Path) -> Any:
        target = folder / path.name
        options = ["--no-progress-bar", "--kernel", "python3", "--start-timeout", "300"]
        options += ["--cwd", str(ROOT)]
        done = subprocess.run(
            [sys.executable, "-m", "papermill", path, target, *options, "-p", "lake", sample],
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYDEVD_DISABLE_FILE_VALIDATION": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return load_notebook_node(str(target))

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(map(named, NOTEBOOKS), pool.map(run, NOTEBOOKS), strict=True))


def shown(notebook: Any, cell: str) -> str:
    """Return what a cell of an executed notebook shows, as text."""
    (found,) = [one for one in notebook.cells if one.get("id") == cell]
    return "\n".join(
        str(output.get("text") or output["data"].get("text/html") or output["data"])
        for output in found.outputs
    )


def test_there_are_five() -> None:
    """Each has a test of what it shows."""
    assert [named(path) for path in NOTEBOOKS] == sorted(CELLS)


def test_they_run_as_they_are(executed: dict[str, Any]) -> None:
    """By papermill in a real kernel: no cell fails or complains, charts are pictures, and every cell that is there ran."""
    for name, notebook in executed.items():
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert all(cell.execution_count for cell in code), name
        outputs = [output for cell in code for output in cell.outputs]
        assert [o for o in outputs if o.get("name") == "stderr"] == [], name
        assert sum("image/svg+xml" in o.get("data", {}) for o in outputs) >= 3, name


def test_their_numbers_are_those_of_the_reports(executed: dict[str, Any], sample: Path) -> None:
    """What stands in a cell of each is what the command answers for the same window."""

    def asked(name: str, since: str, *more: str) -> list[dict[str, Any]]:
        done = eventlake(
            *("--lake", sample, "report", name, "--since", since, "--format", "json", *more),
            now=newest,
        )
        rows: list[dict[str, Any]] = done.json()
        return rows

    with etl.open(sample, now="newest") as lake:
        newest = lake.now
        firings = lake.rule("CrashLooping", since="14d").firings()
    assert newest - NOW < timedelta(0)
    for cluster in asked("daily_summary", "24h"):
        for number in (cluster["occurrences"], cluster["warnings"]):
            assert f"<td>{number}</td>" in shown(executed["01_first_look"], "summary")
    for cluster in asked("daily_summary", "7d"):
        assert f"<td>{cluster['occurrences']}</td>" in shown(executed["05_fleet"], "summary")
    for place in asked("warnings_by_namespace", "1h"):
        assert place["namespace"] in shown(executed["02_incident"], "where")
    for findings in firings.findings:
        assert f"<td>{findings}</td>" in shown(executed["03_thresholds"], "firings")
    for one in asked("noisiest_workloads", "7d", "--set", "limit=15"):
        assert f"<td>{one['occurrences']}</td>" in shown(
            executed["04_cost_and_noise"], "workloads-table"
        )


def run_here(path: Path, parameters: dict[str, Any]) -> Iterator[tuple[str, object]]:
    """Run a notebook's cells in this process, and yield what each shows: its id and its last value.

    A kernel takes two seconds to start; what differs by parameters does not differ by kernel.
    """
    notebook = parameterize_notebook(load_notebook_node(str(path)), parameters)
    displayed: list[object] = []
    names: dict[str, Any] = {"display": displayed.append}
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        tree = ast.parse(cell.source)
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, str(path), "exec"), names)  # noqa: S102 -- a notebook of ours
        if isinstance(last, ast.Expr):
            displayed.append(eval(compile(ast.Expression(last.value), str(path), "eval"), names))  # noqa: S307
        for value in displayed:
            if isinstance(value, alt.TopLevelMixin):
                value.to_dict()
            yield cell.get("id", ""), value
        displayed.clear()


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a notebook set the timezone and the renderer for itself alone."""
    monkeypatch.setenv("TZ", "UTC")
    before = alt.renderers.active
    monkeypatch.setattr(alt.renderers, "enable", lambda _name: None)
    assert alt.renderers.active == before


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_they_run_with_other_parameters(path: Path, sample: Path) -> None:
    """Another cluster, timezone and span; the lake that is shown is limited to it."""
    given = {
        "lake": str(sample),
        "cluster": "sample-batch",
        "timezone": "Asia/Kolkata",
        "since": "2d",
        "now": "2026-11-23T06:00:00Z",
    }
    answers = dict(run_here(path, given))
    opened = answers["open"]
    assert isinstance(opened, etl.api.Lake)
    assert "clusters: sample-batch; as of 2026-11-23T06:00:00Z" in repr(opened)
    assert opened.timezone == "Asia/Kolkata"
    assert len(answers) >= 8


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_an_empty_lake_is_told_and_no_traceback(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every table and chart is an empty one, and the line of coverage says that nobody looked."""
    lakes.empty(LocalFiles(tmp_path / "lake"))
    answers = dict(run_here(path, {"lake": str(tmp_path / "lake")}))
    assert "clusters: none yet" in repr(answers["open"])
    assert "nothing proves that all events are here" in capsys.readouterr().out


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_they_are_committed_as_they_were_written(path: Path) -> None:
    """No outputs and no counts, the kernel that everybody has, one cell of parameters, and prose between the cells."""
    text = path.read_text("utf-8")
    notebook = json.loads(text)
    assert text == json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert notebook["metadata"] == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert [cell["metadata"] for cell in code if cell["metadata"]] == [{"tags": ["parameters"]}]
    prose = ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "markdown"]
    assert prose[0].startswith("# ")
    assert prose[-1].startswith("## What to do next")
    assert len(prose) >= len(code) / 2


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_they_have_no_logic_of_their_own(path: Path) -> None:
    """They ask the API and draw: nothing is defined, and of eventlake only ``etl`` itself is imported."""
    cells = json.loads(path.read_text("utf-8"))["cells"]
    tree = ast.parse("\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code"))
    assert not [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef)]
    imported = [
        alias.name for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names
    ]
    assert imported == ["os", "altair", "etl"]
    assert not [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_what_they_link_to_is_there(path: Path) -> None:
    """The other notebooks, and pages of the documentation."""
    links = re.findall(r"\]\(([^)\s]+)\)", path.read_text("utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []
