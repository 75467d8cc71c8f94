"""A chart beside the digest, where a chat takes pictures: as its vendor wants them, and never instead of the digest."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pytest_httpserver import HTTPServer

from etl import illustration
from etl.alerts.receivers import draws, preview
from etl.alerts.receivers.target import Chart
from etl.config.receivers import EmailConfig, Receiver
from etl.config.route import Route
from etl.config.settings import Settings
from etl.reports import picture
from etl.reports.coverage import Span
from etl.timespan import Window, parse_zone
from tests.lib import chats, mailserver, robot
from tests.lib.apiserver import ApiServer
from tests.lib.digests import HOSTILE, MORNING, NOW, QUIET, WINDOW
from tests.lib.loopback import Answer, LoopbackServer
from tests.lib.mailserver import MailServer
from tests.lib.mornings import Mornings
from tests.lib.sending import Sender, chat, sender

PNG = b"\x89PNG\r\n\x1a\n"
# What a fake vendor looks at of a picture is its beginning.
CHART = Chart(PNG + b"once", PNG + b"\x00repeat")
URGENT = replace(MORNING, kind="urgent")


def sizes(png: bytes) -> tuple[int, int]:
    """Return width and height of a PNG all of whose chunks are whole."""
    assert png.startswith(PNG)
    place, data = len(PNG), b""
    while place < len(png):
        (length,) = struct.unpack_from(">I", png, place)
        kind, body = png[place + 4 : place + 8], png[place + 8 : place + 8 + length]
        assert struct.unpack_from(">I", png, place + 8 + length) == (zlib.crc32(kind + body),)
        data += body if kind == b"IDAT" else b""
        place += length + 12
    width, height = struct.unpack_from(">II", png, 16)
    assert len(zlib.decompress(data)) == height * (1 + 4 * width)
    return width, height


def rows(kind: str = "Warning") -> pa.Table:
    """Return an hour of each of two types."""
    hours = pa.array([WINDOW.start, WINDOW.start + timedelta(hours=1)], pa.timestamp("us", "UTC"))
    return pa.table({"bucket": hours, "type": [kind, "Normal"], "occurrences": [4000, 12]})


@pytest.mark.parametrize("text", ["prod", HOSTILE.replace("\ud800", ""), "镜像</text><script>"])
def test_a_picture_is_small_whole_and_always_the_same(text: str) -> None:
    """Whatever the cluster and the types are called, it is a PNG of some fifty kilobytes, and marked it is another."""
    gap = Span(WINDOW.start, WINDOW.start + timedelta(hours=3), "gap", text)

    def drawn() -> picture.Picture:
        return picture.drawn(
            rows(text), window=WINDOW, timezone=parse_zone("UTC"), clusters=[text] * 9, gaps=[gap]
        )

    first, again = drawn(), drawn()
    assert first == again
    assert first.once != first.repeat
    for png in (first.once, first.repeat):
        width, height = sizes(png)
        assert 1300 < width < 1500
        assert 500 < height < 800
        assert len(png) < 100_000


def test_wecom_gets_an_image_behind_the_digest(tmp_path: Path) -> None:
    """Digest, call and picture, paced as the robot wants, and the picture with the hash of its bytes."""
    made = sender(tmp_path)
    fake = robot.Robot(clock=lambda: sum(made.pauses))
    server, url = robot.serving(fake)
    with server:
        made.receivers, made.chart = [chat("wecom", url, chart=True)], CHART
        assert made.send(MORNING).delivered == ("wecom",) * 3
        assert made.send(MORNING).delivered == ()
    assert [m["msgtype"] for m in fake.messages] == ["markdown_v2", "text", "image"]
    # What a request took is taken off, so a slow machine pauses less.
    assert len(made.pauses) == 2
    assert max(made.pauses) <= 3.1


def test_discord_gets_it_in_the_same_message(tmp_path: Path) -> None:
    """The last embed shows the file that comes with it as a form."""
    fake = _taken(tmp_path, chats.Discord(), "discord")
    (message,) = fake.messages
    assert message["files"] == {"chart.png": CHART.once}
    assert "picture" not in message
    assert "NodeOOM" in fake.text(message)


def test_telegram_gets_a_photo_without_a_sound(tmp_path: Path) -> None:
    """The digest stays a message of its own, because a caption has no room for it."""
    text, photo = _taken(tmp_path, chats.Telegram(), "telegram").messages
    assert "NodeOOM" in text["text"]
    assert (photo["photo"], photo["caption"]) == (CHART.once, "")
    assert photo["disable_notification"] == "true"
    assert text["disable_notification"] is False


def _taken(folder: Path, fake: Any, kind: str) -> Any:
    made = sender(folder)
    server, url = chats.serving(fake)
    with server:
        made.receivers, made.chart = [chat(kind, url, chart=True)], CHART
        assert made.send(MORNING).failures == ()
    assert fake.KEY not in _outbox(made) if kind == "telegram" else True
    return fake


def _outbox(made: Sender) -> str:
    return "".join(made.files.read(path).decode() for path in made.files.list("outbox"))


def test_a_mail_shows_it_below_its_text(tmp_path: Path) -> None:
    """The picture is part of the HTML and no attachment; the page stays one."""
    server = MailServer()
    with mailserver.serving(server, tls="none") as port:
        config = EmailConfig(
            host="127.0.0.1", port=port, tls="none", allow_private=True, chart=True,
            sender="k8s@example.com", to=["li@example.com"],
        )  # fmt: skip
        made = sender(tmp_path, Receiver(name="team", email_configs=[config]))
        made.chart, made.page = CHART, lambda: b"<html>page</html>"
        assert made.send(MORNING).failures == ()
    (_, mail) = server.taken[0]
    html = mail.get_body(("html",))
    assert html is not None
    assert 'src="cid:chart@eventlake"' in html.get_content()
    images = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    assert [(i["content-id"], i.get_content(), i.get_content_disposition()) for i in images] == [
        ("<chart@eventlake>", CHART.once, "inline")
    ]
    attached = [part.get_filename() for part in mail.iter_attachments()]
    assert attached == ["eventlake.html"]


@pytest.mark.parametrize(
    ("digest", "count"), [(MORNING, 2), (QUIET, 1), (URGENT, 1)], ids=["morning", "quiet", "urgent"]
)
def test_one_line_needs_no_chart(tmp_path: Path, digest: Any, count: int) -> None:
    """A quiet day and an urgent message come without one."""
    fake = chats.Telegram()
    server, url = chats.serving(fake)
    with server:
        made = sender(tmp_path, chat("telegram", url, chart=True))
        made.chart = CHART
        wanted = replace(digest, findings=digest.findings[:1])
        assert len(made.send(wanted).delivered) == count
    assert ("[chart.png]" in preview(wanted, made.settings)[0][2]) == (count == 2)


def test_groups_and_others_get_none(tmp_path: Path) -> None:
    """Nobody gets a picture per group, or one that was not asked for."""
    fake = chats.Telegram()
    server, url = chats.serving(fake)
    with server:
        made = sender(tmp_path / "a", chat("telegram", url, chart=True))
        made.chart, made.route = CHART, Route(receiver="telegram", group_by=["namespace"])
        made.send(MORNING)
        other = sender(tmp_path / "b", chat("telegram", url))
        other.chart = CHART
        other.send(MORNING)
    assert not any("photo" in message for message in fake.messages)
    assert [draws(made.settings), draws(other.settings)] == [True, False]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(413, b'{"message": "Request entity too large", "code": 40005}'),
        Answer(400, b'{"message": "Invalid Form Body", "code": 50035}'),
    ],
)
def test_discord_gets_the_digest_without_a_picture_that_it_refuses(
    tmp_path: Path, answer: Answer
) -> None:
    """For its size or for whatever else: the same text comes at once, and no embed asks for a file."""
    fake = chats.Discord()
    fake.answers = [answer]
    (message,) = _taken(tmp_path, fake, "discord").messages
    assert "files" not in message
    assert "NodeOOM" in fake.text(message)
    hopeless = chats.Discord()
    hopeless.answers = [answer, Answer(404, b'{"message": "Unknown Webhook", "code": 10015}')]
    server, url = chats.serving(hopeless)
    with server:
        made = sender(tmp_path / "gone", chat("discord", url, chart=True))
        made.chart = CHART
        assert [failure.dead for failure in made.send(MORNING).failures] == [True]


def test_a_picture_that_is_refused_takes_nothing_with_it(tmp_path: Path) -> None:
    """WeCom's picture alone is given up, and named."""
    strict = robot.Robot(codes=[0, 0, 45002])
    server, url = robot.serving(strict)
    with server:
        made = sender(tmp_path / "wecom", chat("wecom", url, chart=True))
        made.chart = CHART
        sent = made.send(MORNING)
    assert (len(sent.delivered), [f.dead for f in sent.failures]) == (2, [True])


def test_a_picture_in_doubt_comes_again_marked(tmp_path: Path) -> None:
    """What nobody answered is sent again as the picture, or with the caption, that says so."""
    telegram, wecom = chats.Telegram(), robot.Robot()
    # A 200 that says nothing: it may have arrived or not.
    telegram.answers = [Answer(200, b'{"ok":true,"result":{}}'), Answer(200, b"<html>")]
    with (
        LoopbackServer(telegram.respond) as one,
        LoopbackServer(_silent_once(wecom, at=3)) as two,
    ):
        made = sender(tmp_path, chat("telegram", one.url, chart=True))
        made.receivers.append(chat("wecom", f"{two.url}/send?key={robot.KEY}", chart=True))
        made.chart = CHART
        made.send(MORNING)
        made.send_pending()
    assert [m["caption"][:15] for m in telegram.messages] == ["Possible repeat"]
    assert wecom.messages[-1]["image"]["base64"].startswith("iVBORw0KGgoAcmVwZWF0")


def _silent_once(fake: robot.Robot, *, at: int) -> Any:
    count = 0

    def respond(request: Any) -> Answer:
        nonlocal count
        count += 1
        return Answer(200, b"<html>") if count == at else fake.respond(request)

    return respond


def test_a_drawing_that_fails_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever is thrown, and whatever is too large, is a line in the log and no chart."""

    def fails(*_: object, **__: object) -> picture.Picture:
        raise RuntimeError("no fonts")

    large = picture.Picture(b"x" * 3_000_000, b"")
    window = Window(WINDOW.start, WINDOW.end)
    for drawing in (fails, lambda *_, **__: large):
        monkeypatch.setattr(picture, "picture", drawing)
        made = illustration.chart(None, Settings(), window=window, clusters=[])  # type: ignore[arg-type]
        assert made is None
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert "no fonts" in caplog.text


def test_the_test_of_a_receiver_draws_a_day_that_never_was() -> None:
    """So that a picture can be tried before there is anything to draw."""
    made = illustration.specimen(Settings(), now=NOW)
    assert made is not None
    assert sizes(made.once) == sizes(made.repeat)


def test_a_run_draws_what_it_tells(
    tmp_path: Path, apiserver: ApiServer, httpserver: HTTPServer
) -> None:
    """From the cluster to the chat: the digest that is due, then the picture of its window; tried out, one of a test."""
    fake = chats.Telegram()
    server, url = chats.serving(fake)
    with server:
        config = {
            "bot_token_file": str(tmp_path / "token"), "chat_id": "-1001234567890", "api_url": url,
            "allow_http": True, "allow_private": True, "chart": True,
        }  # fmt: skip
        (tmp_path / "token").write_text(fake.KEY)
        receivers = [{"name": "chat", "telegram_configs": [config]}]
        job = Mornings(tmp_path, apiserver, httpserver, receivers=receivers)
        apiserver.now = job.now
        job("snapshot")
        job.morning("a", "b")
        assert "[chart.png]" in job("digest", "--dry-run").out
        assert job("receivers", "test", "chat").out.count("telegram[0]: ok") == 2
    texts, photos = fake.messages[::2], fake.messages[1::2]
    assert ["this is a test" in message["text"] for message in texts] == [False, True]
    assert [sizes(message["photo"])[0] > 1300 for message in photos] == [True, True]
