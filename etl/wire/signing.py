"""The three ways in which receivers want a message signed; all are HMAC-SHA256, no two are alike.

DingTalk signs with the secret as key and the timestamp, a line end and the secret as message, Feishu the other way
round with an empty message; one counts milliseconds, the other seconds. Standard Webhooks
signs the body itself.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import datetime

from etl.wire.secrets import SecretError

_PREFIX = "whsec_"


def dingtalk(secret: str, moment: datetime) -> tuple[str, str]:
    """Return ``timestamp`` (milliseconds) and ``sign``, not yet encoded for an address."""
    stamp = str(int(moment.timestamp() * 1000))
    return stamp, _digest(secret.encode(), f"{stamp}\n{secret}".encode())


def feishu(secret: str, moment: datetime) -> tuple[str, str]:
    """Return ``timestamp`` (seconds) and ``sign`` for the body."""
    stamp = str(int(moment.timestamp()))
    return stamp, _digest(f"{stamp}\n{secret}".encode(), b"")


def standard_webhooks(secret: str, moment: datetime, *, name: str, body: bytes) -> dict[str, str]:
    """Return the headers of Standard Webhooks; raises ``SecretError`` for what is no ``whsec_`` secret."""
    stamp = str(int(moment.timestamp()))
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        # Without the cause: its text may quote the secret.
        raise SecretError("the signing secret is not base64 behind whsec_") from None
    signed = _digest(key, f"{name}.{stamp}.".encode() + body)
    return {
        "webhook-id": name,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{signed}",
    }


def _digest(key: bytes, message: bytes) -> str:
    return base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode("ascii")
