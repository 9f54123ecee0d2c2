"""
What a report says to people: a subject, and a text that names every recipient, tells why in the
words of whoever said it, and what happens next.

Lines are wrapped at 72; only what has no space, an address or a link, is longer.  Where the text
goes to a page that shows it in another direction than it is written, it stays in its order: the
controls for that are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from textwrap import wrap

from pymta.message.dates import format_date
from pymta.message.dsn import Action, Letter, RecipientStatus, Typed, cleaned

__all__ = ["paragraphs", "subject"]

_WIDTH = 72
_DIRECTIONS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")

_TITLES = {
    Action.FAILED: "Not delivered: your message to {}",
    Action.DELAYED: "Delayed: your message to {}",
    Action.DELIVERED: "Delivered: your message to {}",
    Action.RELAYED: "Passed on: your message to {}",
    Action.EXPANDED: "Delivered: your message to {}",
}
_NEWS = {
    Action.FAILED: "Your message could not be delivered to {}:",
    Action.DELAYED: "Your message has not been delivered yet to {}:",
    Action.DELIVERED: "Your message has reached {}:",
    Action.RELAYED: "Your message has left this system for {}:",
    Action.EXPANDED: "Your message has reached {}:",
}
_NEXT = {
    Action.FAILED: "It will not be tried again.",
    Action.DELAYED: (
        "It is tried again and again, and you need not send it once more. "
        "You will hear of it if it fails for good."
    ),
    Action.DELIVERED: "You asked for this report when you sent it.",
    Action.RELAYED: "You asked for this report when you sent it.",
    Action.EXPANDED: "You asked for this report when you sent it.",
}


def subject(letter: Letter) -> str:
    """One line, which names the recipient if it is one."""
    recipients = letter.dsn.recipients
    if len(recipients) == 1:
        return _TITLES[letter.action].format(_shown(_asked_for(recipients[0])))
    return _TITLES[letter.action].format(f"{len(recipients)} recipients")


def paragraphs(letter: Letter, *, enclosed: str) -> Iterator[str]:
    """
    The text, piece by piece; lines end with LF.

    :param enclosed: a sentence on what of the message is returned.
    """
    recipients = letter.dsn.recipients
    count = "this recipient" if len(recipients) == 1 else f"these {len(recipients)} recipients"
    yield f"This is the mail system at {letter.dsn.reporting_mta.text}.\n\n"
    yield _wrapped(_NEWS[letter.action].format(count)) + "\n"
    for recipient, reason in zip(recipients, letter.reasons, strict=True):
        yield _recipient(recipient, reason) + "\n"
    yield _wrapped(f"{_NEXT[letter.action]} {enclosed}") + "\n"
    yield _about(letter)


def _recipient(recipient: RecipientStatus, reason: str) -> str:
    name = _shown(recipient.final)
    asked = _shown(_asked_for(recipient))
    lines = _wrapped(name if asked == name else f"{name} (you wrote to {asked})", "  ")
    for text in (reason, _prospect(recipient)):
        lines += _wrapped(text, "    ") if text else ""
    return lines


def _asked_for(recipient: RecipientStatus) -> Typed:
    original = recipient.original
    return recipient.final if original is None or original.address is None else original


def _prospect(recipient: RecipientStatus) -> str:
    match recipient.action:
        case Action.DELAYED if recipient.will_retry_until is not None:
            return f"It will be tried until {format_date(recipient.will_retry_until)}."
        case Action.RELAYED:
            return "The next system does not report deliveries: this is the last you hear of it."
        case Action.EXPANDED:
            return "It was passed on to several people; you will hear of failures only."
    return ""


def _about(letter: Letter) -> str:
    original = letter.original
    told = [
        ("Subject:", original.subject),
        ("Date:", original.date),
        ("Message-ID:", original.message_id),
        ("Queue id:", letter.queue_id),
    ]
    known = "".join(f"  {name:<12}{_plain(text)}\n" for name, text in told if text)
    return f"About your message:\n\n{known}"


def _shown(typed: Typed) -> str:
    return _plain(typed.text)


def _plain(text: str) -> str:
    return cleaned(_DIRECTIONS.sub("", text))


def _wrapped(text: str, indent: str = "") -> str:
    lines = wrap(
        _plain(text),
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "".join(f"{line}\n" for line in lines)
