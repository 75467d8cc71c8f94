"""An address, the settings and the environment to a client of the object store behind it.

The client is obstore, Python's hands on the Rust crate object_store. It creates an
object only if there is none (``If-None-Match: *``), on which sealing and the outbox
rest and for which pyarrow 26 has no option; one library speaks S3, Google Cloud
Storage and Azure; it retries with growing pauses and has timeouts that can be set; and
a read costs exactly the range that was asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, ObjectStore, S3Store

from etl.config.settings import Storage
from etl.errors import LakeError, UsageError
from etl.log import register_secret

# What each store's own tools read from the environment; the library knows the same names.
_ENVIRONMENT = {
    "s3": (
        "AWS_ACCESS_KEY_ID",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_DEFAULT_REGION",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_S3",
        "AWS_REGION",
        "AWS_ROLE_ARN",
        "AWS_ROLE_SESSION_NAME",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
    ),
    "gs": (
        "GOOGLE_APPLICATION_CREDENTIALS",
        "GOOGLE_SERVICE_ACCOUNT",
        "GOOGLE_SERVICE_ACCOUNT_KEY",
    ),
    "az": (
        "AZURE_AUTHORITY_HOST",
        "AZURE_CLIENT_ID",
        "AZURE_CLIENT_SECRET",
        "AZURE_FEDERATED_TOKEN_FILE",
        "AZURE_STORAGE_ACCOUNT_KEY",
        "AZURE_STORAGE_ACCOUNT_NAME",
        "AZURE_STORAGE_ENDPOINT",
        "AZURE_STORAGE_SAS_KEY",
        "AZURE_TENANT_ID",
    ),
}
# The library's own names, for those who give the endpoint in the environment too.
_ALLOW_HTTP = {"s3": "AWS_ALLOW_HTTP", "gs": "GOOGLE_ALLOW_HTTP", "az": "AZURE_ALLOW_HTTP"}
_SECRET_WORDS = ("KEY", "SECRET", "TOKEN")
# Names without a value that has to be hidden; blanking a path or an id would blind the log.
_NO_SECRETS = ("_FILE", "_KEY_ID")
_CONNECT = timedelta(seconds=10)
_LONGEST_PAUSE = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a lake is in an object store: scheme, bucket (Azure: container) and prefix."""

    scheme: str
    bucket: str
    prefix: str

    def __str__(self) -> str:
        """The address, as messages name it."""
        return f"{self.scheme}://{self.bucket}" + (f"/{self.prefix}" if self.prefix else "")


def place(address: str) -> Place:
    """Read ``s3://bucket/prefix``; raises ``UsageError`` for what is not such an address."""
    parts = urlsplit(address)
    if parts.scheme not in _ENVIRONMENT:
        message = (
            f"{parts.scheme}:// is no kind of store that is known here: name a folder, or"
            " s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX; the address of an"
            " S3-compatible store is storage.endpoint in the configuration"
        )
        raise UsageError(message)
    segments = [segment for segment in parts.path.split("/") if segment]
    if parts.query or parts.fragment or "@" in parts.netloc or {".", ".."} & set(segments):
        message = (
            f"the address of a {parts.scheme}:// lake is a bucket and a prefix, without keys or"
            " parameters: credentials come from files or the environment"
        )
        raise UsageError(message)
    if not parts.netloc:
        message = f"{address} names no bucket; write {parts.scheme}://BUCKET/PREFIX"
        raise UsageError(message)
    return Place(parts.scheme, parts.netloc, "/".join(segments))


def client(where: Place, storage: Storage, environ: Mapping[str, str]) -> ObjectStore:
    """Return a client for ``where``; nothing is asked of the store yet. Raises ``LakeError``."""
    config = _from_environment(where.scheme, environ) | _from_settings(where, storage)
    options: dict[str, Any] = {
        "config": config,
        "prefix": where.prefix or None,
        "client_options": {
            "timeout": storage.timeout,
            "connect_timeout": min(storage.timeout, _CONNECT),
            "allow_http": storage.allow_http or _allows_http(where.scheme, environ),
            **_authorities(storage.ca_file),
        },
        "retry_config": {
            "max_retries": storage.retries,
            "retry_timeout": storage.timeout * (storage.retries + 1),
            "backoff": {"max_backoff": _LONGEST_PAUSE},
        },
    }
    try:
        if where.scheme == "s3":
            return S3Store(where.bucket, **options)
        if where.scheme == "gs":
            return GCSStore(where.bucket, **options)
        return AzureStore(where.bucket, **options)
    except BaseError as error:
        # Without the cause: the library quotes what it could not use, and that may be a key.
        first = str(error).splitlines()[0].removeprefix("Generic ")
        message = f"the lake {where} cannot be opened: {first}; check the section storage of the configuration and the environment"
        raise LakeError(message) from None


def endpoint(where: Place, storage: Storage, environ: Mapping[str, str]) -> str:
    """Return the address of the store behind ``where``; empty for the cloud's own."""
    names = [name for name in _ENVIRONMENT[where.scheme] if "ENDPOINT" in name]
    given = [environ.get(name, "") for name in reversed(names)]
    return storage.endpoint or next(filter(None, given), "")


def _from_environment(scheme: str, environ: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for name in _ENVIRONMENT[scheme]:
        if value := environ.get(name, ""):
            found[name.lower()] = value
            if not name.endswith(_NO_SECRETS) and any(word in name for word in _SECRET_WORDS):
                register_secret(value)
    return found


def _allows_http(scheme: str, environ: Mapping[str, str]) -> bool:
    return environ.get(_ALLOW_HTTP[scheme], "").lower() in {"true", "1"}


def _authorities(path: str) -> dict[str, str]:
    """Read the certificates that are trusted beside those of the system."""
    if not path:
        return {}
    try:
        return {"root_certificate": Path(path).read_text("ascii")}
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise LakeError(f"cannot read storage.ca_file {path}: {reason}") from error
    except UnicodeDecodeError:
        raise LakeError(f"storage.ca_file {path} holds no certificates in PEM form") from None


def _from_settings(where: Place, storage: Storage) -> dict[str, Any]:
    """Return what the configuration says; it wins over the environment, also over an older name there."""
    identity = _line_of(storage.access_key_id_file)
    secret = _line_of(storage.secret_access_key_file)
    if where.scheme == "s3":
        given: dict[str, Any] = {
            "aws_endpoint_url_s3": _host_style(where, storage) or storage.endpoint,
            "aws_virtual_hosted_style_request": not storage.path_style,
            "aws_region": storage.region,
            "aws_access_key_id": identity,
            "aws_secret_access_key": secret,
            # Not every S3-compatible store knows the request that deletes many at once.
            "aws_disable_bulk_delete": True,
        }
    elif where.scheme == "gs":
        given = {"google_service_account_key": secret, "google_base_url": storage.endpoint}
    else:
        given = {
            "azure_storage_account_name": identity,
            "azure_storage_account_key": secret,
            "azure_storage_endpoint": storage.endpoint,
        }
    return {name: value for name, value in given.items() if value}


def _host_style(where: Place, storage: Storage) -> str:
    """Return the endpoint with the bucket before its host's name, if it is wanted there."""
    if storage.path_style:
        return ""
    parts = urlsplit(storage.endpoint)
    return parts._replace(netloc=f"{where.bucket}.{parts.netloc}").geturl()


def _line_of(path: str) -> str:
    """Read a credential; editors leave newlines, so space around it is removed."""
    if not path:
        return ""
    try:
        text = Path(path).read_text("utf-8").strip()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise LakeError(f"cannot read the storage key file {path}: {reason}") from error
    except UnicodeDecodeError:
        # Without the cause: its text would quote bytes of the secret.
        raise LakeError(f"the storage key file {path} is not UTF-8 text") from None
    if not text:
        raise LakeError(f"the storage key file {path} is empty")
    register_secret(text)
    return text
