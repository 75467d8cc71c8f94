"""Pages that show answers: what they print is what the commands print."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.lib.commandline import eventlake
from tests.lib.printed import TIMELINE, incidents, replaced

QUESTIONS = TIMELINE.with_name("questions.md")


def asked() -> list[tuple[str, str]]:
    """Return each question of the page with the command below it."""
    page = QUESTIONS.read_text("utf-8")
    return re.findall(r"^\*\*(.+\?)\*\*\n\n```sh\n(eventlake .+)\n```$", page, re.MULTILINE)


def test_the_stories_are_what_the_command_prints(tmp_path: Path) -> None:
    """Every line of the three incidents; if not, write them anew."""
    page = TIMELINE.read_text("utf-8")
    assert page.count("```text") == 3
    assert page == replaced(page, incidents(tmp_path)), "run: python -m tests.lib.printed"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded sample in a lake; tests only read it."""
    lake = tmp_path_factory.mktemp("questions") / "lake"
    assert eventlake("--lake", lake, "sample").code == 0
    return lake


def test_there_are_twenty_questions() -> None:
    """As many as the page promises, none of them twice."""
    questions = [question for question, _ in asked()]
    assert (
        len(set(questions)) == len(questions) == QUESTIONS.read_text("utf-8").count("```sh") == 20
    )


@pytest.mark.parametrize(("question", "line"), asked(), ids=lambda text: text[:60])
def test_a_question_is_answered_by_its_command(
    question: str, line: str, sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One command, no error, and an answer with something in it."""
    monkeypatch.chdir(tmp_path)
    words = [str(sample) if word == "out/lake" else word for word in shlex.split(line)[1:]]
    done = eventlake(*words)
    beside = re.sub(r"(?m)^(written|Coverage): .*\n", "", done.err)
    assert (done.code, beside) == (0, ""), question
    answer = done.out or Path(words[-1]).read_text("utf-8")
    assert len(answer.splitlines()) > 1, question
    assert "no rows" not in answer, question
