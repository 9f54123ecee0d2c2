"""
Tests for whole files: every kind of mistake, each with its line, path and hint.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pymta.config.file import load
from pymta.errors import ConfigurationError
from tests.config.files import GOOD, Reactor, mistakes, wired, written
from tests.edge.certificates import make_pair

SMTP = '[[listeners]]\nprotocol = "smtp"\nendpoint = "tcp:25"\n'
TOP = 'hostname = "a.test"\ndirectory = "mail"\ndomains = ["b.test"]\n'


def listener(endpoint: str, protocol: str = "smtp", more: str = "") -> str:
    """A file with one listener, at line 4."""
    return f'{TOP}[[listeners]]\nprotocol = "{protocol}"\nendpoint = "{endpoint}"\n{more}\n'


def test_good_file(tmp_path: Path) -> None:
    """
    A file without mistakes has none, and loading it makes nothing.
    """
    assert [] == mistakes(tmp_path, GOOD)
    assert ["mail.toml"] == [each.name for each in tmp_path.iterdir()]


FILES = [
    pytest.param("a = \n", ["mail.toml:1: Invalid value"], id="no TOML"),
    pytest.param('a = 1\nb = "x', ["mail.toml:2: Unterminated string"], id="no TOML at its end"),
    pytest.param("a = 1\na = 2\n", ["mail.toml:2: Cannot overwrite a value"], id="key twice"),
    pytest.param(
        "",
        [
            "mail.toml:1: hostname is missing",
            "mail.toml:1: directory is missing",
            "mail.toml:1: there are no listeners (add a table [[listeners]])",
        ],
        id="empty",
    ),
    pytest.param(
        TOP.replace("a.test", "a b") + SMTP,
        ["mail.toml:1: hostname: character not allowed in a domain"],
        id="no host name",
    ),
    pytest.param(
        TOP + "[listeners]\n",
        ["mail.toml:4: listeners: a table where an array is expected"],
        id="one bracket",
    ),
    pytest.param(
        TOP.replace("mail", "mail.toml") + SMTP,
        ["mail.toml:2: directory: mail.toml is not a folder"],
        id="no folder",
    ),
    pytest.param(
        listener("tcp:port=25", "lmtp"),
        ["mail.toml:6: listeners[0].endpoint: LMTP must not be spoken on port 25"],
        id="LMTP on port 25, by its name",
    ),
    pytest.param(
        listener("tcp:143", "imap", 'newlines = "canonicalise"'),
        ["mail.toml:7: listeners[0].newlines: imap has no such option"],
        id="newlines of IMAP",
    ),
    # accounts
    pytest.param(
        TOP + SMTP + '[accounts]\nservers = ["relay", "a b"]\npublic = "@x"\n',
        [
            "mail.toml:8: accounts.servers[1]: no account has the name 'a b': '@' expected",
            "mail.toml:9: accounts.public: no account has the name '@x': local part expected",
        ],
        id="names of accounts",
    ),
    # endpoints
    pytest.param(
        listener("tcp"),
        ['mail.toml:6: listeners[0].endpoint: no endpoint: "tcp" (a port is missing, as in'],
        id="endpoint without port",
    ),
    pytest.param(
        listener("tpc:25"),
        ['mail.toml:6: listeners[0].endpoint: no endpoint: "tpc:25" (did you mean tcp?)'],
        id="endpoint of unknown type",
    ),
    pytest.param(
        listener(""),
        ['mail.toml:6: listeners[0].endpoint: no endpoint: "" (known are: tcp, tcp6, unix'],
        id="empty endpoint",
    ),
    pytest.param(
        listener("25"),
        ['mail.toml:6: listeners[0].endpoint: no endpoint: "25" (known are'],
        id="a number as an endpoint",
    ),
    pytest.param(
        listener("tcp:smtp"),
        ['mail.toml:6: listeners[0].endpoint: no port: "smtp" (0 to 65535)'],
        id="port that is no number",
    ),
    pytest.param(
        listener("tcp:port=70000"),
        ['mail.toml:6: listeners[0].endpoint: no port: "70000" (0 to 65535)'],
        id="port out of range",
    ),
    pytest.param(
        listener("tcp:interface=127.0.0.1"),
        ['mail.toml:6: listeners[0].endpoint: no endpoint: "tcp:interface=127.0.0.1" (missing 1'],
        id="endpoint argument missing",
    ),
    pytest.param(
        listener("tcp:25:interfaces=::"),
        ["mail.toml:6: listeners[0].endpoint: no endpoint: "],
        id="endpoint with colons",
    ),
    pytest.param(
        listener("tcp:25:intreface=127.0.0.1"),
        ['mail.toml:6: listeners[0].endpoint: no endpoint: "tcp:25:intreface=127.0.0.1" (got an'],
        id="unknown endpoint argument",
    ),
    pytest.param(
        listener("tcp:25:interface=localhost"),
        ['mail.toml:6: listeners[0].endpoint: no IP address: "localhost"'],
        id="interface by name",
    ),
    pytest.param(
        listener("tcp:25:junk"),
        ['mail.toml:6: listeners[0].endpoint: no IP address: "junk" ("interface=127.0.0.1")'],
        id="something behind the port",
    ),
    pytest.param(
        listener("unix"),
        ['mail.toml:6: listeners[0].endpoint: no endpoint: "unix" (a path is missing, as in'],
        id="socket without path",
    ),
    pytest.param(
        listener("ssl:465:privateKey=x"),
        ["mail.toml:6: listeners[0].endpoint: TLS is not in the endpoint: "],
        id="TLS in the endpoint",
    ),
    pytest.param(
        listener("tcp:25") + SMTP,
        ["mail.toml:10: listeners[1].endpoint: listeners[0] listens there already"],
        id="port twice",
    ),
    pytest.param(
        listener("tcp:25", "lmtp"),
        ["mail.toml:6: listeners[0].endpoint: LMTP must not be spoken on port 25"],
        id="LMTP on port 25",
    ),
    # listeners
    pytest.param(
        listener("tcp:25", more='name = "in"')
        + '[[listeners]]\nprotocol = "pop3"\nendpoint = "tcp:110"\nname = "in"\n',
        ["mail.toml:11: listeners[1].name: listeners[0] has this name already"],
        id="name twice",
    ),
    pytest.param(
        listener("tcp:25", "smpt"),
        ['mail.toml:5: listeners[0].protocol: "smpt" is none of "smtp", "submission", "lmtp", "po'],
        id="unknown protocol",
    ),
    pytest.param(
        listener("tcp:110", "pop3", 'forwarders = ["unix"]'),
        ["mail.toml:7: listeners[0].forwarders: pop3 has no such option"],
        id="option of another protocol",
    ),
    pytest.param(
        listener("tcp:465", "submission", 'tls = "implicit"'),
        ["mail.toml:7: listeners[0].tls: there are no certificates (add a table [tls]"],
        id="TLS without certificates",
    ),
    pytest.param(
        listener("tcp:587", "submission", "require_tls = true"),
        ["mail.toml:7: listeners[0].require_tls: TLS is required and not offered"],
        id="TLS required and not there",
    ),
    # files
    pytest.param(
        TOP + SMTP + '[tls]\ncertificate = "nowhere.pem"\n',
        ["mail.toml:7: tls: cannot be used: nowhere.pem: No such file or directory"],
        id="no certificate",
    ),
    pytest.param(
        TOP + SMTP + '[tls]\ncertificate = "mail.toml"\n',
        ["mail.toml:7: tls: cannot be used: mail.toml, mail.toml: no start line"],
        id="certificate that is none",
    ),
    pytest.param(
        TOP + SMTP + '[tls]\nkey = "x"\n', ["mail.toml:7: tls: certificate is missing"], id="key"
    ),
    pytest.param(
        TOP + SMTP + "[accounts.cost]\nmemory = 0\n",
        ["mail.toml:7: accounts.cost: Argon2id takes 1 pass, 1 lane and 8 KiB a lane at least"],
        id="no hash of a password",
    ),
    pytest.param(
        TOP + SMTP + "[accounts.cost]\niterations = 4095\n",
        ["mail.toml:7: accounts.cost: SCRAM takes 4,096 iterations at least"],
        id="too few iterations",
    ),
    pytest.param(
        TOP + SMTP + '[routing]\naliases = "nowhere"\n',
        ["mail.toml:8: routing.aliases: nowhere cannot be read: No such file or directory"],
        id="no aliases",
    ),
    # routing
    pytest.param(
        TOP + SMTP + '[routing.catch_all]\n"b.tst" = "a@b.test"\n',
        ['mail.toml:8: routing.catch_all."b.tst": b.tst is no local domain (did you mean b.test?)'],
        id="catch-all elsewhere",
    ),
    pytest.param(
        TOP + SMTP + '[routing.hops]\n"b.test" = "mx.test:25"\n',
        ['mail.toml:8: routing.hops."b.test": b.test is a local domain'],
        id="hop of a local domain",
    ),
    pytest.param(
        TOP + SMTP + '[routing.hops]\n"*.c.test" = "mx.test:25"\n"." = "mx.test:25"\n',
        [
            'mail.toml:8: routing.hops."*.c.test": \'*.c.test\' is no domain (a domain, or ".exam',
            "mail.toml:9: routing.hops.\".\": '.' is no domain",
        ],
        id="hops of no domain",
    ),
    pytest.param(
        TOP + SMTP + '[routing]\nnext_hop = "mx test"\n',
        ["mail.toml:8: routing.next_hop: no next hop: 'mx test' (\"host:port\""],
        id="no next hop",
    ),
    pytest.param(
        TOP + SMTP + '[routing]\nseparator = "--"\n',
        ["mail.toml:8: routing.separator: one character, or none"],
        id="long separator",
    ),
    pytest.param(
        TOP + SMTP + '[relay]\nnetworks = ["192.0.2.0/24"]\n',
        ['mail.toml:8: relay.networks: there is no next hop (set "routing.next_hop", or'],
        id="relay to nowhere",
    ),
    pytest.param(
        TOP + SMTP + '[relay]\nnetworks = ["192.0.2.1/24"]\n',
        ["mail.toml:8: relay.networks: 192.0.2.1/24 has host bits set"],
        id="no network",
    ),
    # one key in two spellings: the first would be passed over
    pytest.param(
        TOP
        + SMTP
        + '[routing]\ncatch_all."b.test" = "x@b.test"\ncatch_all."B.test" = "y@b.test"\n',
        ["mail.toml:9: routing.catch_all.\"B.test\": the same as 'b.test'"],
        id="two catch-alls",
    ),
    pytest.param(
        TOP + SMTP + '[routing]\nhops.".c.test" = "d.test"\nhops.".C.test" = "e.test"\n',
        ["mail.toml:9: routing.hops.\".C.test\": the same as '.c.test'"],
        id="two hops",
    ),
    pytest.param(
        TOP + SMTP + '[routing.virtual]\n"s@b.test" = ["x@b.test"]\n"S@B.test" = ["y@b.test"]\n',
        ["mail.toml:9: routing.virtual.\"S@B.test\": the same as 's@b.test'"],
        id="two virtual addresses",
    ),
    pytest.param(
        TOP + SMTP + '[routing]\nhops."c.test" = "d.test:25"\n'
        '[relay.next_hops."d.test:25"]\ntls = "may"\n[relay.next_hops."[D.test]"]\ntls = "none"\n',
        ["mail.toml:11: relay.next_hops.\"[D.test]\": the same as 'd.test:25'"],
        id="two next hops",
    ),
    # limits
    pytest.param(
        TOP + SMTP + "[limits.connections]\ntotal = 0\n",
        ['mail.toml:8: limits.connections.total: 0 lets nothing through ("none" is no limit)'],
        id="zero as a limit",
    ),
    pytest.param(
        TOP + SMTP + "[timeouts.pop3]\ninactive = 30\n",
        ["mail.toml:7: timeouts.pop3: an inactivity timer below ten minutes (RFC 1939 section 3)"],
        id="a rule of the constructor",
    ),
    pytest.param(
        TOP + SMTP + "[imap]\nmessage_limit = 0\n",
        ["mail.toml:7: imap: message_limit: 0 lets nothing through"],
        id="a limit of no messages",
    ),
    *(
        pytest.param(
            f"{TOP}{SMTP}[{table}]\n{key} = {value}\n",
            [f"mail.toml:7: {table}: {told}"],
            id=f"{table}.{key}",
        )
        for table, key, value, told in (
            ("timeouts.imap", "searching", 0, "searching is not more than 0"),
            ("timeouts.pop3", "login", 0, "login is not more than 0"),
            ("relay.hosts", "hosts", 0, "hosts, addresses, parallel and seconds are more than 0"),
            ("relay.hosts", "seconds", 0, "hosts, addresses, parallel and seconds are more than 0"),
            ("dns", "timeout", 0, "timeout and lifetime are more than 0"),
            ("queue.runner", "attempt", 0, "attempt, route and report are more than 0"),
            ("limits.message", "received", 0, "header_octets, header_fields and received are more"),
            ("limits.smtp", "mails", 0, "mails is less than 1"),
            ("limits.smtp", "recipient_domains", 0, "recipient_domains is less than 1"),
            ("limits.logins", "credential", 0, "credential: 0 lets nothing through"),
            ("limits.logins", "period", 0, "a counter lives for 1 to 31622400 seconds"),
            ("limits.logins", "period", 99_999_999, "a counter lives for 1 to 31622400 seconds"),
        )
    ),
    pytest.param(
        TOP + SMTP + '[imap]\nwithout = ["IDLE", "QUOTAA"]\n',
        ["mail.toml:7: imap: without: 'QUOTAA' is no capability that can be left out"],
        id="no capability",
    ),
    pytest.param(
        TOP + SMTP + '[pop3]\nuidl = "%q"\n',
        ["mail.toml:8: pop3.uidl: no variable of a unique id: %q"],
        id="unique ids",
    ),
    pytest.param(
        TOP + SMTP + "[pop3]\nuidl = 3\n",
        ["mail.toml:8: pop3.uidl: 3 where a string is expected"],
        id="unique ids of another type",
    ),
    # other people's
    pytest.param(
        TOP + SMTP + '[[policies]]\nuse = "nobody"\n',
        ['mail.toml:8: policies[0].use: no component is named "nobody"'],
        id="no component",
    ),
    # all of them
    pytest.param(
        'hostnam = "a"\n[[listeners]]\nprotocol = "pop"\nendpoint = "tcp"\n'
        '[tls]\ncertificate = "no.pem"\n[limits.smtp]\nrecipient = 5\n',
        [
            "mail.toml:1: hostnam: unknown key (did you mean hostname?)",
            "mail.toml:1: hostname is missing",
            "mail.toml:1: directory is missing",
            'mail.toml:3: listeners[0].protocol: "pop" is none of',
            'mail.toml:4: listeners[0].endpoint: no endpoint: "tcp"',
            "mail.toml:5: tls: cannot be used: no.pem: No such file",
            "mail.toml:8: limits.smtp.recipient: unknown key (did you mean recipients?)",
        ],
        id="all at once",
    ),
]


@pytest.mark.parametrize(("text", "expected"), FILES)
def test_mistakes(tmp_path: Path, text: str, expected: list[str]) -> None:
    """
    Each mistake is told once, all of them at once, in the order of their lines.
    """
    told = mistakes(tmp_path, text)

    assert len(expected) == len(told), told
    for line, start in zip(told, expected, strict=True):
        assert line.startswith(start)


def test_aliases_are_read(tmp_path: Path) -> None:
    """
    A mistake in the aliases is told with its own file and line.
    """
    (tmp_path / "aliases").write_text("a: b\nroot: |/bin/sh\n")

    (told,) = mistakes(tmp_path, TOP + SMTP + '[routing]\naliases = "aliases"\n')

    assert told.startswith("mail.toml:8: routing.aliases: aliases:2: ")


def test_key_of_another_certificate(tmp_path: Path) -> None:
    """
    A key that does not fit is told before the server starts; each pair by itself.
    """
    one, other = make_pair(tmp_path, "one.test"), make_pair(tmp_path, "other.test")
    text = (
        f'{TOP}{SMTP}[tls]\ncertificate = "{one.certificate}"\nkey = "{one.key}"\n'
        f'[tls.names."other.test"]\ncertificate = "{other.certificate}"\nkey = "{one.key}"\n'
    )

    (told,) = mistakes(tmp_path, text)

    assert told.startswith('mail.toml:10: tls.names."other.test": cannot be used: ')


def test_no_file(tmp_path: Path) -> None:
    """
    A file that is not there is a mistake like others.
    """
    file = str(tmp_path / "nowhere.toml")
    reactor: object = Reactor()

    with pytest.raises(ConfigurationError) as raised:
        load(file, reactor)  # type: ignore[arg-type]  # in memory

    assert [f"{file}: cannot be read: No such file or directory"] == raised.value.report()


def test_no_utf8(tmp_path: Path) -> None:
    """
    Nor is one that is no UTF-8; a byte order mark, which editors write, does no harm.
    """
    file = tmp_path / "mail.toml"
    file.write_bytes(b"# fine\n# \xff\n")
    reactor: object = Reactor()

    with pytest.raises(ConfigurationError) as raised:
        load(str(file), reactor)  # type: ignore[arg-type]  # in memory
    assert [f"{file}:2: no UTF-8"] == raised.value.report()

    assert "mail.example.test" == wired(tmp_path, "\ufeff" + GOOD).configuration.hostname


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    """
    Not to where the process happens to be.
    """
    (tmp_path / "aliases").write_text("a: b\n")

    made = wired(tmp_path, GOOD + '[routing]\naliases = "aliases"\n').configuration

    assert str(tmp_path / "mail") == made.directory
    assert str(tmp_path / "aliases") == made.routing.aliases


def test_any_port_twice(tmp_path: Path) -> None:
    """
    Port 0 is another one each time.
    """
    text = listener("tcp:0") + '[[listeners]]\nprotocol = "pop3"\nendpoint = "tcp:0"\n'

    assert [] == mistakes(tmp_path, text)
    assert written(tmp_path, text)
