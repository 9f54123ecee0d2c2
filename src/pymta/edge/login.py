"""
Logins of every protocol: SASL (:rfc:`4422`), USER and PASS, APOP, all through a cred portal.

What the portal takes decides what is offered: one that only checks passwords makes PLAIN, LOGIN
and USER possible; secrets, tokens and certificates add the rest.  Nothing is offered where
others can listen: without TLS only hosts that are listed may log in.  Whatever an application's
checker does, it either knows, or nobody can tell: the latter is never counted as a wrong
password.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import ParamSpec, TypeAlias, TypeVar, assert_never

from twisted.cred.credentials import UsernamePassword
from twisted.cred.error import LoginDenied, UnauthorizedLogin
from twisted.cred.portal import Portal
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pymta.aio import CancelledError, sleep, timeout
from pymta.edge.login_credentials import VerifiedIdentity, completed, folded
from pymta.edge.login_limits import LoginLimits
from pymta.edge.login_offer import Offer
from pymta.edge.peers import LOOPBACK, Peers
from pymta.edge.talk import tell
from pymta.errors import NoSuchAccount, PymtaError, Refused, TooManyWaiting, Unauthorized
from pymta.events import Event, LoggedIn, LoginFailed
from pymta.interfaces.accounts import (
    IClearTextPasswords,
    IMailAccount,
    ISCRAMSecrets,
    ITokenChecker,
)
from pymta.interfaces.observe import IObserver
from pymta.reply import Reply
from pymta.sasl import (
    CERTIFICATE_CHECK,
    CLEARTEXT_SECRET,
    MECHANISMS,
    PASSWORD_CHECK,
    SCRAM_SHA_1_SECRET,
    SCRAM_SHA_256_SECRET,
    TLS_EXPORTER,
    TOKEN_CHECK,
    Answer,
    Authorize,
    Challenge,
    Channel,
    CheckExternal,
    CheckPassword,
    CheckToken,
    Decoy,
    Failure,
    FetchPassword,
    FetchSCRAM,
    LastChallenge,
    Mechanism,
    Need,
    PreparationError,
    Question,
    SCRAMSecret,
    ServerExchange,
    ServerSide,
    Success,
    TokenHint,
    prepare_query,
    start,
)
from pymta.session import TLS, Session

__all__ = ["CertificateCheck", "Identity", "Login", "LoginCancelled", "Prompt"]

P = ParamSpec("P")
T = TypeVar("T")

Prompt: TypeAlias = Callable[[bytes], Awaitable[bytes]]
"""Sends a challenge and gives the client's response; raises :class:`LoginCancelled` for "*"."""

CertificateCheck: TypeAlias = Callable[[str], Awaitable[str | None]]
"""The account of the holder of a verified certificate, by the name in it; None for nobody's."""

NOT_OFFERED = Reply(504, "5.5.4", "Authentication mechanism not offered here")
MALFORMED = Reply(501, "5.5.2", "Malformed authentication message")

_log = Logger(namespace="pymta.login")


class LoginCancelled(PymtaError):
    """The client broke the exchange off (:rfc:`4954#section-4`: "*")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """
    Who logged in.

    :param name: the account's.
    :param logout: to be called, once, when the connection ends.
    """

    name: str
    account: IMailAccount
    mechanism: str
    logout: Callable[[], object]


@dataclass(slots=True, kw_only=True)
class _Attempt:
    """One try to log in, as far as it is known."""

    session: Session
    mechanism: str
    username: str | None = None
    password: str | None = None
    closed: bool = False
    identity: Identity | None = None


class Login:
    """
    What listeners ask to let somebody in.

    :param portal: its realm gives :class:`~pymta.interfaces.accounts.IMailAccount`.
    :param clock: for time limits and delays.
    :param hostname: ours, in challenges.
    :param random: so many octets, unpredictable.
    :param secrets: for SCRAM.
    :param passwords: for CRAM-MD5 and APOP.
    :param tokens: for OAUTHBEARER and XOAUTH2.
    :param certificates: for EXTERNAL.  All four need a portal that takes
        :class:`~pymta.edge.login_credentials.IVerifiedIdentity`, too.
    :param mechanisms: which may be offered, the preferred first.
    :param limits: on failures; None is no limit, and no delay.
    :param plaintext: who may log in without TLS, in any way.
    :param domain: of login names without ``@``.
    :param hint: for clients whose token is refused.
    :param seconds: for one question to the portal or a store.
    """

    def __init__(
        self,
        portal: Portal,
        *,
        clock: IReactorTime,
        hostname: str,
        random: Callable[[int], bytes],
        secrets: ISCRAMSecrets | None = None,
        passwords: IClearTextPasswords | None = None,
        tokens: ITokenChecker | None = None,
        certificates: CertificateCheck | None = None,
        mechanisms: Iterable[Mechanism] = MECHANISMS,
        limits: LoginLimits | None = None,
        plaintext: Peers = LOOPBACK,
        domain: str | None = None,
        hint: TokenHint | None = None,
        observer: IObserver | None = None,
        seconds: float = 60,
    ) -> None:
        self._portal = portal
        self._clock = clock
        self._hostname = hostname
        self._random = random
        self._secrets = secrets
        self._passwords = passwords
        self._tokens = tokens
        self._certificates = certificates
        self._limits = limits
        self._plaintext = plaintext
        self._domain = domain
        self._hint = hint or TokenHint()
        self._observer = observer
        self._seconds = seconds
        self._offer = Offer(portal, _needs(secrets, passwords, tokens, certificates), mechanisms)

    # -- what is offered -----------------------------------------------------------

    def plaintext_allowed(self, host: str) -> bool:
        """Whether this peer may log in without TLS.  :param host: as in ``Endpoint.host``."""
        return host in self._plaintext

    def offered(self, tls: TLS | None, plaintext: bool) -> tuple[str, ...]:
        """
        SASL mechanisms for a connection as it is now, the preferred first; cheap.

        :param plaintext: what :meth:`plaintext_allowed` said of the peer.
        """
        return tuple(self._offer.of(tls, secure=tls is not None or plaintext))

    @property
    def can_check_password(self) -> bool:
        """Whether USER and PASS (IMAP's LOGIN) can work."""
        return PASSWORD_CHECK in self._offer.provided()

    @property
    def can_apop(self) -> bool:
        """Whether APOP can work."""
        return CLEARTEXT_SECRET in self._offer.provided()

    # -- logging in ------------------------------------------------------------------

    async def authenticate(
        self,
        mechanism: str,
        initial: bytes | None,
        *,
        session: Session,
        prompt: Prompt,
        binding: bytes | None,
    ) -> Identity:
        """
        Run a SASL exchange.

        :param initial: the initial response, decoded; ``b""`` for "=", None where there is none.
        :param binding: the ``tls-exporter`` data of the connection, if it has some.
        :raises Unauthorized: no; ``transient`` where nobody can tell.
        :raises Refused: the mechanism is not offered, the message is malformed (501), or too
            many logins have failed (421: the connection should end).
        :raises LoginCancelled: the client did.
        """
        offer = self._offer.of(session.tls, secure=self._is_secure(session))
        exchange = start(offer, mechanism, side=self._side(session, binding))
        if exchange is None:
            raise Refused(NOT_OFFERED)
        attempt = _Attempt(session=session, mechanism=mechanism.upper())
        await self._admit(attempt)
        return await self._judged(
            attempt, self._exchanged(attempt, LastChallenge(exchange), initial, prompt)
        )

    async def check_password(
        self, username: str, password: str, *, session: Session, mechanism: str = "USER"
    ) -> Identity:
        """
        Log in by name and password (:rfc:`1939#section-7`, IMAP's LOGIN).

        :raises Unauthorized: :raises Refused: as :meth:`authenticate`.
        """
        if not (self.can_check_password and self._is_secure(session)):
            raise Refused(NOT_OFFERED)
        attempt = _Attempt(session=session, mechanism=mechanism)
        await self._admit(attempt)
        return await self._judged(attempt, self._by_password(attempt, username, password))

    async def check_digest(
        self, username: str, digest: bytes, timestamp: str, *, session: Session
    ) -> Identity:
        """
        Log in by APOP (:rfc:`1939#section-7`).

        :param digest: as sent: 32 hexadecimal digits in lower case.
        :param timestamp: of the greeting, with its angle brackets.
        :raises Unauthorized: :raises Refused: as :meth:`authenticate`.
        """
        if not (self.can_apop and self._is_secure(session)):
            raise Refused(NOT_OFFERED)
        attempt = _Attempt(session=session, mechanism="APOP")
        await self._admit(attempt)
        return await self._judged(attempt, self._by_digest(attempt, username, digest, timestamp))

    def _is_secure(self, session: Session) -> bool:
        return session.tls is not None or self.plaintext_allowed(session.peer.host)

    def _side(self, session: Session, binding: bytes | None) -> ServerSide:
        decoy = Decoy(key=self._random(32)) if self._secrets is None else self._secrets.decoy
        return ServerSide(
            hostname=self._hostname,
            random=self._random,
            decoy=decoy,
            channel=Channel(
                secure=True,
                bindings={TLS_EXPORTER: binding} if binding else {},
                peer_name=None if session.tls is None else session.tls.peer_name,
            ),
            hint=self._hint,
        )

    # -- one attempt -------------------------------------------------------------------

    async def _admit(self, attempt: _Attempt) -> None:
        if self._limits is None:
            return
        try:
            await self._asked(self._limits.check, attempt.session.peer.host)
        except Refused as no:
            self._tell_failed(attempt, str(no))
            raise

    async def _judged(self, attempt: _Attempt, trying: Awaitable[Identity]) -> Identity:
        try:
            identity = await trying
            if self._limits is not None:
                name = folded(attempt.username or identity.name)
                await self._noted(self._limits.succeeded, attempt.session.peer.host, name)
        except BaseException as fault:
            if attempt.identity is not None:
                attempt.identity.logout()
            if isinstance(fault, Unauthorized):
                await self._failed(attempt, fault)
            elif isinstance(fault, Refused):
                self._tell_failed(attempt, str(fault))
            raise
        self._tell(
            LoggedIn(replace(attempt.session, identity=identity.name, mechanism=identity.mechanism))
        )
        return identity

    async def _failed(self, attempt: _Attempt, no: Unauthorized) -> None:
        self._tell_failed(attempt, str(no))
        if no.transient or self._limits is None:
            return
        account = None if attempt.username is None else folded(attempt.username)
        host = attempt.session.peer.host
        await self._noted(self._limits.failed, host, account, attempt.password)
        if self._limits.delay:
            await sleep(self._clock, self._limits.delay)

    async def _exchanged(
        self, attempt: _Attempt, exchange: ServerExchange, initial: bytes | None, prompt: Prompt
    ) -> Identity:
        step = exchange.begin(initial)
        while True:
            match step:
                case Challenge(data):
                    step = exchange.respond(await prompt(data))
                case Success(identity):
                    return attempt.identity or await self._opened(attempt, identity)
                case Failure(reason, malformed):
                    if malformed:
                        raise Refused(MALFORMED, reason)
                    raise Unauthorized(reason)
                case _:
                    step = exchange.answer(await self._answer(attempt, step))

    async def _answer(self, attempt: _Attempt, question: Question) -> Answer:
        match question:
            case CheckPassword():
                return await self._check(attempt, question.username, question.password)
            case FetchSCRAM():
                return await self._secret(attempt, question)
            case FetchPassword():
                return await self._password(attempt, question.username)
            case CheckToken():
                return await self._check_token(attempt, question)
            case CheckExternal():
                return await self._check_certificate(attempt, question)
            case Authorize():
                # Nobody may act as anybody else; there are several ways to write one name.
                same = self._complete(question.authcid) == self._complete(question.authzid)
                return question.authcid if same else False
            case _:
                assert_never(question)

    async def _by_password(self, attempt: _Attempt, username: str, password: str) -> Identity:
        await self._check(attempt, _prepared(username), _prepared(password))
        assert attempt.identity is not None
        return attempt.identity

    async def _by_digest(
        self, attempt: _Attempt, username: str, digest: bytes, timestamp: str
    ) -> Identity:
        password = await self._password(attempt, _prepared(username))
        shared = (timestamp + (password or "nobody")).encode(errors="replace")
        # RFC 1939 section 7: MD5 over the timestamp followed by the shared secret.
        expected = hashlib.md5(shared, usedforsecurity=False).hexdigest().encode()
        right = hmac.compare_digest(expected, digest)
        if not right or password is None:
            raise Unauthorized("wrong credentials")
        return await self._opened(attempt, attempt.username or username)

    # -- questions -----------------------------------------------------------------------

    async def _check(self, attempt: _Attempt, username: str, password: str) -> str:
        await self._name(attempt, username, password)
        name = attempt.username or username
        credentials = UsernamePassword(name.encode(), password.encode())
        identity = await self._admitted(attempt, credentials)
        if attempt.closed:
            raise Unauthorized("right password, but too many have failed for it")
        return identity.name

    async def _secret(self, attempt: _Attempt, question: FetchSCRAM) -> SCRAMSecret:
        assert self._secrets is not None
        await self._name(attempt, question.username)
        name, hash_name = attempt.username or question.username, question.hash_name
        decoy = self._secrets.decoy.secret(folded(name), hash_name)
        found = await self._asked(self._secrets.scram_secret, name, hash_name)
        if found is None:
            return decoy
        if attempt.closed:
            # Looks the same, and nothing proves it.
            return replace(found, stored_key=decoy.stored_key, server_key=decoy.server_key)
        return found

    async def _password(self, attempt: _Attempt, username: str) -> str | None:
        assert self._passwords is not None
        await self._name(attempt, username)
        password = await self._asked(self._passwords.password, attempt.username or username)
        return None if attempt.closed else password

    async def _check_token(self, attempt: _Attempt, question: CheckToken) -> str | None:
        assert self._tokens is not None
        username = question.username and completed(question.username, self._domain)
        attempt.username = username or None
        return await self._asked(self._tokens.check_token, question.token, attempt.username)

    async def _check_certificate(self, attempt: _Attempt, question: CheckExternal) -> str | None:
        assert self._certificates is not None
        attempt.username = question.peer_name
        return await self._asked(self._certificates, question.peer_name)

    async def _name(self, attempt: _Attempt, username: str, password: str | None = None) -> None:
        attempt.username = name = completed(username, self._domain)
        attempt.password = password
        if self._limits is not None:
            host = attempt.session.peer.host
            attempt.closed = await self._asked(self._limits.closed, host, folded(name), password)

    def _complete(self, name: str) -> str:
        return folded(completed(name, self._domain))

    # -- the portal ------------------------------------------------------------------------

    async def _opened(self, attempt: _Attempt, name: str) -> Identity:
        identity = completed(name, self._domain)
        return await self._admitted(attempt, VerifiedIdentity(identity, attempt.mechanism))

    async def _admitted(
        self, attempt: _Attempt, credentials: UsernamePassword | VerifiedIdentity
    ) -> Identity:
        _, avatar, logout = await self._asked(self._portal.login, credentials, None, IMailAccount)
        account = IMailAccount(avatar)
        attempt.identity = identity = Identity(
            name=account.name, account=account, mechanism=attempt.mechanism, logout=logout
        )
        return identity

    async def _asked(self, ask: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Ask what is not ours: an answer, "no", or nobody can tell."""
        try:
            return await timeout(self._clock, self._seconds, ask(*args, **kwargs))
        except (CancelledError, Refused, Unauthorized):
            raise
        except (UnauthorizedLogin, LoginDenied, NoSuchAccount) as no:
            raise Unauthorized(str(no) or "wrong credentials") from None
        except TooManyWaiting as full:
            raise Unauthorized(str(full), transient=True) from None
        except Exception as fault:
            _log.failure("nobody can tell whether a login is right")
            raise Unauthorized(f"{type(fault).__name__} in a checker", transient=True) from fault

    async def _noted(
        self, note: Callable[P, Awaitable[None]], *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """Count; without the counters the verdict stays what it is."""
        try:
            await self._asked(note, *args, **kwargs)
        except Unauthorized:
            pass  # logged already

    def _tell_failed(self, attempt: _Attempt, reason: str) -> None:
        self._tell(
            LoginFailed(
                session=attempt.session,
                mechanism=attempt.mechanism,
                username=attempt.username,
                reason=reason,
            )
        )

    def _tell(self, event: Event) -> None:
        tell(self._observer, event)


def _needs(
    secrets: ISCRAMSecrets | None,
    passwords: IClearTextPasswords | None,
    tokens: ITokenChecker | None,
    certificates: CertificateCheck | None,
) -> Iterator[Need]:
    if secrets is not None:
        yield SCRAM_SHA_256_SECRET
        yield SCRAM_SHA_1_SECRET
    if passwords is not None:
        yield CLEARTEXT_SECRET
    if tokens is not None:
        yield TOKEN_CHECK
    if certificates is not None:
        yield CERTIFICATE_CHECK


def _prepared(text: str) -> str:
    try:
        return prepare_query(text)
    except PreparationError as error:
        # RFC 4616 section 2: if preparation fails, verification does.
        raise Unauthorized(str(error)) from None
