"""
pymta: the mail server that you can import.

The names that an application uses every day are found here, each loaded from its
own module when it is first asked for: importing :mod:`pymta`, or any module of the
ground (:mod:`pymta.wire`, :mod:`pymta.message`, the values), loads no Twisted.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pymta._version import __version__

if TYPE_CHECKING:
    from pymta.address import Address
    from pymta.components.receiving import receive
    from pymta.components.system import MailSystem
    from pymta.edge.listening import Listening
    from pymta.envelope import Envelope, Recipient, Sender
    from pymta.errors import Refused
    from pymta.inbound.taking import ReceivedMail
    from pymta.reply import Reply
    from pymta.service import MailService
    from pymta.session import Session

__all__ = [
    "Address",
    "Envelope",
    "Listening",
    "MailService",
    "MailSystem",
    "ReceivedMail",
    "Recipient",
    "Refused",
    "Reply",
    "Sender",
    "Session",
    "__version__",
    "receive",
]

_HOMES = {
    "Address": "pymta.address",
    "Envelope": "pymta.envelope",
    "Listening": "pymta.edge.listening",
    "MailService": "pymta.service",
    "MailSystem": "pymta.components.system",
    "ReceivedMail": "pymta.inbound.taking",
    "Recipient": "pymta.envelope",
    "Refused": "pymta.errors",
    "Reply": "pymta.reply",
    "Sender": "pymta.envelope",
    "Session": "pymta.session",
    "receive": "pymta.components.receiving",
}


def __getattr__(name: str) -> Any:
    try:
        home = _HOMES[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
