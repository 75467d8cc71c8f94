"""Fields and one file to the body of a form (RFC 7578), as vendors want it who take files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from etl.wire.http import Request


def request(fields: Mapping[str, str], name: str, filename: str, content: bytes) -> Request:
    """Return a POST of ``fields`` and of the PNG ``content`` as the file ``name``.

    Names are ours and hold no quotes. The boundary is made of the content, so the same message is the same bytes.
    """
    boundary = hashlib.sha256(repr(sorted(fields.items())).encode() + content).hexdigest()
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n'
        f"Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n".encode("utf-8", "replace")
        for field, text in fields.items()
    ]
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
        "Content-Type: image/png\r\n\r\n"
    )
    end = f"\r\n--{boundary}--\r\n"
    body = b"".join([*parts, head.encode(), content, end.encode()])
    return Request("POST", body, {"Content-Type": f"multipart/form-data; boundary={boundary}"})
