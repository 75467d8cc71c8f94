"""What chats have in common: a digest to one message or a few within a limit, each posted as one JSON document.

A chat brings its dialect, the form of its payload, what counts against its limit, and how
its answer is read. Everything else, from the ladder to the guarded request, is here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import ClassVar, Generic, TypeVar

from etl.alerts import render
from etl.alerts.dialects import Dialect
from etl.alerts.model import SEVERITIES, Digest, Severity
from etl.alerts.receivers.target import Outside, Part, budget_at
from etl.config.receivers import ChatConfig, HookConfig
from etl.wire import answers, budget, escaping, http, secrets
from etl.wire.facts import FACTS, Facts
from etl.wire.outcome import Outcome

# What the picture is called where it is a file.
CHART = "chart.png"
_JSON = {"Content-Type": "application/json; charset=utf-8"}

Config = TypeVar("Config", bound=ChatConfig)
Hook = TypeVar("Hook", bound=HookConfig)


@dataclass(frozen=True, slots=True)
class Draft:
    """One message before a vendor's payload is made of it.

    ``blocks`` are markup of the chat's dialect, ``title`` is plain text with strangers' names, which calls nobody,
    ``severity`` the worst of the findings, ``calls`` whether people are to be mentioned.
    """

    blocks: tuple[str, ...]
    title: str
    severity: Severity | None
    calls: bool


class Chat(ABC, Generic[Config]):
    """One address that takes JSON."""

    kind: ClassVar[str]
    spacing: ClassVar[timedelta]
    dialect: Dialect

    def __init_subclass__(cls, **keywords: object) -> None:
        """Take the pace from the table of facts."""
        super().__init_subclass__(**keywords)
        if (kind := cls.__dict__.get("kind")) is not None:
            cls.spacing = FACTS[kind].spacing

    def __init__(self, config: Config, outside: Outside) -> None:
        """Speak to the address that ``config`` names."""
        self.config = config
        self.outside = outside

    @property
    def facts(self) -> Facts:
        """What is known of the vendor."""
        return FACTS[self.kind]

    @property
    def patience(self) -> timedelta:
        """The configured timeout."""
        return self.config.timeout

    def prepare(self, digest: Digest, *, step: int = 0) -> list[Part]:
        """Return the messages under the first plan whose repeats fit, too."""
        made = []
        for number, blocks in enumerate(self.messages(digest, step)):
            calls = number == 0 and bool(digest.counted("critical"))
            once = _draft(blocks, digest, calls=calls)
            again = _draft([self._mark(digest), *blocks], digest, calls=calls)
            made.append(Part(self.payload(once), self.payload(again)))
        return made

    @property
    def draws(self) -> bool:
        """Whether a chart is wanted beside the digest."""
        return False

    def messages(self, digest: Digest, step: int) -> list[list[str]]:
        """Return the blocks of each message."""
        limit = budget_at(self.facts.limit, step)
        mark = self._mark(digest)

        def fits(blocks: list[str]) -> bool:
            draft = _draft([mark, *blocks], digest, calls=True)
            return self.takes(draft) and self.size(self.payload(draft)) <= limit

        return render.parts(digest, self.dialect, fits=fits, at_most=self.config.max_parts)

    def send(self, payload: object, *, delivery_id: str, repeat: bool, now: datetime) -> Outcome:
        """Post the message and read what the vendor says of it."""
        del delivery_id, repeat
        answer = http.send(
            self.request(self.signed(payload, now)),
            self.url(payload, now),
            http.Guard(
                allow_http=self.config.allow_http,
                allow_private=self.config.allow_private,
                timeout=self.config.timeout,
            ),
            environ=self.outside.environ,
        )
        return self.read(answer, now)

    def preview(self, digest: Digest) -> str:
        """Return the text of the messages, and where a chart goes with them."""
        texts = [self.dialect.paragraph.join(blocks) for blocks in self.messages(digest, 0)]
        texts += [f"[{CHART}]"] if self.draws and digest.illustrated else []
        return "\n\n".join(texts)

    @abstractmethod
    def payload(self, draft: Draft) -> dict[str, object]:
        """Return the vendor's document for ``draft``."""

    def takes(self, draft: Draft) -> bool:
        """Whether the vendor's limits on single pieces allow ``draft``; ``size`` is asked besides."""
        del draft
        return True

    def size(self, payload: dict[str, object]) -> int:
        """Return what counts against the vendor's limit: here the bytes of the request."""
        return len(budget.encode(payload))

    def signed(self, payload: object, now: datetime) -> object:
        """Return the payload as it goes out."""
        del now
        return payload

    def request(self, payload: object) -> http.Request:
        """Return what is posted."""
        return http.Request("POST", budget.encode(payload), _JSON)

    @abstractmethod
    def url(self, payload: object, now: datetime) -> str:
        """Return where to post ``payload``; raises ``SecretError``."""

    @abstractmethod
    def address(self) -> str:
        """Return what messages to one place have in common; raises ``SecretError``."""

    def read(self, answer: http.Answer, now: datetime) -> Outcome:
        """Judge the answer: here by the vendor's number."""
        return answers.by_code(answer, self.facts, now=now)

    def _mark(self, digest: Digest) -> str:
        return self.dialect.line(render.repeat_mark(digest))


class HookChat(Chat[Hook]):
    """A chat whose address is the key."""

    def url(self, payload: object, now: datetime) -> str:
        """Return the address."""
        del payload, now
        return self._url

    def address(self) -> str:
        """Return the address: its limit is one for all digests that go there."""
        return self._url

    @cached_property
    def _url(self) -> str:
        return secrets.address(
            url=self.config.url, url_file=self.config.url_file, environ=self.outside.environ
        )


def _draft(blocks: Sequence[str], digest: Digest, *, calls: bool) -> Draft:
    worst = next((severity for severity in SEVERITIES if digest.counted(severity)), None)
    # Some clients make links and mentions even of what is called plain text.
    title = escaping.wecom(render.title(digest))
    return Draft(tuple(blocks), title, worst, calls)
