"""
Values of the queue as JSON columns, and back.

Each text carries a version, so that every later release can read what this one wrote.  Keys are
short because there is a row for each recipient; what is at its default is left out.  Facts
(``extra`` of a sender or recipient, ``facts`` of a session) are objects of other people's and are
not kept: what must outlive a restart belongs into a header field or a table of its owner's.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from pymta.address import Address
from pymta.envelope import (
    Body,
    Notify,
    OriginalRecipient,
    Recipient,
    RecipientID,
    Return,
    Sender,
)
from pymta.interfaces.content import Lane, Origin
from pymta.reply import Reply
from pymta.session import TLS, Endpoint, Role, Session

__all__ = [
    "decode_lane",
    "decode_origin",
    "decode_recipient",
    "decode_reply",
    "decode_sender",
    "encode_lane",
    "encode_origin",
    "encode_recipient",
    "encode_reply",
    "encode_sender",
]

VERSION = 1

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def encode_lane(lane: Lane) -> str:
    """
    A lane as a key of indexes.

    :raises ValueError: the name of its agent has a tab in it.
    """
    if "\t" in lane.agent:
        raise ValueError(f"no name of a delivery agent: {lane.agent!r}")
    return f"{lane.agent}\t{lane.next_hop}"


def decode_lane(text: str) -> Lane:
    """The lane."""
    agent, _, next_hop = text.partition("\t")
    return Lane(agent, next_hop)


def encode_reply(reply: Reply) -> str:
    """A reply."""
    return _dumps([VERSION, reply.code, reply.status, reply.text])


def decode_reply(text: str) -> Reply:
    """:raises ValueError: a version that this release does not know."""
    version, *fields = json.loads(text)
    _check(version)
    return Reply(*fields)


def encode_recipient(recipient: Recipient) -> str:
    """A recipient, without its id, which has a column of its own."""
    values: dict[str, Any] = {"v": VERSION, "a": _address(recipient.address)}
    if recipient.notify is not None:
        values["n"] = recipient.notify.value
    if recipient.orcpt is not None:
        values["o"] = [recipient.orcpt.type, recipient.orcpt.text]
    return _dumps(values)


def decode_recipient(number: int, text: str) -> Recipient:
    """:raises ValueError: a version that this release does not know."""
    values = json.loads(text)
    _check(values["v"])
    notify, orcpt = values.get("n"), values.get("o")
    return Recipient(
        id=RecipientID(number),
        address=Address(*values["a"]),
        notify=None if notify is None else Notify(notify),
        orcpt=None if orcpt is None else OriginalRecipient(*orcpt),
    )


def encode_sender(sender: Sender) -> str:
    """A sender."""
    return _dumps({"v": VERSION, **_sender(sender)})


def decode_sender(text: str) -> Sender:
    """:raises ValueError: a version that this release does not know."""
    values = json.loads(text)
    _check(values["v"])
    return _sender_of(values)


def encode_origin(origin: Origin) -> str:
    """An origin: the connection, and what its MAIL said."""
    return _dumps(
        {"v": VERSION, "session": _session(origin.session), "sender": _sender(origin.sender)}
    )


def decode_origin(text: str) -> Origin:
    """:raises ValueError: a version that this release does not know."""
    values = json.loads(text)
    _check(values["v"])
    return Origin(_session_of(values["session"]), _sender_of(values["sender"]))


def _check(version: object) -> None:
    if version != VERSION:
        raise ValueError(f"written by another release: version {version}")


def _address(address: Address) -> list[str]:
    return [address.local, address.domain]


def _sender(sender: Sender) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if sender.reverse_path is not None:
        values["a"] = _address(sender.reverse_path)
    if sender.size is not None:
        values["size"] = sender.size
    if sender.body is not Body.SEVEN_BIT:
        values["body"] = sender.body.value
    if sender.smtputf8:
        values["utf8"] = 1
    if sender.ret is not None:
        values["ret"] = sender.ret.value
    if sender.envid is not None:
        values["envid"] = sender.envid
    if sender.auth is not None:
        values["auth"] = sender.auth
    return values


def _sender_of(values: dict[str, Any]) -> Sender:
    address, ret = values.get("a"), values.get("ret")
    return Sender(
        reverse_path=None if address is None else Address(*address),
        size=values.get("size"),
        body=Body(values.get("body", Body.SEVEN_BIT.value)),
        smtputf8="utf8" in values,
        ret=None if ret is None else Return(ret),
        envid=values.get("envid"),
        auth=values.get("auth"),
    )


def _session(session: Session) -> dict[str, Any]:
    values = {
        "id": session.id,
        "role": session.role.value,
        "peer": _endpoint(session.peer),
        "local": _endpoint(session.local),
        "started": (session.started - _EPOCH) // timedelta(microseconds=1),
        "proxy": None if session.proxy is None else _endpoint(session.proxy),
        "name": session.name,
        "helo": session.helo or None,
        "extended": session.extended or None,
        "tls": None if session.tls is None else _tls(session.tls),
        "identity": session.identity,
        "mechanism": session.mechanism,
    }
    return {key: value for key, value in values.items() if value is not None}


def _session_of(values: dict[str, Any]) -> Session:
    proxy, tls = values.get("proxy"), values.get("tls")
    return Session(
        id=values["id"],
        role=Role(values["role"]),
        peer=Endpoint(*values["peer"]),
        local=Endpoint(*values["local"]),
        started=_EPOCH + timedelta(microseconds=values["started"]),
        proxy=None if proxy is None else Endpoint(*proxy),
        name=values.get("name"),
        helo=values.get("helo", ""),
        extended=values.get("extended", False),
        tls=None if tls is None else _tls_of(tls),
        identity=values.get("identity"),
        mechanism=values.get("mechanism"),
    )


def _endpoint(endpoint: Endpoint) -> list[Any]:
    return [endpoint.host, endpoint.port]


def _tls(tls: TLS) -> list[Any]:
    return [tls.version, tls.cipher, tls.server_name, tls.peer_name]


def _tls_of(values: list[Any]) -> TLS:
    version, cipher, server_name, peer_name = values
    return TLS(version=version, cipher=cipher, server_name=server_name, peer_name=peer_name)
