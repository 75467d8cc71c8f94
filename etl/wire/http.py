"""Requests to a receiver, guarded: where each may go, how long it may take, how much it may answer.

An address is resolved once, every address that comes back is checked, and the
connection is made to a checked one (name, SNI and certificate stay those of the
host), so a name that changes its mind between check and connect gains nothing. Where
``HTTPS_PROXY`` names a proxy, the proxy resolves the name: then literal addresses are
all that can be checked, and the proxy is the guard. A redirect is never followed: it
would carry the message and perhaps the key to where nobody has allowed it.

httpx is imported on the first request, because it costs 0.3 s that most commands save.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from etl.errors import quoted
from etl.log import redact
from etl.wire import reach, trust
from etl.wire.outcome import Kind, Outcome, TransportError
from etl.wire.secrets import redacted

if TYPE_CHECKING:
    import httpx

# Receivers answer in a line or two; a page of HTML is cut, a flood is not read.
ANSWER_BYTES = 64 * 1024
_SHORTEST_WAIT = 0.05
# For so many seconds a name is taken to lead where it led.
_LONGEST_KEPT = 60.0
_LAST_PORT = 65_535


@dataclass(frozen=True, slots=True)
class Guard:
    """What one receiver is allowed: plain http, addresses that are not public, and how long."""

    allow_http: bool
    allow_private: bool
    timeout: timedelta


@dataclass(frozen=True, slots=True)
class Request:
    """A request before it has an address: method, body and headers."""

    method: str
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers (lower-case names) and at most ``ANSWER_BYTES`` of the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def text(self) -> str:
        """The body's start as one line fit for a message, without secrets it may echo."""
        return quoted(redact(self.body.decode("utf-8", "replace")))


def send(request: Request, url: str, guard: Guard, *, environ: Mapping[str, str]) -> Answer:
    """Send ``request`` to ``url`` and return the answer; raises ``TransportError``."""
    line = Line(url, guard, environ)
    try:
        return line.send(request)
    finally:
        line.close()


class Line:
    """A way to one address whose connection is kept from one request to the next."""

    def __init__(self, url: str, guard: Guard, environ: Mapping[str, str]) -> None:
        """Send to ``url`` as ``guard`` allows; nothing is looked up yet."""
        self._url, self._guard, self._environ = url, guard, environ
        self._kept: _Kept | None = None

    def send(self, request: Request) -> Answer:
        """Send ``request`` and return the answer; raises ``TransportError``.

        A connection that had been kept and breaks is made anew, once: servers close those
        that are idle, at any moment.
        """
        now = time.monotonic()
        deadline = now + self._guard.timeout.total_seconds()
        if self._kept is not None and now < self._kept.until:
            try:
                return _exchange(request, self._kept, deadline)
            except TransportError as error:
                broken = error.outcome.kind in {Kind.TRANSIENT, Kind.UNKNOWN}
                if not broken or time.monotonic() >= deadline:
                    self.close()
                    raise
        self.close()
        target = target_of(self._url, self._guard)
        proxy, hosts = _ways(target, self._guard, self._environ)
        for number, host in enumerate(hosts, start=1):
            until = time.monotonic() + _LONGEST_KEPT
            self._kept = _Kept(_client(proxy, self._environ, target), target, host, until)
            try:
                return _exchange(request, self._kept, deadline)
            except TransportError as error:
                self.close()
                reached = error.outcome.kind is not Kind.TRANSIENT
                if reached or number == len(hosts) or time.monotonic() >= deadline:
                    raise
        raise AssertionError  # hosts is never empty

    def close(self) -> None:
        """Close the connection, if one is open."""
        if self._kept is not None:
            self._kept.client.close()
            self._kept = None


def _ways(
    target: httpx.URL, guard: Guard, environ: Mapping[str, str]
) -> tuple[str | None, list[str]]:
    """Return the proxy, if there is one, and the checked hosts to connect to; raises ``TransportError``."""
    proxy = proxy_of(target, environ)
    if proxy:
        reach.refuse_literal(target.host, allow_private=guard.allow_private)
        return proxy, [target.host]
    port = target.port or (443 if target.scheme == "https" else 80)
    return None, reach.checked(target.raw_host, port, allow_private=guard.allow_private)


def judge(answer: Answer, *, now: datetime) -> Outcome:
    """Translate an answer whose status alone tells what happened."""
    status = answer.status
    if 200 <= status < 300:  # noqa: PLR2004 - the classes of HTTP statuses
        return Outcome(Kind.ACCEPTED if status == 202 else Kind.OK, status=status)  # noqa: PLR2004
    detail = f"HTTP {status}: {answer.text()}" if answer.body else f"HTTP {status}"
    if 300 <= status < 400:  # noqa: PLR2004
        detail = f"HTTP {status}: redirects are not followed; set the final address"
        return Outcome(Kind.PERMANENT, detail, status)
    if status in {429, 503} and (wait := retry_after(answer.headers, now=now)) is not None:
        return Outcome(Kind.RETRY_AFTER, detail, status, wait=wait)
    if status in {408, 425, 429} or status >= 500:  # noqa: PLR2004
        return Outcome(Kind.TRANSIENT, detail, status)
    return Outcome(Kind.TOO_LARGE if status == 413 else Kind.PERMANENT, detail, status)  # noqa: PLR2004


def retry_after(headers: Mapping[str, str], *, now: datetime) -> timedelta | None:
    """Return the pause that ``Retry-After`` asks for, as seconds or as a date; None without one."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        # More digits than a century has seconds would overflow, and mean nothing.
        return timedelta(seconds=int(value[:9]))
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        # Neither number nor date: as if it were not there; our own backoff applies.
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(timedelta(0), moment - now)


@dataclass(frozen=True, slots=True)
class _Kept:
    """A client whose connection goes to one checked host, and until when its name need not be looked up again."""

    client: httpx.Client
    target: httpx.URL
    host: str
    until: float


def target_of(url: str, guard: Guard) -> httpx.URL:
    """Return ``url`` read, if it is one that ``guard`` allows; raises ``TransportError``."""
    import httpx  # noqa: PLC0415 - costs 0.3 s, see above

    try:
        target = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        # Without the cause: its text quotes parts of the address.
        raise _refused("the address is not a URL") from None
    if not target.host or target.scheme not in {"http", "https"} or (target.port or 1) > _LAST_PORT:
        raise _refused("the address must start with https:// and name a host")
    if target.scheme == "http" and not guard.allow_http:
        raise _refused(f"{redacted(url)} is plain http; use https or set allow_http: true")
    return target


def _refused(detail: str) -> TransportError:
    return TransportError(Outcome(Kind.PERMANENT, detail))


def proxy_of(target: httpx.URL, environ: Mapping[str, str]) -> str | None:
    """Return the proxy that the environment names for ``target``, in the words of curl."""
    lower = {name.lower(): value for name, value in environ.items() if value}
    proxy = lower.get(f"{target.scheme}_proxy") or lower.get("all_proxy")
    exempt = lower.get("no_proxy", "").replace(",", " ").split()
    if not proxy or any(_covers(entry, target.host) for entry in exempt):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _covers(entry: str, host: str) -> bool:
    """Whether one entry of ``NO_PROXY`` (``*``, a domain, an address, a network) names ``host``."""
    name = entry.lower().lstrip("*").lstrip(".")
    if entry == "*" or host == name or host.endswith(f".{name}"):
        return True
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        # One of the two is a name, and names were compared above.
        return False


def _client(proxy: str | None, environ: Mapping[str, str], target: httpx.URL) -> httpx.Client:
    """Return a client that goes where it is sent and nowhere else; raises ``TransportError``."""
    import httpx  # noqa: PLC0415 - costs 0.3 s, see above

    try:
        return httpx.Client(
            verify=trust.context(environ), trust_env=False, proxy=proxy, follow_redirects=False
        )
    except (httpx.InvalidURL, ValueError, OSError) as error:
        # A proxy that is no address, or authorities that cannot be read.
        raise TransportError(_failure(error, target)) from None


def _exchange(request: Request, kept: _Kept, deadline: float) -> Answer:
    """Have one request answered, on the connection that is kept or on a new one."""
    import httpx  # noqa: PLC0415 - costs 0.3 s, see above

    target = kept.target
    headers = {
        "User-Agent": "eventlake",
        # An answer that is packed could unpack to gigabytes.
        "Accept-Encoding": "identity",
        **request.headers,
        "Host": target.netloc.decode("ascii"),
    }
    auth = httpx.BasicAuth(target.username, target.password) if target.userinfo else None
    try:
        with kept.client.stream(
            request.method,
            target.copy_with(host=kept.host, userinfo=b""),
            content=request.body,
            headers=headers,
            auth=auth,
            # Never zero: httpx takes that as an error of its own.
            timeout=httpx.Timeout(max(_SHORTEST_WAIT, deadline - time.monotonic())),
            extensions={"sni_hostname": target.raw_host.decode("ascii")},
        ) as response:
            return _answer(response, deadline)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, OSError) as error:
        # httpx keeps the whole request in its errors; what goes up is a class and one line.
        raise TransportError(_failure(error, target)) from None


def _answer(response: httpx.Response, deadline: float) -> Answer:
    """Read at most ``ANSWER_BYTES`` raw bytes before the deadline."""
    body = bytearray()
    for chunk in response.iter_raw():
        body += chunk
        if len(body) >= ANSWER_BYTES or time.monotonic() > deadline:
            # The status says what happened; a body that trickles or floods adds nothing.
            break
    return Answer(response.status_code, dict(response.headers.items()), bytes(body[:ANSWER_BYTES]))


def _failure(error: Exception, target: httpx.URL) -> Outcome:
    """Class an exception by whether the receiver may have the whole request already."""
    import httpx  # noqa: PLC0415 - costs 0.3 s, see above

    where = redacted(str(target))
    # A timeout of httpx often has no text of its own; its name says what timed out.
    text = f"{type(error).__name__} {quoted(redact(str(error)), 200)}".strip()
    unsent = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)
    # A request that was not written to its end is no request: nobody acts on half a body.
    if isinstance(error, (*unsent, httpx.WriteError, httpx.WriteTimeout, OSError)):
        return Outcome(Kind.TRANSIENT, f"cannot reach {where}: {text}")
    if isinstance(error, httpx.TransportError) and not isinstance(
        error, (httpx.LocalProtocolError, httpx.UnsupportedProtocol)
    ):
        return Outcome(Kind.UNKNOWN, f"sent to {where}, but no answer came: {text}")
    return Outcome(Kind.PERMANENT, f"cannot ask {where}: {text}")
