"""What an object store refused, to one sentence that says what to do.

The library's own text is never passed on: it quotes addresses, and answers that may
repeat keys.
"""

from __future__ import annotations

import re

from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

from etl.errors import LakeError, quoted

_STATUS = re.compile(r"status code: (\d{3}[^:<]*)")
_CODE = re.compile(r"<Code>(\w{1,60})</Code>")
_ADDRESS = re.compile(r"https?://\S+")
# The library's words for what happened before there was an answer, and what to do about it.
_TROUBLE = (
    (
        re.compile(r"timed out|operation timeout|TimedOut", re.IGNORECASE),
        "the store did not answer in time; check storage.endpoint and the network, or give storage.timeout more",
    ),
    (
        re.compile(r"certificate", re.IGNORECASE),
        "the store's certificate is not trusted here; name the file of its authority in storage.ca_file",
    ),
    (
        re.compile(r"builder error"),
        "the address cannot be used; a store on plain http needs storage.allow_http: true",
    ),
    (
        re.compile(r"error sending request|connect|dns", re.IGNORECASE),
        "the store cannot be reached; check storage.endpoint and the network",
    ),
)
_NOT_ALLOWED = (PermissionDeniedError, UnauthenticatedError)
_NO_BUCKET = frozenset({"NoSuchBucket", "ContainerNotFound"})


def refused(root: str, verb: str, path: str, error: Exception) -> LakeError:
    """Return what to raise when the store of the lake ``root`` would not ``verb`` the object ``path``."""
    return LakeError(f"cannot {verb} {path} in the lake {root}: {_reason(error)}")


def missing(root: str, path: str, error: FileNotFoundError) -> FileNotFoundError | LakeError:
    """Tell an object that is not there from a bucket that is not there."""
    if _code(error) in _NO_BUCKET:
        return refused(root, "read", path, error)
    # Without the library's text, which quotes the whole answer.
    return FileNotFoundError(f"{path} is not in the lake {root}")


def is_unknown_condition(error: Exception) -> bool:
    """Say whether the store answered 501: it does not know what If-None-Match means."""
    return _status(error).startswith("501")


def _reason(error: Exception) -> str:
    """Say what happened and what to do, without the address and the signature of the request."""
    text = str(error)
    status, code = _status(error), _code(error)
    said = " ".join(part for part in (status, code) if part)
    # A listing is refused with the library's general error, so its status decides too.
    if isinstance(error, _NOT_ALLOWED) or status.startswith(("401", "403")):
        return f"the store refused us ({said or 'not allowed'}); check the credentials and what they may do below the prefix"
    if isinstance(error, FileNotFoundError) or code in _NO_BUCKET:
        return (
            "there is no such bucket; check the lake's address, storage.endpoint and storage.region"
        )
    if said:
        return f"the store answered {said}; check the lake's address and the store, then run again"
    for words, advice in _TROUBLE:
        if words.search(text):
            return advice
    return quoted(_ADDRESS.sub("the store", text.partition("\n")[0]), 200)


def _status(error: Exception) -> str:
    found = _STATUS.search(str(error))
    return found[1].strip() if found else ""


def _code(error: Exception) -> str:
    found = _CODE.search(str(error))
    return found[1] if found else ""
