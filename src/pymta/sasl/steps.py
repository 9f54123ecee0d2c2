"""
What a SASL exchange says next: values, passed between a mechanism and whoever drives it.

A mechanism never looks anything up.  It *asks* (a :data:`Question`), is answered, and goes on;
it *challenges* the client; and it ends with :class:`Success` or :class:`Failure`.  What must
not be logged (passwords, tokens, keys) is left out of every ``repr``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

__all__ = [
    "Answer",
    "Authorize",
    "Challenge",
    "CheckExternal",
    "CheckPassword",
    "CheckToken",
    "Failure",
    "FetchPassword",
    "FetchSCRAM",
    "Question",
    "SCRAMSecret",
    "Step",
    "Success",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SCRAMSecret:
    """
    What a server keeps of a password for SCRAM (:rfc:`5802#section-3`).

    Whoever reads it cannot log in with it, but can guess passwords offline, and can pretend to
    be this server.  It belongs to one hash function; :func:`pymta.sasl.derive` makes it.
    """

    salt: bytes
    iterations: int
    stored_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)


Answer: TypeAlias = bool | str | SCRAMSecret | None
"""What ``answer`` takes; each question says which of these."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """Send ``data`` to the client; its reply goes to ``respond``."""

    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPassword:
    """
    Is this the password of that user?  Both come prepared (:rfc:`4013`): what is compared with
    them must be, too.

    Answer: True or False; or, for yes, the account's own name where the store knows better
    (``alice`` -> ``alice@example.test``).  An unknown user is a False that took as long.

    :param authzid: whom the client wants to act as; empty for itself.  Whether it may is asked
        afterwards, by :class:`Authorize`.
    """

    answers: ClassVar[tuple[type, ...]] = (bool, str)

    username: str
    password: str = field(repr=False)
    authzid: str = ""


@dataclass(frozen=True, slots=True)
class FetchSCRAM:
    """
    What is kept of that user's password?

    Answer: the secret for this hash function; None for an unknown user, or one who has none:
    the exchange then goes on to its end with a decoy, and fails there.

    :param hash_name: as in the mechanism's name: ``"SHA-256"``, ``"SHA-1"``.
    """

    answers: ClassVar[tuple[type, ...]] = (SCRAMSecret,)

    username: str
    hash_name: str


@dataclass(frozen=True, slots=True)
class FetchPassword:
    """
    What is that user's password, in clear text?

    Answer: the password, or None for an unknown user: the exchange goes on and fails.
    """

    answers: ClassVar[tuple[type, ...]] = (str,)

    username: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckToken:
    """
    Is this OAuth bearer token good, and whose is it?

    Answer: the name of the account that it belongs to; True if that is ``username``; False.

    :param username: whom the client says it is; empty if it leaves that to the token.
    :param host: the server's name as the client knows it, if it said so.
    :param port: likewise.
    """

    answers: ClassVar[tuple[type, ...]] = (bool, str)

    token: str = field(repr=False)
    username: str
    host: str | None = None
    port: int | None = None


@dataclass(frozen=True, slots=True)
class CheckExternal:
    """
    May the holder of this verified certificate log in?

    Answer: the name of its account; True if that is ``peer_name``; False.  Whether it may act
    as ``authzid``, if that is another, is asked afterwards, by :class:`Authorize`.
    """

    answers: ClassVar[tuple[type, ...]] = (bool, str)

    authzid: str
    peer_name: str


@dataclass(frozen=True, slots=True)
class Authorize:
    """
    May ``authcid``, who has proved to be just that, act as ``authzid``?

    Answer: True or False; or, for yes, the own name of the account that ``authzid`` means.
    """

    answers: ClassVar[tuple[type, ...]] = (bool, str)

    authcid: str
    authzid: str


@dataclass(frozen=True, slots=True)
class Success:
    """
    The client is who it says.

    :param identity: whom it acts as from now on.
    :param data: what the client is told with the success; where the protocol has no place for
        that, :class:`pymta.sasl.LastChallenge` makes a challenge of it.
    """

    identity: str
    data: bytes | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """
    The client is not let in.

    :param reason: for the log only: the peer is told one sentence for all reasons.  It holds
        neither names nor credentials.
    :param malformed: the message breaks the mechanism's grammar (501, BAD); otherwise what it
        proves is not enough (535, NO).
    """

    reason: str
    malformed: bool = False


Question: TypeAlias = (
    CheckPassword | FetchSCRAM | FetchPassword | CheckToken | CheckExternal | Authorize
)

Step: TypeAlias = Challenge | Question | Success | Failure
