"""Bodies of forms with files to their parts, read by the mail library's parser: no other code than ours wrote them."""

from __future__ import annotations

from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage

from tests.lib.loopback import Request


@dataclass(frozen=True)
class Field:
    """One field of a form; ``filename`` is empty where it is no file."""

    content: bytes
    kind: str
    filename: str

    @property
    def text(self) -> str:
        """The content as text."""
        return self.content.decode("utf-8")


def fields(request: Request) -> dict[str, Field]:
    """Return the fields by name; what is no form, or has a defect, fails."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    message = message_from_bytes(head + request.body, policy=policy.HTTP)
    assert isinstance(message, EmailMessage)
    assert message.is_multipart()
    found = {}
    for part in message.iter_parts():
        assert part.get_content_disposition() == "form-data"
        assert not part.defects
        name = str(part.get_param("name", header="content-disposition"))
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        found[name] = Field(content, part.get_content_type(), part.get_filename() or "")
    assert not message.defects
    return found
