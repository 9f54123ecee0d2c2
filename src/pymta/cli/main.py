"""
Arguments, and which command they mean.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from io import BytesIO, TextIOWrapper
from typing import TypeAlias

from pymta._version import __version__
from pymta.cli.errors import told
from pymta.errors import PymtaError

__all__ = ["main", "parser"]

# The class has no public name.
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

_EPILOG = """\
first steps:
  pymta demo                              a mail system to play with
  pymta check mail.toml                   are there mistakes?
  twistd -n pymta --config mail.toml      the server, in the foreground
  pymta COMMAND --help                    all about one command

exit status: 0 done; 1 not done (no such account, nothing matched, a port is taken);
2 not understood (arguments, mistakes in a configuration file)
"""


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run a command.

    :param argv: without the program's name; None is this process's own.
    :returns: the exit status.
    """
    arguments = parser().parse_args(argv)
    if sys.stdin is None:  # closed by whoever started this
        sys.stdin = TextIOWrapper(BytesIO())
    # A command's modules are loaded when it is meant: "--version" needs no database.
    module, name = arguments.run
    try:
        status: int = getattr(importlib.import_module(module), name)(arguments)
    except (PymtaError, ValueError, OSError) as error:
        return told(error)
    except (KeyboardInterrupt, EOFError):
        return 1
    return status


def parser() -> argparse.ArgumentParser:
    """All commands and their arguments."""
    whole = argparse.ArgumentParser(
        prog="pymta",
        description="The mail server that you can import.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whole.add_argument("--version", action="version", version=f"pymta {__version__}")
    commands = whole.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_servers(commands)
    _add_send(commands)
    _add_account(commands)
    _add_queue(commands)
    return whole


def _command(
    commands: Commands,
    name: str,
    text: str,
    run: str,
    *,
    parents: Sequence[argparse.ArgumentParser] = (),
) -> argparse.ArgumentParser:
    """:param run: ``module:function``, in this package."""
    description = f"{text[0].upper()}{text[1:]}."
    made = commands.add_parser(name, help=text, description=description, parents=list(parents))
    module, _, function = run.partition(":")
    made.set_defaults(run=(f"pymta.cli.{module}", function))
    return made


def _add_servers(commands: Commands) -> None:
    text = "a mail system for tests, on free loopback ports, told in a line of JSON"
    test = _command(commands, "testserver", text, "testserver:run_testserver")
    test.add_argument("--store", metavar="DIR", help="keep everything there (default: in memory)")
    test.add_argument(
        "--domain", default="example.test", help="the only local domain (default: %(default)s)"
    )
    test.add_argument(
        "--account",
        metavar="ADDRESS:PASSWORD",
        action="append",
        default=[],
        help="an account, repeatable (default: every address is one, and any password right)",
    )
    test.add_argument(
        "--relay", metavar="HOST:PORT", help="next hop of all other mail (default: refused)"
    )
    text = "a mail system to play with, in memory; nothing leaves the machine"
    demo = _command(commands, "demo", text, "demo:run_demo")
    demo.add_argument("-v", "--verbose", action="store_true", help="log to standard error")
    text = "tell all mistakes of a configuration file"
    check = _command(commands, "check", text, "check:run_check")
    check.add_argument("file", metavar="FILE")
    check.add_argument("--json", action="store_true", help="as JSON")


_SEND = """\
Without --from and --to, Sender or From says who it is from, and To, Cc and Bcc who gets it. Bcc is
cut out of what is sent, and all lines end with CRLF; no other octet is changed.

The password of --user comes from --password-file, from PYMTA_PASSWORD, or is asked for.
"""


def _add_send(commands: Commands) -> None:
    text = "messages into a server's queue, or to a server by SMTP"
    send = _command(commands, "send", text, "send:run_send", parents=[_json(), _quiet()])
    send.epilog, send.formatter_class = _SEND, argparse.RawDescriptionHelpFormatter
    send.add_argument("files", metavar="FILE", nargs="+", help="a message; - is standard input")
    where = _where(send)
    where.add_argument("--server", metavar="HOST[:PORT]", help="to this server, by SMTP")
    send.add_argument("--from", metavar="ADDRESS", dest="sender", help="'<>': no reports")
    send.add_argument("--to", metavar="ADDRESS", action="append", default=[], help="repeatable")
    send.add_argument("--notify", metavar="WHEN", help="never, or of success,failure,delay")
    send.add_argument("--ret", choices=["full", "hdrs"], help="what reports give back")
    send.add_argument("--envid", metavar="TEXT", help="what reports call it")
    server = send.add_argument_group("with --server")
    server.add_argument("--user", metavar="NAME", help="log in")
    server.add_argument("--password-file", metavar="FILE", help="its first line")
    server.add_argument(
        "--tls",
        choices=["none", "may", "encrypt", "verify", "implicit"],
        help="how much is asked for (default: verify with --user, may without; implicit on 465)",
    )
    server.add_argument("--authorities", metavar="FILE", help="who vouches for servers (PEM)")


def _add_account(commands: Commands) -> None:
    text = "accounts of a server, running or not"
    inner = commands.add_parser("account", help=text).add_subparsers(
        title="commands", metavar="COMMAND", required=True
    )
    password = _store()
    password.add_argument(
        "--password",
        help="seen by everybody on this machine; better typed in, or on standard input",
    )
    for name, text, run, parent in (
        ("add", "make an account", "account:add", password),
        ("passwd", "set a password", "account:passwd", password),
        ("remove", "remove an account with all its mail", "account:remove", _store()),
    ):
        made = _command(inner, name, text, run, parents=[parent])
        made.add_argument("address", metavar="ADDRESS")
    text = "how much its mailboxes hold and may hold; what is there stays"
    quota = _command(inner, "quota", text, "account:quota", parents=[_store(), _json()])
    quota.add_argument("address", metavar="ADDRESS")
    size_help = "octets: 500M, 2G; or none (default: show how it is)"
    quota.add_argument("size", metavar="SIZE", nargs="?", help=size_help)
    for what in ("messages", "mailboxes"):
        any_number = "(default: any number)"
        quota.add_argument(f"--{what}", metavar="NUMBER", type=int, help=any_number)
    _command(inner, "list", "all names", "account:list_all", parents=[_store(), _json()])


def _add_queue(commands: Commands) -> None:
    text = "the queue of a server, running or not"
    inner = commands.add_parser("queue", help=text).add_subparsers(
        title="commands", metavar="COMMAND", required=True
    )
    shown = [_store(), _json(), _quiet()]
    which = [*shown, _which()]
    _command(inner, "list", "one line a message", "queue:list_entries", parents=which)
    show = _command(inner, "show", "all about one message", "queue:show", parents=shown)
    show.add_argument("id", metavar="ID")
    show.add_argument("--content", action="store_true", help="write its octets")
    _command(inner, "why", "why each recipient waits", "queue:why", parents=which)
    _add_queue_changes(inner, which)


def _add_queue_changes(inner: Commands, which: Sequence[argparse.ArgumentParser]) -> None:
    def change(name: str, text: str) -> argparse.ArgumentParser:
        return _command(inner, name, text, f"queue_changes:{name}", parents=which)

    hold = change("hold", "let nobody deliver these")
    hold.add_argument("--reason", default="held by hand", help="(default: %(default)s)")
    change("release", "held ones are tried at once")
    change("retry", "those that wait are tried at once; suspensions of their lanes end")
    reroute = change("reroute", "these go another way, and stay on it; held ones stay held")
    reroute.add_argument(
        "--to",
        metavar="LANE",
        required=True,
        help="AGENT:NEXTHOP as 'show' writes it; HOST:PORT, that host itself; DOMAIN, its MX"
        " hosts; or 'auto', what the routes say",
    )
    bounce = change("bounce", "these fail now, and their senders get a report")
    bounce.add_argument(
        "--reason", default="Returned by hand", help="stands in it (default: %(default)s)"
    )
    change("remove", "drop these; nobody is told")


def _store() -> argparse.ArgumentParser:
    parent = argparse.ArgumentParser(add_help=False)
    _where(parent)
    return parent


def _where(parent: argparse.ArgumentParser) -> argparse._MutuallyExclusiveGroup:
    where = parent.add_mutually_exclusive_group(required=True)
    where.add_argument("--store", metavar="DIR", help="the server's directory")
    where.add_argument("--config", metavar="FILE", help="the server's configuration file")
    return where


def _json() -> argparse.ArgumentParser:
    parent = argparse.ArgumentParser(add_help=False)
    parent.add_argument("--json", action="store_true", help="as JSON")
    return parent


def _quiet() -> argparse.ArgumentParser:
    parent = argparse.ArgumentParser(add_help=False)
    parent.add_argument("-q", "--quiet", action="store_true", help="no progress bar")
    return parent


def _which() -> argparse.ArgumentParser:
    parent = argparse.ArgumentParser(add_help=False)
    parent.add_argument("which", metavar="ID", nargs="*", help="ids, or ALL")
    parent.add_argument("--state", choices=["due", "claimed", "held"])
    parent.add_argument("--lane", metavar="AGENT:NEXTHOP", help="as 'show' writes it")
    parent.add_argument("--sender", help="an address, or @domain; '<>': reports")
    parent.add_argument("--recipient", help="an address, or @domain")
    parent.add_argument("--older", metavar="TIME", help="arrived so long ago: 30s, 5m, 4h, 5d")
    return parent
