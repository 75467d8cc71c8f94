"""An outcome to a sentence for whoever set the receiver up: what the answer means, and what to do about it."""

from __future__ import annotations

from etl.wire.outcome import Kind, Outcome

_MEANINGS = {
    Kind.OK: "it says that it has the message",
    Kind.ACCEPTED: "it took the message and handles it later; look whether it appeared",
    Kind.RETRY_AFTER: "not now; a digest would wait and be sent again",
    Kind.TRANSIENT: "not now; a digest would be tried again",
    Kind.PERMANENT: "refused for good; a digest would be given up",
    Kind.TOO_LARGE: "too large; a digest would be shortened",
    Kind.UNKNOWN: "nobody knows whether it arrived; a digest would be sent again, marked",
}
# By kind of target and a piece of the answer: what usually is wrong.
_HINTS: dict[str, dict[str, str]] = {
    "wecom": {
        "errcode 93000": "the key in the address is wrong, or the robot was removed",
        "errcode 45009": "more than 20 messages in a minute came from this and other senders",
    },
    "dingtalk": {
        "errcode 310000": "the robot wants a signature (secret_file), a keyword (keyword) or a known address",
        "errcode 300001": "the access_token in the address is wrong, or the robot was removed",
        "errcode 130101": "more than 20 messages in a minute: the robot is shut out for ten minutes",
    },
    "feishu": {
        "code 19021": "the signature does not match: set secret_file, and see that the clock is right",
        "code 19022": "the robot takes messages from known addresses only, and this is none",
        "code 19024": "the robot wants a keyword: set keyword",
        "code 19001": "the token in the address is wrong, or the robot was removed",
        "code 11232": "too often, or at a full or half hour, when all bots send",
    },
    "slack": {
        "invalid_token": "the webhook was revoked",
        "no_service": "the webhook was removed, or its app uninstalled",
        "channel_is_archived": "the channel is archived",
        "HTTP 404": "the address is not that of a webhook",
    },
    "teams": {
        "HTTP 401": "the address is not whole: copy it with its query, sig included",
        "HTTP 404": "the workflow was removed",
        "Disabled": "the workflow is switched off",
    },
    "discord": {
        "Unknown Webhook": "the webhook was removed",
        "Invalid Webhook Token": "the token in the address is wrong",
    },
    "telegram": {
        "Unauthorized": "the token is wrong",
        "chat not found": "the chat_id is wrong, or the bot is not a member",
        "bot was blocked": "the person has blocked the bot",
        "not enough rights": "the bot may not send photos here: allow it, or take chart away",
        "kicked": "the bot is not a member any more",
    },
    "mattermost": {
        "HTTP 404": "the webhook was removed, or incoming webhooks are switched off",
        "HTTP 403": "the webhook may not post into this channel",
    },
    "pagerduty": {
        "HTTP 400": "the key is not that of an integration with Events API v2",
        "HTTP 404": "api_url is not the address of the Events API",
    },
    "alertmanager": {
        "HTTP 404": "the address is that of the server, without the path of its API",
        "HTTP 401": "a proxy before the server wants bearer_token_file, or a password in the address",
    },
    "email": {
        "SMTP 535": "user name or password are wrong",
        "STARTTLS": "the server offers no encryption on this port; tls: tls is for port 465",
        "certificate verify failed": "nobody known signed the certificate: SSL_CERT_FILE names other authorities",
    },
}
_ALL_HINTS = {
    "secret file": "nothing was sent: mount the file, or see that it may be read",
    "cannot resolve": "the name is not known here: DNS, or a NetworkPolicy without port 53",
    "ConnectTimeout": "nothing answers: a firewall, a NetworkPolicy or a missing proxy",
}


def explained(kind: str, outcome: Outcome) -> str:
    """Return one line: the meaning of the outcome, what the receiver said, and what to do about it."""
    said = f" ({outcome.detail})" if outcome.detail else ""
    hints = {**_HINTS.get(kind, {}), **_ALL_HINTS}
    hint = next((text for piece, text in hints.items() if piece in outcome.detail), "")
    wait = f"; it asks for {outcome.wait.total_seconds():.0f} s" if outcome.wait else ""
    return f"{outcome.kind}: {_MEANINGS[outcome.kind]}{said}{wait}" + (f"; {hint}" if hint else "")
