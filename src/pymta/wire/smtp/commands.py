"""
What a command means where the dialogue stands: a question for whoever serves, or a reply.

Nothing is written here and no state is changed.  What the client did wrong is raised as
:class:`~pymta.errors.RemoteProtocolError` with its answer, and counted by the machine.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import Enum
from types import MappingProxyType
from typing import Final, TypeVar

from pymta.envelope import Body, Recipient, Sender
from pymta.errors import Refused, RemoteProtocolError
from pymta.reply import Reply
from pymta.session import Role
from pymta.wire.smtp import answers
from pymta.wire.smtp.events import (
    Auth,
    Command,
    ContentBegins,
    ExpandList,
    Hello,
    Mail,
    Question,
    Rcpt,
    StartTLS,
    Verify,
)
from pymta.wire.smtp.extensions import ExtensionTable, Parameter, Standing
from pymta.wire.smtp.grammar import (
    Parameters,
    parse_hello,
    parse_local_rcpt,
    parse_mail,
    parse_rcpt,
)
from pymta.wire.smtp.limits import Limits
from pymta.wire.smtp.state import IN_TRANSACTION, Dialogue, State

__all__ = ["Commands", "Requirement", "decode_base64"]

Subject = TypeVar("Subject", Sender, Recipient)

# Verbs of another protocol, which browsers can be made to send here: going on would run the
# lines of their body as ours.
_FOREIGN = frozenset(("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"))
# RFC 5321 section 4.2.4: 502 for what is known and not implemented, 500 for what is unknown.
_KNOWN = frozenset(("ETRN", "SAML", "SEND", "SOML", "TURN", "XCLIENT", "XFORWARD"))
_BEHIND_HELLO = frozenset(("MAIL", "RCPT", "DATA", "AUTH", "STARTTLS"))
# RFC 3207 section 4: all but NOOP, EHLO, STARTTLS and QUIT; RSET and HELP harm nobody.
_BEFORE_TLS = frozenset(("NOOP", "EHLO", "HELO", "LHLO", "STARTTLS", "HELP"))
# RFC 4954 section 6, "530".
_BEHIND_LOGIN = frozenset(("MAIL", "RCPT", "DATA", "VRFY", "EXPN"))


class Requirement(Enum):
    """What a client has to do before it may send mail (530 5.7.0)."""

    TLS = "tls"
    LOGIN = "login"


def _wrong(reply: Reply) -> RemoteProtocolError:
    return RemoteProtocolError(reply.text, reply)


class Commands:
    """
    The commands of one connection.

    :param dialogue: where it stands; read, not changed.
    """

    def __init__(
        self,
        *,
        dialogue: Dialogue,
        role: Role,
        extensions: ExtensionTable,
        limits: Limits,
        requirements: frozenset[Requirement],
    ) -> None:
        self._dialogue = dialogue
        self._role = role
        self._extensions = extensions
        self._limits = limits
        self._requirements = requirements

    def standing(self) -> Standing:
        """What extensions may know."""
        return Standing(
            role=self._role,
            in_tls=self._dialogue.in_tls,
            authenticated=self._dialogue.authenticated,
            limits=self._limits,
            tls=self._dialogue.tls,
        )

    def understand(self, verb: str, argument: str) -> Question | Reply:
        """
        Say what a command means.

        :returns: what to ask, or what to answer; 421 closes.
        :raises RemoteProtocolError: with the reply, for what the client did wrong.
        """
        command = _COMMANDS.get(verb)
        if command is None:
            return self._other(verb, argument)
        self._require(verb)
        if not self._dialogue.can(verb):
            raise _wrong(self._out_of_place(verb))
        return command(self, argument)

    def _other(self, verb: str, argument: str) -> Question | Reply:
        if verb not in self._extensions.verbs:
            if verb in _FOREIGN:
                return answers.WRONG_PROTOCOL
            if not verb:
                raise _wrong(answers.EMPTY)
            raise _wrong(answers.NOT_IMPLEMENTED if verb in _KNOWN else answers.UNKNOWN)
        self._require(verb)
        if self._dialogue.state in IN_TRANSACTION:
            raise _wrong(answers.BAD_SEQUENCE)
        return Command(verb, argument)

    def _require(self, verb: str) -> None:
        wanted = self._requirements
        if not wanted:
            return
        if Requirement.TLS in wanted and not self._dialogue.in_tls and verb not in _BEFORE_TLS:
            raise _wrong(answers.TLS_FIRST)
        if (
            Requirement.LOGIN in wanted
            and not self._dialogue.authenticated
            and verb in _BEHIND_LOGIN
        ):
            raise _wrong(answers.LOGIN_FIRST)

    def _out_of_place(self, verb: str) -> Reply:
        state = self._dialogue.state
        if state is State.FRESH and verb in _BEHIND_HELLO:
            return answers.SAY_HELLO
        if state is State.FAILED:
            return answers.SAY_RSET
        if state is State.READY:
            return answers.NO_TRANSACTION
        return answers.NO_RECIPIENTS if verb == "DATA" else answers.BAD_SEQUENCE

    # -- the session -------------------------------------------------------------------------

    def _ehlo(self, argument: str) -> Question | Reply:
        return self._hello("EHLO", argument)

    def _helo(self, argument: str) -> Question | Reply:
        return self._hello("HELO", argument)

    def _lhlo(self, argument: str) -> Question | Reply:
        return self._hello("LHLO", argument)

    def _hello(self, verb: str, argument: str) -> Question:
        # RFC 2033 section 4.1: LMTP has LHLO in place of both, and SMTP has no LHLO.
        if (verb == "LHLO") is not (self._role is Role.LMTP):
            raise _wrong(answers.SAY_LHLO if self._role is Role.LMTP else answers.NO_LMTP)
        return Hello(verb, parse_hello(argument))

    def _noop(self, argument: str) -> Question | Reply:
        # RFC 5321 section 4.1.1.9: a string may follow, and is ignored.
        return answers.OK

    def _help(self, argument: str) -> Question | Reply:
        self._need("HELP")
        return answers.HELP

    def _starttls(self, argument: str) -> Question | Reply:
        self._need("STARTTLS")
        if self._dialogue.in_tls:
            raise _wrong(answers.ALREADY_TLS)
        # RFC 3207 section 4: no parameters.
        if argument:
            raise _wrong(answers.NO_ARGUMENT)
        return StartTLS()

    def _need(self, verb: str) -> None:
        if verb not in self._extensions.verbs:
            raise _wrong(answers.NOT_IMPLEMENTED)

    # auth-command = "AUTH" SP sasl-mech [ SP initial-response ] *( CRLF [base64] ) [ CRLF "*" ]
    # initial-response = base64 / "="                               ; RFC 4954 section 8
    def _auth(self, argument: str) -> Question | Reply:
        self._need("AUTH")
        # RFC 4954 section 4: once a session; and an extension needs EHLO.
        if self._dialogue.authenticated:
            raise _wrong(answers.ALREADY_LOGGED_IN)
        if not self._dialogue.esmtp:
            raise _wrong(answers.SAY_HELLO)
        if self._dialogue.failed_tries >= self._limits.auth_tries:
            return answers.TOO_MANY_TRIES
        name, _, response = argument.partition(" ")
        mechanism = name.upper()
        self._offer(mechanism)
        if not response:
            return Auth(mechanism, None)
        # A zero-length initial response is said by "=".
        return Auth(mechanism, b"" if response == "=" else decode_base64(response.encode()))

    def _offer(self, mechanism: str) -> None:
        if not mechanism:
            raise _wrong(answers.ARGUMENT)
        extension = self._extensions.keywords["AUTH"]
        standing = self.standing()
        if mechanism in (extension.announce(standing) or "").split():
            return
        inside = extension.announce(replace(standing, in_tls=True)) or ""
        raise _wrong(
            answers.TLS_FOR_MECHANISM if mechanism in inside.split() else answers.NO_MECHANISM
        )

    # -- the transaction ---------------------------------------------------------------------

    def _mail(self, argument: str) -> Question | Reply:
        if self._limits.mails is not None and self._dialogue.mails >= self._limits.mails:
            return answers.TOO_MANY_MAILS
        path, parameters = parse_mail(argument)
        sender = Sender(reverse_path=path)
        if parameters:
            sender = self._parse_parameters(sender, parameters, self._extensions.mail)
            limit = self._limits.message_size
            # RFC 1870 section 6.1.
            if sender.size is not None and limit is not None and sender.size > limit:
                return answers.TOO_BIG
            # RFC 4954 section 5: what an unauthenticated client says counts as "<>".
            if sender.auth and not self._dialogue.authenticated:
                sender = replace(sender, auth="")
        if path is not None and not sender.smtputf8 and not path.is_ascii:
            raise _wrong(answers.NOT_ASCII)
        return Mail(sender)

    def _rcpt(self, argument: str) -> Question | Reply:
        transaction = self._dialogue.transaction
        assert transaction is not None
        parse = parse_local_rcpt if self._role is Role.LMTP else parse_rcpt
        address, parameters = parse(argument)
        if not transaction.sender.smtputf8 and not address.is_ascii:
            raise _wrong(answers.NOT_ASCII)
        if transaction.accepted >= self._limits.recipients:
            return answers.TOO_MANY_RECIPIENTS
        domains = self._limits.recipient_domains
        if (
            domains is not None
            and len(transaction.domains) >= domains
            and address.ascii_domain not in transaction.domains
        ):
            return answers.TOO_MANY_DOMAINS
        recipient = Recipient(id=transaction.next_id, address=address)
        if parameters:
            recipient = self._parse_parameters(recipient, parameters, self._extensions.rcpt)
        return Rcpt(recipient)

    def _data(self, argument: str) -> Question | Reply:
        if argument:
            raise _wrong(answers.NO_ARGUMENT)
        transaction = self._dialogue.transaction
        assert transaction is not None
        # RFC 3030 section 3: binary content does not go by DATA.
        if transaction.sender.body is Body.BINARY:
            raise _wrong(answers.BINARY_BY_DATA)
        return ContentBegins()

    def _parse_parameters(
        self,
        subject: Subject,
        parameters: Parameters,
        known: Mapping[str, Sequence[Parameter[Subject]]],
    ) -> Subject:
        for keyword, value in parameters:
            # RFC 5321 section 4.1.1.11; after HELO no extension is in use.
            if keyword not in known or not self._dialogue.esmtp:
                raise _wrong(answers.UNKNOWN_PARAMETER)
            subject = _parse_parameter(subject, value, known[keyword])
        return subject

    # -- looking up --------------------------------------------------------------------------

    def _vrfy(self, argument: str) -> Question | Reply:
        text, smtputf8 = self._parse_string(argument)
        if "VRFY" not in self._extensions.verbs:
            # RFC 5321 section 3.5.3.
            return answers.CANNOT_VERIFY
        return Verify(text, smtputf8)

    def _expn(self, argument: str) -> Question | Reply:
        self._need("EXPN")
        return ExpandList(*self._parse_string(argument))

    # vrfy = "VRFY" SP String [ SP "SMTPUTF8" ] CRLF       ; RFC 6531 section 3.7.4.2
    def _parse_string(self, argument: str) -> tuple[str, bool]:
        text, _, parameter = argument.rpartition(" ")
        if parameter.upper() == "SMTPUTF8" and text and "SMTPUTF8" in self._extensions:
            return text.rstrip(" "), True
        if not argument:
            raise _wrong(answers.ARGUMENT)
        if not argument.isascii():
            raise _wrong(answers.NOT_ASCII)
        return argument, False


def _parse_parameter(
    subject: Subject, value: str | None, parameters: Sequence[Parameter[Subject]]
) -> Subject:
    for parameter in parameters:
        try:
            return parameter.parse(subject, value)
        except Refused as refused:
            raise _wrong(refused.reply) from None
        except ValueError:
            continue
    raise _wrong(Reply(501, "5.5.4", f"Bad value of {parameters[0].keyword}"))


def decode_base64(text: bytes) -> bytes:
    """
    Decode what a client said in AUTH.

    :raises RemoteProtocolError: for octets outside of the alphabet, and for padding anywhere but
        at the end (:rfc:`4954#section-4`).
    """
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error:
        raise _wrong(answers.BAD_BASE64) from None


_COMMANDS: Final[Mapping[str, Callable[[Commands, str], Question | Reply]]] = MappingProxyType(
    {
        "EHLO": Commands._ehlo,
        "HELO": Commands._helo,
        "LHLO": Commands._lhlo,
        "MAIL": Commands._mail,
        "RCPT": Commands._rcpt,
        "DATA": Commands._data,
        "NOOP": Commands._noop,
        "HELP": Commands._help,
        "VRFY": Commands._vrfy,
        "EXPN": Commands._expn,
        "STARTTLS": Commands._starttls,
        "AUTH": Commands._auth,
    }
)
