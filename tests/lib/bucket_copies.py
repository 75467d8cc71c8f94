"""A lake in the store of the tests, copied and fetched by plain HTTP.

For processes that fork: the client that eventlake uses starts threads, which no fork
takes along. A lake's address is that of the store, the bucket and one folder below it.
"""

from __future__ import annotations

import http
import http.client
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

_TRIES = 20
# moto asks who comes, and believes every signature.
_SIGNED = {
    "authorization": "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20261123/us-east-1/s3/aws4_request,"
    " SignedHeaders=host, Signature=0"
}


def is_address(lake: str) -> bool:
    """Whether a lake is in a bucket, and not in a folder."""
    return "://" in lake


def copied(lake: str, to: str) -> None:
    """Copy every object of the lake ``lake`` to the lake ``to`` within one store."""
    source, target = urlsplit(lake).path, urlsplit(to).path
    with _connected(lake) as connection:
        for path in _paths(connection, source):
            headers = {**_SIGNED, "x-amz-copy-source": quote(f"{source}/{path}")}
            connection.request("PUT", quote(f"{target}/{path}"), headers=headers)
            _answered(connection)


def fetched(lake: str, folder: Path) -> None:
    """Write every object of a lake to a folder."""
    base = urlsplit(lake).path
    with _connected(lake) as connection:
        for path in _paths(connection, base):
            connection.request("GET", quote(f"{base}/{path}"), headers=_SIGNED)
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(_answered(connection))


def _paths(connection: http.client.HTTPConnection, base: str) -> list[str]:
    """Return the paths in the lake at ``base``, without what was tried of the store."""
    _, bucket, prefix = base.split("/", 2)
    query = urlencode({"list-type": 2, "prefix": f"{prefix}/"})
    for _ in range(_TRIES):
        connection.request("GET", f"/{bucket}?{query}", headers=_SIGNED)
        answer = connection.getresponse()
        listed = answer.read().decode()
        if answer.status == http.HTTPStatus.OK:
            break
        # moto looks at its objects one by one, and fails where a killed process' last request, or
        # another process, deletes one meanwhile, of whatever lake in the bucket.
        assert answer.status == http.HTTPStatus.INTERNAL_SERVER_ERROR, listed
    else:
        raise AssertionError(listed)
    assert "<IsTruncated>true" not in listed
    keys = [unescape(key) for key in re.findall("<Key>([^<]*)</Key>", listed)]
    paths = [key.removeprefix(f"{prefix}/") for key in keys]
    return [path for path in paths if not path.startswith("_probe/")]


def _answered(connection: http.client.HTTPConnection) -> bytes:
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == http.HTTPStatus.OK, body
    return body


@contextmanager
def _connected(lake: str) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(urlsplit(lake).netloc, timeout=30)
    try:
        yield connection
    finally:
        connection.close()
