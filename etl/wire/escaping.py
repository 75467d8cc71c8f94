"""Untrusted text to text that a dialect shows as it is: no markup, no mention, no link, no control.

Whoever may create an event may write into its message what they like: ``@all``,
``<!channel>``, a link with a friendly name, an escape sequence that repaints the
terminal. Everything foreign passes ``one_line`` and then the function of its dialect.
"""

from __future__ import annotations

import re
import unicodedata

from etl.wire.budget import shorten

# Long enough for the sentence that matters, short enough for a phone; the lake has the whole text.
SAMPLE_CHARACTERS = 200
# Zero-width non-joiner and joiner: parts of Persian, Indic and emoji spelling, not tricks.
_KEPT_FORMATS = {"\u200c", "\u200d"}
_WORD_JOINER = "\u2060"
_ANSI = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours, cursor
    r"|(?:\x1b[\]PX^_]|[\x9d\x90])[^\x07\x1b\x9c]{0,4096}(?:\x07|\x1b\\|\x9c)?"  # title, links
    r"|\x1b[ -/]*[0-~]?"
)
# Discord and Mattermost obey the group words anywhere, names only where a word starts; so the
# @ of an image (app@sha256:…) or of an address stays as it is.
_MENTION = re.compile(
    r"@(?=all|here|channel|everyone|所有人|全体成员)|(?<!\w)@(?=\w)", re.IGNORECASE
)
_MARKDOWN = re.compile(r"([\\`*_\[\]|~])")
_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
# WeCom's Markdown knows no escape, so look-alikes stand in.
_LOOKALIKES = str.maketrans(
    {"<": "＜", ">": "＞", "`": "'", "*": "＊", "|": "｜", "\\": "＼", "[": "［", "]": "］", "~": "～"}
)  # fmt: skip
_MRKDWN = str.maketrans({"*": "＊", "~": "～", "`": "'"})
_OUTER_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_ENTITY = re.compile(r"&(?=#?\w+;)")
# An @ would be a mention to some chats even there.
_NOT_IN_URL = re.compile(r"[^A-Za-z0-9\-._~:/?#!$&*+,;=%]|%(?![0-9A-Fa-f]{2})")


def clean(text: str) -> str:
    """Return ``text`` without escape sequences, control, direction and invisible characters."""
    # Nearly all text is printable, which is seen at once.
    return text if text.isprintable() else _ANSI.sub("", text).translate(_SHOWN)


def one_line(text: str, limit: int = SAMPLE_CHARACTERS) -> str:
    """Return the start of ``text``, cleaned, on one line, in at most ``limit`` characters."""
    # A message can have a megabyte; what lies far beyond the limit is not even looked at.
    return shorten(" ".join(clean(text[: 8 * limit + 64]).split()), limit)


def without_mentions(text: str) -> str:
    """Return ``text`` with each ``@`` that could call people replaced by its full-width twin."""
    return _MENTION.sub("＠", text)


def markdown(text: str) -> str:
    """Escape one line for CommonMark and its relatives, Slack's included, also inside a table."""
    safe = _MARKDOWN.sub(r"\\\1", without_mentions(text).translate(_HTML))
    return _without_links(safe)


def wecom(text: str) -> str:
    """Escape one line for WeCom's markdown and markdown_v2, also inside a table."""
    safe = _ENTITY.sub("＆", without_mentions(text).translate(_LOOKALIKES))
    return _without_links(_OUTER_UNDERSCORE.sub("＿", safe))


def html(text: str) -> str:
    """Escape one line for HTML, where a chat would still obey mentions and make links of addresses."""
    return _without_links(without_mentions(text).translate(_HTML).replace('"', "&quot;"))


def slack(text: str) -> str:
    """Escape one line for Slack's mrkdwn, which has an escape for ``& < >`` alone."""
    safe = without_mentions(text).translate(_HTML).translate(_MRKDWN)
    return _without_links(_OUTER_UNDERSCORE.sub("＿", safe))


def url(text: str) -> str:
    """Return an http(s) address with all that could end a link percent-encoded; else an empty text."""
    flat = clean(text[:2048]).strip()
    if not flat.lower().startswith(("https://", "http://")):
        return ""
    return _NOT_IN_URL.sub(lambda match: "".join(f"%{b:02X}" for b in match[0].encode()), flat)


class _Shown(dict[int, str]):
    """A table for ``str.translate`` that learns each character when it first meets it."""

    def __missing__(self, code: int) -> str:
        """Return what is shown in the place of the character."""
        character = chr(code)
        category = unicodedata.category(character)
        if category in {"Cc", "Zl", "Zp"}:
            character = " "
        elif category == "Cs":
            character = "\ufffd"
        elif category == "Cf" and character not in _KEPT_FORMATS:
            character = ""
        self[code] = character
        return character


def _without_links(text: str) -> str:
    """Keep chat clients from making links of bare addresses: no scheme, no www that they know."""
    text = text.replace("://", f":{_WORD_JOINER}//")
    return re.sub(r"(?i)\bwww\.", lambda match: match[0][:3] + _WORD_JOINER + ".", text)


_SHOWN = _Shown()
