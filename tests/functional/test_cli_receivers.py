"""``eventlake receivers``: what is listed, what a test message says, and what is said of the answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.functional.test_chats import KINDS
from tests.lib import chats
from tests.lib.commandline import eventlake
from tests.lib.robot import KEY, Robot
from tests.lib.robot import serving as robot_serving


def configuration(folder: Path, receivers: str) -> Path:
    """Write a configuration with ``receivers``."""
    path = folder / "eventlake.yaml"
    path.write_text(f"lake: {folder / 'lake'}\nlanguage: zh\nreceivers:\n{receivers}")
    return path


def target(folder: Path, kind: str, url: str, more: str = "") -> str:
    """Return a receiver with one target, its address in a file."""
    (folder / f"{kind}.url").write_text(url + "\n")
    return (
        f"- name: {kind}\n  {kind}_configs:\n"
        f"  - {{url_file: {folder / kind}.url, allow_http: true, allow_private: true{more}}}\n"
    )


def test_a_test_message_says_that_it_is_one(tmp_path: Path) -> None:
    """Every target of the receiver gets it, nobody is called, and the answer is explained."""
    robot = Robot()
    server, url = robot_serving(robot)
    config = configuration(
        tmp_path,
        target(tmp_path, "wecom", url, ', mentioned_mobiles: ["@all"]')
        + "  console_configs: [{}]\n",
    )
    with server:
        done = eventlake("--config", config, "receivers", "test", "wecom")
        assert done.code == 0, done.err
        assert "wecom[0]: ok: it says that it has the message" in done.out
        assert "this is a test, nothing has happened" in done.err
        assert [m["msgtype"] for m in robot.messages] == ["markdown_v2"]
        assert "this is a test" in robot.contents()[0]
        done = eventlake("--config", config, "receivers", "test", "wecom", "--mention")
    assert done.code == 0
    assert [m["msgtype"] for m in robot.messages[1:]] == ["markdown_v2", "text"]
    assert not (tmp_path / "lake" / "outbox").exists()


@pytest.mark.parametrize(
    ("kind", "spoiled", "hint"),
    [
        ("dingtalk", "", "the robot wants a signature (secret_file), a keyword (keyword)"),
        ("feishu", "", "the signature does not match: set secret_file"),
        ("slack", "x", "invalid_token"),
        ("discord", "x", "the webhook was removed"),
        ("mattermost", "x", "the webhook was removed, or incoming webhooks are switched off"),
    ],
)
def test_what_is_wrong_is_explained_without_the_key(
    tmp_path: Path, kind: str, spoiled: str, hint: str
) -> None:
    """The vendor's refusal, its usual cause, exit code 5, and no address anywhere."""
    fake = KINDS[kind]()
    server, url = chats.serving(fake)
    config = configuration(tmp_path, target(tmp_path, kind, url + spoiled))
    with server:
        done = eventlake("--config", config, "receivers", "test", kind)
    assert done.code == 5
    assert f"{kind}[0]: permanent: refused for good; a digest would be given up" in done.out
    assert hint in done.out
    assert fake.PATH not in done.out + done.err
    assert "access_token" not in done.out + done.err


def test_a_secret_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A file that is not mounted is named, and nothing is sent."""
    config = configuration(tmp_path, "- {name: a, slack_configs: [{url_file: /nowhere/url}]}\n")
    done = eventlake("--config", config, "receivers", "test", "a")
    assert done.code == 5
    assert "retry_after: not now; a digest would wait and be sent again" in done.out
    assert "cannot read the secret file /nowhere/url" in done.out
    assert eventlake("--config", config, "receivers", "test", "b").code == 2


def test_the_list_has_targets_and_languages_and_no_address(tmp_path: Path) -> None:
    """Who gets digests, by which targets, in which language."""
    config = configuration(
        tmp_path,
        target(tmp_path, "wecom", f"https://chat.example/send?key={KEY}")
        + "- {name: en, language: en, console_configs: [{}, {width: 60}]}\n",
    )
    done = eventlake("--config", config, "receivers", "list")
    assert done.code == 0
    assert [line.split() for line in done.out.splitlines() if line.strip()] == [
        ["wecom", "wecom[0];", "zh"],
        ["en", "console[0],", "console[1];", "en"],
    ]
    assert KEY not in done.out
