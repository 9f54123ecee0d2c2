"""
What a POP3 server offers beyond the minimum, as values registered with its machine.

A capability is its line in the CAPA response and the verbs that come with it.  While it gives no
line, it is not announced and its verbs are refused: what is announced works, and nothing else
does.  One that is available in the AUTHORIZATION state is announced in both
(:rfc:`2449#section-5`); only STLS is not (:rfc:`2595#section-8`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from pymta.wire.pop3 import verbs
from pymta.wire.pop3.state import State, Status
from pymta.wire.pop3.verbs import Verb

__all__ = [
    "AUTH_RESP_CODE",
    "LANG",
    "PIPELINING",
    "RESP_CODES",
    "STLS",
    "TOP",
    "UIDL",
    "UTF8",
    "Capability",
    "expire",
    "fixed",
    "implementation",
    "login_delay",
    "sasl",
    "user",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """
    :param name: its tag.
    :param text: its line now, beginning with the tag; None: not offered now.
    :param verbs: the commands it adds.
    """

    name: str
    text: Callable[[Status], str | None]
    verbs: tuple[Verb, ...] = ()


def fixed(line: str, *verbs: Verb) -> Capability:
    """One that is offered always, in the same words."""
    return Capability(name=line.partition(" ")[0], text=lambda _status: line, verbs=verbs)


def _utf8(status: Status) -> str:
    # RFC 6856 section 2.2
    return "UTF8 USER" if status.utf8_logins else "UTF8"


def _stls(status: Status) -> str | None:
    # RFC 2595 section 4: present *and permitted in the current state*
    return "STLS" if status.state is State.AUTHORIZATION and not status.tls else None


TOP: Final = fixed("TOP", verbs.TOP)  # RFC 2449 section 6.1
UIDL: Final = fixed("UIDL", verbs.UIDL)  # RFC 2449 section 6.8
RESP_CODES: Final = fixed("RESP-CODES")  # RFC 2449 section 6.4
PIPELINING: Final = fixed("PIPELINING")  # RFC 2449 section 6.6
AUTH_RESP_CODE: Final = fixed("AUTH-RESP-CODE")  # RFC 3206 section 6
LANG: Final = fixed("LANG", verbs.LANG)  # RFC 6856 section 3
UTF8: Final = Capability(name="UTF8", text=_utf8, verbs=(verbs.UTF8,))  # RFC 6856 section 2
STLS: Final = Capability(name="STLS", text=_stls, verbs=(verbs.STLS,))


def user(permitted: Callable[[Status], bool] = lambda status: status.tls) -> Capability:
    """
    USER and PASS (:rfc:`2449#section-6.2`).

    :param permitted: whether a password may be sent in the clear; by default only under TLS.
    """

    def text(status: Status) -> str | None:
        return "USER" if permitted(status) else None

    return Capability(name="USER", text=text, verbs=(verbs.USER, verbs.PASS))


def sasl(mechanisms: Callable[[Status], Sequence[str]]) -> Capability:
    """
    AUTH (:rfc:`5034#section-3`).

    :param mechanisms: those offered now, in upper case, the preferred first; it must give them
        after a login too, and without TLS none that sends a password
        (:rfc:`5034#section-4`).
    """

    def text(status: Status) -> str | None:
        names = mechanisms(status)
        return f"SASL {' '.join(names)}" if names else None

    return Capability(name="SASL", text=text, verbs=(verbs.AUTH,))


def implementation(text: str) -> Capability:
    """
    IMPLEMENTATION (:rfc:`2449#section-6.9`).
    """
    return fixed(f"IMPLEMENTATION {text}")


def expire(days: int | None, *, of_account: Callable[[], int | None] | None = None) -> Capability:
    """
    EXPIRE (:rfc:`2449#section-6.7`).

    :param days: for how long messages are kept at least; None: for ever.
    :param of_account: the same, of who is logged in, where accounts differ; ``days`` is then
        the smallest of all.
    """

    def words(value: int | None) -> str:
        return "NEVER" if value is None else str(value)

    return _differing("EXPIRE", words(days), of_account and (lambda: words(of_account())))


def login_delay(seconds: int, *, of_account: Callable[[], int] | None = None) -> Capability:
    """
    LOGIN-DELAY (:rfc:`2449#section-6.5`); to enforce it is up to who answers logins.

    :param of_account: the delay of who is logged in, where accounts differ; ``seconds`` is then
        the largest of all.
    """
    return _differing("LOGIN-DELAY", str(seconds), of_account and (lambda: str(of_account())))


def _differing(name: str, value: str, of_account: Callable[[], str] | None) -> Capability:
    def text(status: Status) -> str:
        if of_account is None:
            return f"{name} {value}"
        if status.state is State.AUTHORIZATION:
            # "USER" says that asking again after the login gives a better value.
            return f"{name} {value} USER"
        return f"{name} {of_account()}"

    return Capability(name=name, text=text)
