"""
XCLIENT and XFORWARD: what a listed peer says of the client it speaks for, as Postfix has them.

XCLIENT replaces the session (its client is ours from now on); XFORWARD adds to what is logged.
Only listed peers are offered them at all (S21).
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

from pymta.edge.peers import unmapped
from pymta.errors import RemoteProtocolError
from pymta.facts import NO_FACTS, FactKey
from pymta.reply import Reply
from pymta.session import Endpoint, Session
from pymta.wire.smtp.events import Command
from pymta.wire.smtp.grammar import decode_attributes

__all__ = ["FORWARDED", "forwarded", "is_forwarded", "unforwarded"]

FORWARDED = FactKey[tuple[tuple[str, str], ...]]("forwarded")
"""What XFORWARD said of the next message's first client, in the order it came."""

_NOBODY = Endpoint("unknown")
_UNKNOWN = {"[UNAVAILABLE]", "[TEMPUNAVAIL]"}
_MOST = 255


def forwarded(session: Session, command: Command) -> Session:
    """
    The session with what the command says.

    :raises RemoteProtocolError: with the reply, for what is no attribute or no value.
    """
    attributes = tuple(decode_attributes(command.argument).items())
    if any(not value or len(value) > _MOST for _, value in attributes):
        raise _bad("a value is empty or too long")
    if command.verb == "XFORWARD":
        known = session.facts.get(FORWARDED) or ()
        return replace(session, facts=session.facts.with_(FORWARDED, known + attributes))
    # What is known of the peer, and who it logged in as, says nothing of its client.
    session = replace(
        session, name=None, helo="", extended=False, identity=None, mechanism=None, facts=NO_FACTS
    )
    for name, value in attributes:
        session = _apply(session, name, value)
    return session


def is_forwarded(session: Session) -> bool:
    """Whether XFORWARD spoke of the next message."""
    known = session.facts.get(FORWARDED)
    return bool(known)


def unforwarded(session: Session) -> Session:
    """The session without what XFORWARD said of a message that is over (S06)."""
    return replace(session, facts=session.facts.with_(FORWARDED, ()))


def _apply(session: Session, name: str, value: str) -> Session:
    known = value.upper() not in _UNKNOWN
    match name:
        case "NAME":
            return replace(session, name=value if known else None)
        case "ADDR":
            return replace(session, peer=_endpoint(value, session.peer.port) if known else _NOBODY)
        case "PORT":
            return replace(session, peer=Endpoint(session.peer.host, _port(value) if known else 0))
        case "DESTADDR" if known:
            return replace(session, local=_endpoint(value, session.local.port))
        case "DESTPORT" if known:
            return replace(session, local=Endpoint(session.local.host, _port(value)))
        case "HELO":
            return replace(session, helo=value if known else "")
        case "LOGIN":
            return replace(session, identity=value if known else None)
        case "PROTO" | "DESTADDR" | "DESTPORT":
            return session
    raise _bad(f"unknown attribute {name[:20]}")


def _endpoint(value: str, port: int) -> Endpoint:
    text = value[5:] if value[:5].upper() == "IPV6:" else value
    try:
        return Endpoint(unmapped(str(ip_address(text))), port)
    except ValueError:
        raise _bad("malformed address") from None


def _port(value: str) -> int:
    if not value.isascii() or not value.isdigit() or not 0 < int(value) < 65536:
        raise _bad("malformed port")
    return int(value)


def _bad(why: str) -> RemoteProtocolError:
    return RemoteProtocolError(why, Reply(501, "5.5.4", f"Bad command parameter: {why}"))
