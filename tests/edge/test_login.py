"""
Logins through a cred portal: what is offered, and who gets in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
from twisted.cred.checkers import FilePasswordDB, ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from zope.interface import implementer

from pymta.accounts.accounts import Accounts
from pymta.accounts.cleartext import ClearTextPasswords
from pymta.accounts.cred import AccountRealm, PasswordChecker, portal_for
from pymta.accounts.memory import memory_accounts
from pymta.accounts.passwords import CHEAPEST, Passwords
from pymta.accounts.springing import Springing
from pymta.aio import CancelledError, deferred
from pymta.edge.login import Identity, Login, LoginCancelled
from pymta.edge.login_limits import LoginLimits
from pymta.edge.peers import LOOPBACK, Peers
from pymta.errors import Refused, TooManyWaiting, Unauthorized
from pymta.events import LoggedIn, LoginFailed
from pymta.interfaces.accounts import ITokenChecker
from pymta.reply import Reply
from pymta.sasl import CLIENT_MECHANISMS, Channel, ClientSide, Credentials
from pymta.session import TLS, Endpoint, Role, Session
from pymta.shared.memory import MemorySharedState
from pymta.store.memory.mailboxes import MemoryMailStore
from tests.observing import Observer

T = TypeVar("T")

ALICE = "alice@example.test"
TLS13 = TLS(version="TLSv1.3", cipher="x")
TLS12 = TLS(version="TLSv1.2", cipher="x")
CERTIFIED = TLS(version="TLSv1.3", cipher="x", peer_name="alice-phone")
BINDING = b"b" * 32
AWAY = "192.0.2.1"


def session(host: str = AWAY, tls: TLS | None = TLS13) -> Session:
    """A connection."""
    return Session(
        id="1",
        role=Role.SUBMISSION,
        peer=Endpoint(host, 1234),
        local=Endpoint("192.0.2.2", 587),
        started=datetime(2024, 5, 6, tzinfo=UTC),
        tls=tls,
    )


@implementer(ITokenChecker)
class Tokens:
    """One good token."""

    async def check_token(self, token: str, username: str | None) -> str | None:
        return ALICE if token == "good" and username in (None, ALICE) else None


async def certificates(peer_name: str) -> str | None:
    """One good certificate."""
    return {"alice-phone": ALICE}.get(peer_name)


def octets(size: int) -> bytes:
    """Random ones that are not."""
    return bytes(range(size))


def now(awaitable: Awaitable[T], clock: Clock | None = None) -> T:
    """What it gives, or raises."""
    ended: list[Any] = []
    failures: list[BaseException] = []
    running = deferred(awaitable)
    running.addCallbacks(ended.append, lambda f: failures.append(f.value))  # type: ignore[unused-awaitable]  # seen
    for _ in range(100):
        if clock is not None and not ended and not failures:
            clock.advance(1)
    if failures:
        raise failures[0]
    [result] = ended
    return result  # type: ignore[no-any-return]  # a T


def accounts() -> Accounts:
    """Alice and Bob."""
    directory = memory_accounts(
        MemoryMailStore(),
        passwords=Passwords(random=octets, pool=None, cost=CHEAPEST),
        random=octets,
    )
    now(directory.start())
    now(directory.add(ALICE, "secret"))
    now(directory.add("bob@example.test", "bob's"))
    return directory


class Door:
    """A login, its clock, and what was heard of it."""

    def __init__(
        self, portal: Portal | None = None, *, limited: bool = False, **options: Any
    ) -> None:
        self.clock = Clock()
        self.heard = Observer()
        self.directory = accounts()
        self.state = MemorySharedState(self.clock)
        limits = LoginLimits(self.state, key=b"k", address=3, network=10, account=5)
        self.login = Login(
            portal or portal_for(self.directory),
            clock=self.clock,
            hostname="mx.example.test",
            random=octets,
            domain="example.test",
            observer=self.heard,
            **{
                "secrets": self.directory if portal is None else None,
                "limits": limits if limited else None,
                **options,
            },
        )

    def sasl(
        self,
        name: str,
        username: str = "alice",
        password: str | None = "secret",
        *,
        host: str = AWAY,
        tls: TLS | None = TLS13,
        binding: bytes | None = BINDING,
        **more: Any,
    ) -> Identity:
        """Log in by a client of ours; what it is told it notes in ``said``."""
        credentials = Credentials(username=username, password=password, **more)
        bindings = {"tls-exporter": binding} if binding else {}
        make = {m.name: m for m in CLIENT_MECHANISMS}[name].client
        client = make(_client_side(bindings, credentials))
        self.said: list[bytes] = []

        async def prompt(challenge: bytes) -> bytes:
            self.said.append(challenge)
            return client.respond(challenge)

        return now(
            self.login.authenticate(
                name, client.begin(), session=session(host, tls), prompt=prompt, binding=binding
            ),
            self.clock,
        )

    def plain(self, message: bytes, **where: Any) -> Identity:
        """PLAIN, as it is on the wire."""
        return now(
            self.login.authenticate(
                "PLAIN", message, session=session(**where), prompt=silent, binding=None
            ),
            self.clock,
        )

    def password(self, username: str, password: str, **where: Any) -> Identity:
        """USER and PASS."""
        return now(
            self.login.check_password(username, password, session=session(**where)), self.clock
        )


async def silent(challenge: bytes) -> bytes:
    """A client that is asked nothing."""
    raise AssertionError(challenge)


def _client_side(bindings: dict[str, bytes], credentials: Credentials) -> Any:
    return ClientSide(
        credentials=credentials,
        channel=Channel(secure=True, bindings=bindings),
        offered=frozenset(PLUS + BARE + LAST if bindings else BARE + LAST),
        random=octets,
    )


# -- what is offered -------------------------------------------------------------------

ALL: dict[str, Any] = {
    "secrets": "yes",
    "passwords": ClearTextPasswords({ALICE: "secret"}),
    "tokens": Tokens(),
    "certificates": certificates,
}
BARE = ("SCRAM-SHA-256", "SCRAM-SHA-1")
PLUS = ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS")
LAST = ("PLAIN", "LOGIN")


@pytest.mark.parametrize(
    ("tls", "plaintext", "expected"),
    [
        pytest.param(None, False, (), id="no TLS"),
        pytest.param(None, True, BARE + LAST, id="no TLS, listed peer"),
        pytest.param(TLS12, False, BARE + LAST, id="TLS 1.2 binds nothing"),
        pytest.param(TLS13, False, PLUS + BARE + LAST, id="TLS 1.3"),
        pytest.param(TLS13, True, PLUS + BARE + LAST, id="TLS 1.3, listed peer"),
        pytest.param(CERTIFIED, False, PLUS + BARE + LAST, id="a certificate, and nobody to ask"),
    ],
)
def test_offered(tls: TLS | None, plaintext: bool, expected: tuple[str, ...]) -> None:
    """The strongest first; nothing at all where others can listen."""
    door = Door()

    assert expected == door.login.offered(tls, plaintext)
    assert expected == door.login.offered(tls, plaintext)


def test_offered_with_everything() -> None:
    """What the application provides makes the rest possible."""
    door = Door()
    login = Door(portal_for(door.directory), **{**ALL, "secrets": door.directory}).login

    expected = ("EXTERNAL", *PLUS, *BARE, "OAUTHBEARER", "XOAUTH2", "CRAM-MD5", *LAST)
    assert expected == login.offered(CERTIFIED, False)
    assert login.can_apop
    assert login.can_check_password


def test_offered_by_a_portal_for_passwords() -> None:
    """A portal that only checks passwords makes PLAIN, LOGIN and USER possible, and no more."""
    door = Door()
    portal = Portal(AccountRealm(door.directory), [PasswordChecker(door.directory)])
    login = Door(portal, **{**ALL, "secrets": door.directory}).login

    assert LAST == login.offered(CERTIFIED, False)
    assert login.can_check_password
    assert not login.can_apop


def test_offered_by_an_empty_portal() -> None:
    """Nobody to ask, nothing to offer; a checker that comes later is seen."""
    door = Door()
    portal = Portal(AccountRealm(door.directory))
    login = Door(portal).login
    assert () == login.offered(TLS13, False)
    assert not login.can_check_password
    portal.registerChecker(PasswordChecker(door.directory))

    assert LAST == login.offered(TLS13, False)


@pytest.mark.parametrize(
    ("peers", "host", "allowed"),
    [
        pytest.param(None, "127.0.0.1", True, id="loopback by default"),
        pytest.param(None, "::1", True, id="IPv6 loopback by default"),
        pytest.param(None, AWAY, False, id="others not"),
        pytest.param(Peers(), "127.0.0.1", False, id="nobody"),
        pytest.param(Peers(["192.0.2.0/24"]), AWAY, True, id="a network"),
    ],
)
def test_plaintext(peers: Peers | None, host: str, allowed: bool) -> None:
    """Who may log in without TLS is a list; logins of others are not even looked at."""
    door = Door(plaintext=LOOPBACK if peers is None else peers)
    assert allowed is door.login.plaintext_allowed(host)

    for attempt in (
        lambda: door.plain(b"\0alice\0secret", host=host, tls=None),
        lambda: door.password("alice", "secret", host=host, tls=None),
    ):
        if allowed:
            assert ALICE == attempt().name
        else:
            with pytest.raises(Refused) as caught:
                attempt()
            assert 504 == caught.value.reply.code


# -- who gets in -----------------------------------------------------------------------


@pytest.mark.parametrize("mechanism", PLUS + BARE + LAST)
@pytest.mark.parametrize("username", ["alice", "Alice@EXAMPLE.test", "alice@example.test"])
def test_right(mechanism: str, username: str) -> None:
    """A right password opens the account, by its own name, and it is told once."""
    door = Door()
    identity = door.sasl(mechanism, username)

    assert (ALICE, ALICE, mechanism) == (identity.name, identity.account.name, identity.mechanism)
    [event] = door.heard.events
    assert isinstance(event, LoggedIn)
    assert (ALICE, mechanism) == (event.session.identity, event.session.mechanism)
    identity.logout()


def test_scram_proves_the_server_too() -> None:
    """The server's signature is one more challenge, answered by nothing (RFC 4954 §4)."""
    door = Door()
    door.sasl("SCRAM-SHA-256")

    assert door.said[-1].startswith(b"v=")


@pytest.mark.parametrize("mechanism", PLUS + BARE + LAST)
@pytest.mark.parametrize(
    ("username", "password"),
    [
        pytest.param("alice", "letmein", id="wrong password"),
        pytest.param("alice", "Secret", id="another case"),
        pytest.param("alice", "bob's", id="somebody else's password"),
        pytest.param("carol", "secret", id="nobody"),
        pytest.param("alice@example.org", "secret", id="another domain"),
        pytest.param("alice+x", "secret", id="a sub-address is no login name"),
        pytest.param("alice\u00ad@", "secret", id="no address"),
    ],
)
def test_s24_wrong(mechanism: str, username: str, password: str) -> None:
    """Wrong names and wrong passwords fail alike; the log, and it alone, has the name."""
    door = Door()
    with pytest.raises(Unauthorized) as caught:
        door.sasl(mechanism, username, password)

    assert not caught.value.transient
    [event] = door.heard.events
    assert isinstance(event, LoginFailed)
    assert mechanism == event.mechanism
    assert event.username
    assert event.username.startswith(username.partition("\u00ad")[0])
    assert password not in repr(event)
    assert password not in str(caught.value)


@pytest.mark.parametrize("mechanism", BARE)
def test_s24_scram_tells_no_names(mechanism: str) -> None:
    """What is said of a name that does not exist has the form of one that does, each time."""
    seen = {}
    for username in ("alice", "carol", "CAROL", "carol@example.test", "carol@Example.TEST"):
        door = Door()
        with pytest.raises(Unauthorized):
            door.sasl(mechanism, username, "wrong")
        [seen[username]] = [said.partition(b",")[2] for said in door.said]

    assert len(seen["alice"]) == len(seen["carol"])
    assert seen["alice"] != seen["carol"]
    assert 1 == len({said for name, said in seen.items() if name != "alice"})


def test_disabled() -> None:
    """A disabled account is as if it were not there, by any mechanism."""
    for mechanism in PLUS + BARE + LAST:
        door = Door()
        now(door.directory.disable("alice@example.test"))
        with pytest.raises(Unauthorized):
            door.sasl(mechanism)
        now(door.directory.enable("alice@example.test"))
        assert ALICE == door.sasl(mechanism).name


@pytest.mark.parametrize(
    ("message", "code"),
    [
        pytest.param(b"alice\0alice\0secret", None, id="as itself"),
        pytest.param(b"Alice@Example.test\0alice\0secret", None, id="as itself, written otherwise"),
        pytest.param(b"bob@example.test\0alice\0secret", 0, id="as somebody else"),
        pytest.param(b"\0alice\0wrong", 0, id="wrong"),
        pytest.param(b"alice\0secret", 501, id="one NUL"),
        pytest.param(b"\0\0secret", 501, id="no name"),
        pytest.param(b"\0alice\0\xff", 501, id="no UTF-8"),
        pytest.param(b"\0alice\0" + b"x" * 20_000, 501, id="too long"),
        pytest.param(b"\0al\xc2\xad\xc2\xadice\0secret", None, id="soft hyphens are nothing"),
        pytest.param(b"\0\xef\xbd\x81lice\0secret", None, id="full-width letter"),
        pytest.param(b"\0al\x07ice\0secret", 0, id="control character"),
    ],
)
def test_plain_messages(message: bytes, code: int | None) -> None:
    """Who acts as whom, and what is malformed (501) or wrong."""
    door = Door()
    if code is None:
        assert ALICE == door.plain(message).name
        return
    with pytest.raises((Refused, Unauthorized)) as caught:
        door.plain(message)
    assert code == (caught.value.reply.code if isinstance(caught.value, Refused) else 0)


def test_acting_as_somebody_else_logs_out_again() -> None:
    """An avatar that was made before the refusal is given back."""
    out: list[str] = []

    class Realm(AccountRealm):
        def requestAvatar(self, avatarId: Any, mind: object, *interfaces: Any) -> Any:
            made = super().requestAvatar(avatarId, mind, *interfaces)
            return made.addCallback(lambda found: (*found[:2], lambda: out.append("logout")))

    directory = accounts()
    door = Door(Portal(Realm(directory), [PasswordChecker(directory)]))
    with pytest.raises(Unauthorized):
        door.plain(b"bob\0alice\0secret")

    assert ["logout"] == out


@pytest.mark.parametrize("name", ["SCRAM-SHA-512", "", "PLAIN\0", "CRAM-MD5", "EXTERNAL"])
def test_not_offered(name: str) -> None:
    """What is not offered is not tried (504)."""
    door = Door()
    with pytest.raises(Refused) as caught:
        now(door.login.authenticate(name, b"", session=session(), prompt=silent, binding=None))

    assert (504, "5.5.4") == (caught.value.reply.code, caught.value.reply.status)


def test_cancelled_by_the_client() -> None:
    """A client that gives up has not failed, and gets in afterwards."""
    door = Door(limited=True)

    async def star(challenge: bytes) -> bytes:
        raise LoginCancelled

    for _ in range(5):
        with pytest.raises(LoginCancelled):
            now(
                door.login.authenticate("LOGIN", None, session=session(), prompt=star, binding=None)
            )

    assert [] == door.heard.events
    assert ALICE == door.plain(b"\0alice\0secret").name


def test_scram_with_a_wrong_binding() -> None:
    """Somebody in the middle of two TLS connections does not get in."""
    door = Door()
    client = {m.name: m for m in CLIENT_MECHANISMS}["SCRAM-SHA-256-PLUS"].client(
        _client_side(
            {"tls-exporter": b"another" * 5}, Credentials(username="alice", password="secret")
        )
    )

    async def prompt(challenge: bytes) -> bytes:
        return client.respond(challenge)

    with pytest.raises(Unauthorized):
        now(
            door.login.authenticate(
                "SCRAM-SHA-256-PLUS",
                client.begin(),
                session=session(),
                prompt=prompt,
                binding=BINDING,
            )
        )


def test_tokens() -> None:
    """A token opens the account that it speaks for, and no other."""
    door = Door(tokens=Tokens())
    for mechanism in ("OAUTHBEARER", "XOAUTH2"):
        assert ALICE == door.sasl(mechanism, ALICE, None, token="good").name
        with pytest.raises(Unauthorized):
            door.sasl(mechanism, ALICE, None, token="bad")
        with pytest.raises(Unauthorized):
            door.sasl(mechanism, "bob@example.test", None, token="good")


def test_certificates() -> None:
    """EXTERNAL opens the account of the certificate's holder."""
    door = Door(certificates=certificates)
    assert ALICE == door.sasl("EXTERNAL", "", None, tls=CERTIFIED).name

    with pytest.raises(Unauthorized):
        door.sasl("EXTERNAL", "", None, tls=TLS(version="TLSv1.3", cipher="x", peer_name="other"))


def test_cram_md5() -> None:
    """CRAM-MD5 works where passwords are kept in clear text."""
    door = Door(passwords=ClearTextPasswords({ALICE: "secret"}))

    assert ALICE == door.sasl("CRAM-MD5").name
    for username, password in (("alice", "wrong"), ("carol", "secret"), ("bob", "bob's")):
        with pytest.raises(Unauthorized):
            door.sasl("CRAM-MD5", username, password)


def test_apop() -> None:
    """RFC 1939's own example, and what is not it."""
    door = Door(passwords=ClearTextPasswords({"mrose@example.test": "tanstaaf", ALICE: "secret"}))
    now(door.directory.add("mrose@example.test", "other"))
    stamp = "<1896.697170952@dbc.mtview.ca.us>"

    def apop(name: str, digest: bytes) -> str:
        return now(door.login.check_digest(name, digest, stamp, session=session())).name

    right = b"c4c9334bac560ecc979e58001b3e22fb"
    assert "mrose@example.test" == apop("mrose", right)
    nobody = hashlib.md5(stamp.encode() + b"nobody").hexdigest().encode()
    for name, digest in (
        ("mrose", right[:-1] + b"0"),
        ("mrose", right.upper()),
        ("mrose", b""),
        ("mrose", b"\xff" * 32),
        ("alice", right),
        ("carol", nobody),
        ("", right),
    ):
        with pytest.raises(Unauthorized):
            apop(name, digest)


# -- other people's checkers -------------------------------------------------------------


def test_twisted_password_file(tmp_path: Path) -> None:
    """Twisted's own FilePasswordDB works unchanged, with names that have a domain or none."""
    file = tmp_path / "passwords"
    file.write_text("alice@example.test:secret\nplain:secret\n")
    directory = Springing(MemoryMailStore(), domains=["example.test"])
    door = Door(Portal(AccountRealm(directory), [FilePasswordDB(str(file))]))

    assert LAST == door.login.offered(TLS13, False)
    assert ALICE == door.sasl("PLAIN").name
    assert ALICE == door.sasl("LOGIN", ALICE).name
    assert ALICE == door.password("alice", "secret").name
    for username, password in (("alice", "wrong"), ("bob", "secret")):
        with pytest.raises(Unauthorized):
            door.sasl("PLAIN", username, password)


@implementer(ICredentialsChecker)
class Checker:
    """An application's own."""

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self, answer: Callable[[Any], Any]) -> None:
        self.requestAvatarId = answer


async def coroutine(credentials: Any) -> bytes:
    return b"alice@example.test"


def fired(credentials: Any) -> Deferred[str]:
    d: Deferred[str] = Deferred()
    d.callback(ALICE)
    return d


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda credentials: credentials.username, id="bytes"),
        pytest.param(lambda credentials: ALICE, id="text"),
        pytest.param(lambda credentials: b"alice", id="without a domain"),
        pytest.param(fired, id="a Deferred"),
        pytest.param(coroutine, id="a coroutine"),
    ],
)
def test_an_applications_checker(answer: Callable[[Any], Any]) -> None:
    """Whatever cred allows a checker to give is an account's name."""
    realm = AccountRealm(accounts(), domain="example.test")

    assert ALICE == Door(Portal(realm, [Checker(answer)])).password("alice", "any").name


def raising(error: Exception) -> Callable[[Any], Any]:
    def answer(credentials: Any) -> Any:
        raise error

    return answer


def failing(error: Exception) -> Callable[[Any], Any]:
    def answer(credentials: Any) -> Any:
        d: Deferred[object] = Deferred()
        d.errback(error)
        return d

    return answer


@pytest.mark.parametrize(
    ("answer", "transient"),
    [
        pytest.param(raising(UnauthorizedLogin()), False, id="no"),
        pytest.param(failing(UnauthorizedLogin("no")), False, id="no, later"),
        pytest.param(lambda credentials: b"carol@example.test", False, id="no such account"),
        pytest.param(lambda credentials: (), False, id="anonymous"),
        pytest.param(raising(OSError("database down")), True, id="raises"),
        pytest.param(failing(ValueError("x")), True, id="fails"),
        pytest.param(raising(TooManyWaiting("x")), True, id="too busy"),
        pytest.param(lambda credentials: Deferred(), True, id="never answers"),
        pytest.param(lambda credentials: None, True, id="gives nothing"),
    ],
)
def test_no_and_nobody_knows(answer: Callable[[Any], Any], transient: bool) -> None:
    """A "no" is counted; where nobody can tell, it is not, and the client hears "later"."""
    door = Door(Portal(AccountRealm(accounts()), [Checker(answer)]), limited=True)
    for _ in range(3):
        with pytest.raises(Unauthorized) as caught:
            door.password("alice", "secret")
        assert transient is caught.value.transient
    if transient:
        assert 0 == len(door.state)
    else:
        with pytest.raises(Refused):
            door.password("alice", "secret")


def test_a_refusal_of_the_checkers_own_words() -> None:
    """A checker may say what the client hears."""
    mine = Refused(Reply(432, "4.7.12", "Change your password first"))
    door = Door(Portal(AccountRealm(accounts()), [Checker(raising(mine))]))
    with pytest.raises(Refused) as caught:
        door.password("alice", "secret")

    assert mine.reply == caught.value.reply


def test_cancelled_from_outside() -> None:
    """A connection that ends while a checker thinks ends the checker's wait, and nothing else."""
    ended: list[str] = []
    door = Door(
        Portal(
            AccountRealm(accounts()),
            [Checker(lambda credentials: Deferred(lambda d: ended.append("cancelled")))],
        ),
        limited=True,
    )
    running = deferred(door.login.check_password("alice", "secret", session=session()))
    failures: list[Any] = []
    running.addErrback(failures.append)  # type: ignore[unused-awaitable]  # seen
    running.cancel()

    assert ["cancelled"] == ended
    assert [CancelledError] == [f.type for f in failures]
    assert 0 == len(door.state)


def test_a_connection_that_ends_too_late_is_logged_out() -> None:
    """Whoever leaves between the yes and its note leaves no avatar behind."""
    out: list[str] = []

    class Realm(AccountRealm):
        def requestAvatar(self, avatarId: Any, mind: object, *interfaces: Any) -> Any:
            made = super().requestAvatar(avatarId, mind, *interfaces)
            return made.addCallback(lambda found: (*found[:2], lambda: out.append("logout")))

    class Slow(MemorySharedState):
        async def add(self, key: str, value: bytes, ttl: float) -> bytes | None:
            return await Deferred()

    directory = accounts()
    portal = Portal(Realm(directory), [PasswordChecker(directory)])
    door = Door(portal, limits=LoginLimits(Slow(Clock()), key=b"k"))
    running = deferred(door.login.check_password("alice", "secret", session=session()))
    running.addErrback(lambda failure: failure.trap(CancelledError))  # type: ignore[unused-awaitable]  # seen
    assert [] == out
    running.cancel()

    assert ["logout"] == out


# -- limits ----------------------------------------------------------------------------


def test_s24_address_closed() -> None:
    """After three failures nothing more is looked at, from there; told once each."""
    door = Door(limited=True)
    for _ in range(3):
        with pytest.raises(Unauthorized):
            door.password("alice", "wrong")
    with pytest.raises(Refused) as caught:
        door.password("alice", "secret")

    assert (421, "4.7.0") == (caught.value.reply.code, caught.value.reply.status)
    assert 4 == len(door.heard.events)
    assert ALICE == door.password("alice", "secret", host="198.51.100.1").name
    door.clock.advance(3600)
    assert ALICE == door.password("alice", "secret").name


@pytest.mark.parametrize("mechanism", [*PLUS, *BARE, *LAST, "CRAM-MD5"])
def test_s24_account_closed(mechanism: str) -> None:
    """The right password of an account under attack looks wrong, and what is said is the same."""
    door = Door(limited=True, passwords=ClearTextPasswords({ALICE: "secret"}))
    for n in range(5):
        with pytest.raises(Unauthorized):
            door.sasl(mechanism, "alice", "wrong", host=f"198.51.{n}.1")
    before = door.said
    with pytest.raises(Unauthorized) as caught:
        door.sasl(mechanism, host="203.0.113.1")

    assert not caught.value.transient
    assert before == door.said
    now_open = Door(limited=True, passwords=ClearTextPasswords({ALICE: "secret"}))
    assert ALICE == now_open.sasl(mechanism, host="203.0.113.1").name


def test_s24_the_owner_comes_from_home() -> None:
    """Where the owner has logged in before, an attack from elsewhere closes nothing."""
    door = Door(limited=True)
    door.sasl("SCRAM-SHA-256", host="203.0.113.1")
    for n in range(6):
        with pytest.raises(Unauthorized):
            door.password("ALICE@example.test", "wrong", host=f"198.51.{n}.1")

    assert ALICE == door.sasl("SCRAM-SHA-256", host="203.0.113.2").name
    with pytest.raises(Unauthorized):
        door.sasl("SCRAM-SHA-256", host="203.0.114.2")


def test_s24_a_wrong_answer_takes_its_time() -> None:
    """A failure is told two seconds late, a success at once."""
    door = Door(limited=True)
    running = deferred(door.login.check_password("alice", "wrong", session=session()))
    failures: list[Any] = []
    running.addErrback(failures.append)  # type: ignore[unused-awaitable]  # seen
    door.clock.advance(1.9)
    assert [] == failures
    door.clock.advance(0.2)
    assert [Unauthorized] == [f.type for f in failures]

    assert ALICE == now(door.login.check_password("alice", "secret", session=session())).name


class CannotRead(MemorySharedState):
    async def get(self, key: str) -> bytes | None:
        raise OSError("down")


class CannotWrite(MemorySharedState):
    async def count(self, key: str, ttl: float, by: int = 1) -> int:
        raise OSError("down")

    async def add(self, key: str, value: bytes, ttl: float) -> bytes | None:
        raise OSError("down")


@pytest.mark.parametrize(
    ("state", "transient"),
    [
        pytest.param(CannotRead, True, id="nobody can tell who was there before"),
        pytest.param(CannotWrite, False, id="what is not counted is still wrong"),
    ],
)
def test_counters_that_fail(state: type[MemorySharedState], transient: bool) -> None:
    """Without counters nobody gets in unseen, and nobody is told what is not true."""
    door = Door()
    limits = LoginLimits(state(door.clock), key=b"k", delay=0)
    door = Door(portal_for(door.directory), limits=limits)
    with pytest.raises(Unauthorized) as caught:
        door.password("alice", "wrong")
    assert transient is caught.value.transient

    if not transient:
        assert ALICE == door.password("alice", "secret").name


def test_s24_unknown_names_are_checked_like_known_ones() -> None:
    """Exactly one password is verified for each attempt, whoever it is for."""
    door = Door()
    passwords = door.directory._passwords
    verified: list[bool] = []
    inner = passwords._verify

    def counting(argon2: str, password: str) -> Any:
        verified.append(argon2.startswith("$argon2id$v=19$m=8,t=1,p=1$"))
        return inner(argon2, password)

    passwords._verify = counting  # type: ignore[method-assign]  # to count
    for username in ("alice", "carol", "nobody@elsewhere", "not an address"):
        verified.clear()
        with pytest.raises(Unauthorized):
            door.password(username, "wrong")
        assert [True] == verified
