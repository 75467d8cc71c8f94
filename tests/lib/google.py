"""A Google Cloud Storage on loopback for tests: its XML API, which is S3's with other headers, before the same moto.

Not Google: it shows that what eventlake asks for in that dialect is right as far as the
dialect is written down, not how Google's servers answer.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from tests.lib.loopback import Answer, Request
from tests.lib.stores import Store

_THERE, _HERE = "x-goog-meta-", "x-amz-meta-"
# moto looks at who asks, not at the signature.
_SIGNED = "AWS4-HMAC-SHA256 Credential=x/20261123/us-east-1/s3/aws4_request"


class GoogleStore(Store):
    """The store of ``tests.lib.stores``, asked as Google Cloud Storage is."""

    def account(self, folder: Path) -> Path:
        """Write a service account's key that needs no token, as emulators take it, and return its path."""
        path = folder / "account.json"
        names = ("client_email", "private_key", "private_key_id")
        key = {"gcs_base_url": self.url, "disable_oauth": True} | dict.fromkeys(names, "")
        path.write_text(json.dumps(key))
        return path

    def _handed_on(self, request: Request) -> Answer:
        headers = {
            name.replace(_THERE, _HERE): value
            for name, value in request.headers.items()
            if name != "x-goog-if-generation-match"
        }
        headers["authorization"] = _SIGNED
        if request.headers.get("x-goog-if-generation-match") == "0":
            headers["if-none-match"] = "*"
        # Google takes a slash in a name as it comes, and encoded.
        target = request.target.replace("%2F", "/")
        answer = super()._handed_on(replace(request, target=target, headers=headers))
        told = {name.replace(_HERE, _THERE): value for name, value in answer.headers.items()}
        return replace(answer, headers=told)
