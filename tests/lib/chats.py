"""Chats on loopback that are as strict as their documents say: signature, size, pace, and their errors.

Each answers in its vendor's way, lies included: a status of 200 with a code inside. The
minute is the test's: ``clock`` says what time it is. What was taken is in ``messages``.
WeCom's robot has a module of its own (``tests.lib.robot``).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, ClassVar

from tests.lib import forms
from tests.lib.digests import NOW
from tests.lib.loopback import Answer, LoopbackServer, Request

SECRET = "SEC0f1e2d3c4b5a69788796a5b4c3d2e1f0"  # noqa: S105 - of nobody
JSON = {"Content-Type": "application/json"}
_HOUR = 3600


@dataclass
class Chat:
    """The rules of one vendor, and what it received."""

    PATH: ClassVar[str]
    """Where it listens; the address is a secret because of it."""
    FORM_PATH: ClassVar[str] = ""
    """Where it takes files, if not there."""
    PER_MINUTE: ClassVar[int] = 0
    """Messages that one address may get in a minute; 0 means that nobody counts."""

    clock: Callable[[], float] = lambda: 0.0
    messages: list[dict[str, Any]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    """Answers to give before the rules apply, one a message."""
    _times: list[float] = field(default_factory=list)

    def respond(self, request: Request) -> Answer:
        """Answer one message."""
        if request.method != "POST" or request.path not in {self.PATH, self.FORM_PATH}:
            return self.stranger()
        if self.answers:
            return self.answers.pop(0)
        if request.headers["content-type"].startswith("multipart/form-data"):
            message = self.form(forms.fields(request))
        elif request.headers["content-type"].startswith("application/json"):
            message = json.loads(request.body.decode("utf-8"))
        else:
            return Answer(400, b"wrong content type")
        if refusal := self.judge(request, message):
            return refusal
        now = self.clock()
        self._times.append(now)
        if self.PER_MINUTE and sum(t > now - 60 for t in self._times) > self.PER_MINUTE:
            return self.too_many()
        self.messages.append(message)
        self.bodies.append(request.body)
        return self.taken()

    def judge(self, request: Request, message: dict[str, Any]) -> Answer | None:
        """Return the refusal that ``message`` deserves."""
        raise NotImplementedError

    def form(self, fields: dict[str, forms.Field]) -> dict[str, Any]:
        """Return the message that came as a form; who takes none fails."""
        raise AssertionError(fields)

    def taken(self) -> Answer:
        """Say that the message was taken."""
        raise NotImplementedError

    def too_many(self) -> Answer:
        """Say that there were too many messages."""
        return Answer(429, b"rate_limited", {"Retry-After": "30"})

    def stranger(self) -> Answer:
        """Say that there is no such address."""
        return Answer(404, b"no_service")

    def address(self, server: str) -> str:
        """Return what is configured as the address."""
        return f"{server}{self.PATH}"

    def text(self, message: dict[str, Any]) -> str:
        """Return what people read of ``message``."""
        raise NotImplementedError


def is_picture(field: forms.Field, megabytes: int) -> bool:
    """Whether a field is a file with a PNG in it that is not too large."""
    known = field.kind == "image/png" and field.filename.endswith(".png")
    return known and field.content.startswith(b"\x89PNG") and len(field.content) < megabytes << 20


def serving(chat: Chat) -> tuple[LoopbackServer, str]:
    """Return a server for ``chat``, not yet started, and the address to send to."""
    server = LoopbackServer(chat.respond)
    return server, chat.address(server.url)


def _coded(code: int, text: str, key: str = "errcode", words: str = "errmsg") -> Answer:
    return Answer(200, json.dumps({key: code, words: text}, ensure_ascii=False).encode(), JSON)


class Dingtalk(Chat):
    """A robot with a signature, 20 messages a minute, 20,000 bytes."""

    PATH = "/robot/send"
    PER_MINUTE = 20
    KEY = "9f8e7d6c5b4a39281706f5e4d3c2b1a0"

    def judge(self, request: Request, message: dict[str, Any]) -> Answer | None:
        """Check token, signature, size and title."""
        query = request.query
        if query.get("access_token") != self.KEY:
            return _coded(300001, "token is not exist")
        stamp = query.get("timestamp", "")
        signed = hmac.new(SECRET.encode(), f"{stamp}\n{SECRET}".encode(), hashlib.sha256).digest()
        if query.get("sign") != base64.b64encode(signed).decode():
            return _coded(310000, "sign not match")
        if abs(int(stamp) / 1000 - NOW.timestamp()) > _HOUR:
            return _coded(310000, "invalid timestamp")
        if len(request.body) > 20_000:
            return _coded(460101, "message too long, exceed 20000 bytes")
        if not message["markdown"].get("title"):
            return _coded(400402, "missing parameter--param markdown->title is null")
        return None

    def address(self, server: str) -> str:
        """Return the address with its token."""
        return f"{server}{self.PATH}?access_token={self.KEY}"

    def taken(self) -> Answer:
        """Say ok."""
        return _coded(0, "ok")

    def too_many(self) -> Answer:
        """Shut the robot out."""
        return _coded(130101, "send too fast, exceed 20 times per minute")

    def text(self, message: dict[str, Any]) -> str:
        """Return title and text."""
        return f"{message['markdown']['title']}\n{message['markdown']['text']}"


class Feishu(Chat):
    """A robot with a signature, 100 messages a minute, 20 KB, and cards that know their properties."""

    PATH = "/open-apis/bot/v2/hook/2a1b3c4d-5e6f-7081-92a3-b4c5d6e7f809"
    PER_MINUTE = 100
    _KNOWN: ClassVar[dict[str, set[str]]] = {
        "card": {"schema", "config", "header", "body"},
        "header": {"title", "subtitle", "template", "icon"},
        "title": {"tag", "content"},
        "body": {"elements", "direction", "padding"},
        "element": {"tag", "content", "text_align", "text_size", "icon"},
    }

    def judge(self, request: Request, message: dict[str, Any]) -> Answer | None:
        """Check signature, size and the card's properties."""
        stamp = str(message.get("timestamp", ""))
        signed = hmac.new(f"{stamp}\n{SECRET}".encode(), b"", hashlib.sha256).digest()
        if message.get("sign") != base64.b64encode(signed).decode():
            return _coded(
                19021, "sign match fail or timestamp is not within one hour", "code", "msg"
            )
        if abs(int(stamp) - NOW.timestamp()) > _HOUR:
            return _coded(19021, "timestamp is not within one hour", "code", "msg")
        if len(request.body) > 20 * 1024:
            return _coded(19036, "request body too large", "code", "msg")
        card = message["card"]
        parts = [("card", card), ("header", card["header"]), ("title", card["header"]["title"])]
        parts += [("body", card["body"])]
        parts += [("element", element) for element in card["body"]["elements"]]
        if any(set(part) - self._KNOWN[name] for name, part in parts) or card["schema"] != "2.0":
            return _coded(9499, "Bad Request: unknown property", "code", "msg")
        return None

    def taken(self) -> Answer:
        """Say success."""
        body = {"code": 0, "data": {}, "msg": "success"}
        return Answer(200, json.dumps(body).encode(), JSON)

    def too_many(self) -> Answer:
        """Say that it was too often."""
        return _coded(11232, "frequency limited psm", "code", "msg")

    def text(self, message: dict[str, Any]) -> str:
        """Return head and elements."""
        card = message["card"]
        contents = [element["content"] for element in card["body"]["elements"]]
        return "\n".join([card["header"]["title"]["content"], *contents])


class Slack(Chat):
    """An incoming webhook: one message a second, 50 blocks, 3,000 characters a section, 13,200 in all."""

    PATH = "/services/T0AB12CD3/B0EF45GH6/a1B2c3D4e5F6g7H8i9J0k1L2"
    PER_MINUTE = 60

    def judge(self, request: Request, message: dict[str, Any]) -> Answer | None:
        """Check the blocks."""
        del request
        blocks = message.get("blocks", [])
        texts = [block["text"]["text"] for block in blocks]
        sizes = {"header": 150, "section": 3000}
        long = any(
            not 0 < len(text) <= sizes[b["type"]] for b, text in zip(blocks, texts, strict=True)
        )
        if long or len(blocks) > 50 or not message.get("text"):
            return Answer(400, b"invalid_blocks")
        return Answer(400, b"msg_blocks_too_long") if sum(map(len, texts)) > 13_200 else None

    def taken(self) -> Answer:
        """Say ok, without a line end."""
        return Answer(200, b"ok")

    def stranger(self) -> Answer:
        """Say that the webhook is gone."""
        return Answer(403, b"invalid_token")

    def text(self, message: dict[str, Any]) -> str:
        """Return the texts of all blocks."""
        return "\n".join(block["text"]["text"] for block in message["blocks"])


class Teams(Chat):
    """A workflow: 28 KB, and 202 to whatever it takes; ``broken`` are the cards that it then fails to post."""

    PATH = "/workflows/7d1c9b0a8f6e5d4c3b2a190807060504/triggers/manual/paths/invoke"
    COLOURS: ClassVar[set[str]] = {
        "default", "dark", "light", "accent", "good", "warning", "attention",
    }  # fmt: skip
    _TEXT: ClassVar[set[str]] = {
        "type", "text", "wrap", "size", "weight", "color", "spacing", "isSubtle", "separator",
    }  # fmt: skip

    def judge(self, request: Request, message: dict[str, Any]) -> Answer | None:
        """Check the size alone: the rest fails later, unseen."""
        if len(request.body) > 28 * 1024:
            return Answer(413, b'{"error":{"code":"RequestEntityTooLarge"}}')
        assert not list(self.faults(message)), list(self.faults(message))
        return None

    def faults(self, message: dict[str, Any]) -> list[str]:
        """Return what a renderer of Adaptive Cards 1.2 would stumble over."""
        found = []
        (attachment,) = message["attachments"]
        card = attachment["content"]
        if attachment["contentType"] != "application/vnd.microsoft.card.adaptive":
            found.append("content type")
        if (card["type"], card["version"], message["type"]) != ("AdaptiveCard", "1.2", "message"):
            found.append("type or version")
        if set(card) != {"$schema", "type", "version", "body", "msteams"}:
            found.append(f"properties {sorted(card)}")
        for element in card["body"]:
            if element["type"] != "TextBlock" or set(element) - self._TEXT or not element["text"]:
                found.append(f"element {element}")
            if element.get("color", "default") not in self.COLOURS:
                found.append(f"colour {element['color']}")
        texts = " ".join(element["text"] for element in card["body"])
        entities = [entity["text"] for entity in card["msteams"].get("entities", [])]
        if sorted(re.findall(r"<at>[^<]*</at>", texts)) != sorted(entities):
            found.append("mentions without entities, or the other way round")
        return found

    def taken(self) -> Answer:
        """Say that it was accepted, and nothing else."""
        return Answer(202)

    def text(self, message: dict[str, Any]) -> str:
        """Return the texts of the card."""
        body = message["attachments"][0]["content"]["body"]
        return "\n".join(element["text"] for element in body)


class Discord(Chat):
    """A webhook: 6,000 characters in embeds, each 4,096, 30 messages a minute."""

    PATH = "/api/webhooks/1201234567890123456/Zx9-Yw8_Vu7Ts6Rq5Po4Nm3Lk2Ji1Hg0"
    PER_MINUTE = 30

    def judge(self, request: Request, message: dict[str, Any]) -> Answer | None:
        """Check the embeds; without ``wait`` nothing is said of what is wrong."""
        if request.query.get("wait") != "true":
            return Answer(204)
        embeds = message["embeds"]
        pictures = [e["image"]["url"] for e in embeds if "image" in e]
        if pictures != [f"attachment://{name}" for name in message.get("files", {})]:
            return _discord_error("ATTACHMENT_NOT_FOUND")
        sizes = [len(e["description"]) + len(e.get("title", "")) for e in embeds]
        long = any(len(e["description"]) > 4096 or len(e.get("title", "")) > 256 for e in embeds)
        if long or len(embeds) > 10 or len(message.get("content", "")) > 2000:
            return _discord_error("BASE_TYPE_MAX_LENGTH")
        return _discord_error("MAX_EMBED_SIZE_EXCEEDED") if sum(sizes) > 6000 else None

    def form(self, fields: dict[str, forms.Field]) -> dict[str, Any]:
        """Return the message with its files, each a picture of at most ten megabytes, named as the documents say."""
        message: dict[str, Any] = json.loads(fields.pop("payload_json").text)
        assert list(fields) == [f"files[{number}]" for number in range(len(fields))]
        assert all(is_picture(field, 10) for field in fields.values())
        return {**message, "files": {field.filename: field.content for field in fields.values()}}

    def taken(self) -> Answer:
        """Return the message as it was saved."""
        return Answer(200, json.dumps({"id": "1301234567890123456", "type": 0}).encode(), JSON)

    def too_many(self) -> Answer:
        """Ask for a pause with a fraction."""
        body = {"message": "You are being rate limited.", "retry_after": 1.5, "global": False}
        return Answer(429, json.dumps(body).encode(), JSON)

    def stranger(self) -> Answer:
        """Say that the webhook is gone."""
        body = {"message": "Unknown Webhook", "code": 10015}
        return Answer(404, json.dumps(body).encode(), JSON)

    def text(self, message: dict[str, Any]) -> str:
        """Return content, titles and descriptions."""
        embeds = "\n".join(f"{e.get('title', '')}\n{e['description']}" for e in message["embeds"])
        return f"{message.get('content', '')}\n{embeds}"


def _discord_error(code: str) -> Answer:
    errors = {"embeds": {"_errors": [{"code": code, "message": "too long"}]}}
    body = {"code": 50035, "message": "Invalid Form Body", "errors": errors}
    return Answer(400, json.dumps(body).encode(), JSON)


class Telegram(Chat):
    """A bot: 4,096 characters after its tags are taken out, which must be closed, 20 messages a minute."""

    KEY = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
    PATH = f"/bot{KEY}/sendMessage"
    FORM_PATH = f"/bot{KEY}/sendPhoto"
    PER_MINUTE = 20

    def judge(self, request: Request, message: dict[str, Any]) -> Answer | None:
        """Check chat, tags and length."""
        del request
        if message["chat_id"] != "-1001234567890":
            return _telegram_error(400, "Bad Request: chat not found")
        if "photo" in message:
            return None if len(message["caption"]) <= 1024 else _telegram_error(400, "too long")
        entities = _Entities(message["text"])
        if entities.wrong:
            return _telegram_error(400, f"Bad Request: can't parse entities: {entities.wrong}")
        if len(entities.text.encode("utf-16-le")) // 2 > 4096:
            return _telegram_error(400, "Bad Request: message is too long")
        return None

    def form(self, fields: dict[str, forms.Field]) -> dict[str, Any]:
        """Return the photo with its caption; its text is none of a digest."""
        photo = fields.pop("photo")
        assert is_picture(photo, 10)
        texts = {name: field.text for name, field in fields.items()}
        assert set(texts) <= {"chat_id", "caption", "disable_notification", "message_thread_id"}
        return {"caption": "", **texts, "photo": photo.content, "text": texts.get("caption", "")}

    def address(self, server: str) -> str:
        """Return the API; the token is configured beside it."""
        return server

    def taken(self) -> Answer:
        """Return the message."""
        return Answer(200, b'{"ok":true,"result":{"message_id":7}}', JSON)

    def too_many(self) -> Answer:
        """Ask for a pause in the body."""
        return _telegram_error(429, "Too Many Requests: retry after 35", {"retry_after": 35})

    def stranger(self) -> Answer:
        """Say that there is no such bot."""
        return _telegram_error(401, "Unauthorized")

    def text(self, message: dict[str, Any]) -> str:
        """Return what is read, without tags."""
        return _Entities(message["text"]).text


def _telegram_error(code: int, words: str, parameters: dict[str, int] | None = None) -> Answer:
    body: dict[str, Any] = {"ok": False, "error_code": code, "description": words}
    if parameters:
        body["parameters"] = parameters
    return Answer(code, json.dumps(body).encode(), JSON)


class _Entities(HTMLParser):
    """Reads Telegram's HTML: a few tags, each closed, and four named entities."""

    TAGS: ClassVar[set[str]] = {"b", "i", "u", "s", "a", "code", "pre", "blockquote"}

    def __init__(self, text: str) -> None:
        """Read ``text``."""
        super().__init__(convert_charrefs=True)
        self.wrong, self.text, self._open = "", "", list[str]()
        self.feed(text)
        self.close()
        if self._open:
            self.wrong = f"unclosed {self._open}"
        if unknown := set(re.findall(r"&(\w+);", text)) - {"lt", "gt", "amp", "quot"}:
            self.wrong = f"unknown entities {sorted(unknown)}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take a tag that is known."""
        if tag not in self.TAGS or [name for name, _ in attrs] not in ([], ["href"]):
            self.wrong = f"unsupported start tag {tag}"
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Take the end of the tag that was opened last."""
        if not self._open or self._open.pop() != tag:
            self.wrong = f"unexpected end tag {tag}"

    def handle_data(self, data: str) -> None:
        """Take text."""
        self.text += data


class Mattermost(Chat):
    """An incoming webhook: 16,383 characters."""

    PATH = "/hooks/x7k3m9p2q5r8t1w4y6z0b2d5fh"

    def judge(self, request: Request, message: dict[str, Any]) -> Answer | None:
        """Check the length."""
        del request
        if len(message["text"]) > 16_383:
            body = {"id": "web.incoming_webhook.text.length.app_error", "message": "text too long"}
            return Answer(400, json.dumps(body).encode(), JSON)
        return None

    def taken(self) -> Answer:
        """Say ok."""
        return Answer(200, b"ok")

    def text(self, message: dict[str, Any]) -> str:
        """Return the text."""
        return str(message["text"])
