"""
A Postfix with a configuration of its own, on a free port of this machine; it needs root.

It keeps what it takes in a Maildir a user, asks the test about each recipient by its policy
protocol, and sends what is for elsewhere where the test says.  Started by ``postfix start-fg``,
and ended by its process id.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import socketserver
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

import pytest

from tests.interop.programs import PATH, program

__all__ = ["DOMAIN", "OPEN", "Postfix", "free_port", "postfix"]

DOMAIN = "postfix.test"
USERS = ("ann", "bob", "carl", "later", "refused", *(f"user{n}" for n in range(40)))
SECONDS = 30.0

_MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = {commands}
daemon_directory = {daemons}
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.{domain}
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
local_recipient_maps =
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {folder}/box
virtual_mailbox_maps = texthash:{config}/boxes
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
smtpd_peername_lookup = no
smtpd_recipient_restrictions = check_policy_service inet:127.0.0.1:{policy}
smtp_dns_support_level = disabled
smtp_host_lookup = native
# It folds longer lines by itself otherwise.
smtp_line_length_limit = 0
minimal_backoff_time = 1s
maximal_backoff_time = 1s
queue_run_delay = 1s
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
{more}
"""

OPEN = "smtpd_relay_restrictions = permit_mynetworks, reject\n"
"""What every main.cf needs, or something else in its place."""

_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
"""

Judge = Callable[[str], str]
"""What becomes of a recipient: ``OK``, or a code, a status and a text."""


@dataclass(frozen=True, slots=True)
class Postfix:
    """One that runs."""

    port: int
    folder: Path

    @property
    def log(self) -> str:
        """What it has said until now."""
        log = self.folder / "log"
        return log.read_text(errors="replace") if log.exists() else ""

    def messages(self, user: str) -> list[bytes]:
        """All messages of a user, with LF at line ends, as a Maildir has them."""
        new = self.folder / "box" / user / "new"
        return [path.read_bytes() for path in sorted(new.iterdir())] if new.exists() else []


@contextmanager
def postfix(
    home: Path,
    judge: Judge,
    *,
    more: str = OPEN,
    files: Mapping[str, str] | None = None,
    users: Sequence[tuple[str, str]] = (),
) -> Iterator[Postfix]:
    """
    One, until the end of the block.

    :param more: lines of its main.cf; ``{config}`` is the folder of its configuration.
    :param files: more of them in there.
    :param users: names and passwords of those who may log in.
    """
    command = program("postfix", home)
    if os.geteuid() != 0:
        pytest.skip("postfix starts as root alone")
    # Its processes are another user's, who must come through; pytest's folders are root's alone.
    with TemporaryDirectory(prefix="pymta-postfix-") as name, _policy(judge) as policy:
        folder = Path(name)
        folder.chmod(0o755)
        port = free_port()
        config = _configured(folder, more=more, port=port, policy=policy)
        for file, text in (files or {}).items():
            (config / file).write_text(text)
        if users:
            # Debian's Postfix looks there.
            (config / "sasl").mkdir()
            (config / "sasl" / "smtpd.conf").write_text(_accounts(home, folder, users))
        with (
            (folder / "stderr").open("w") as stderr,
            subprocess.Popen(
                [command.path, "-c", str(config), "start-fg"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
            ) as process,
        ):
            running = Postfix(port, folder)
            try:
                _wait(running, process)
                yield running
            finally:
                # What was started is a shell script, which ends with its child.
                pid = (folder / "queue" / "pid" / "master.pid").read_text()
                os.kill(int(pid), signal.SIGTERM)
                process.wait(SECONDS)


def free_port() -> int:
    """One that nobody has now."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        number: int = free.getsockname()[1]
        return number


def _configured(folder: Path, *, more: str, port: int, policy: int) -> Path:
    owner = pwd.getpwnam("postfix")
    config = folder / "config"
    for name in ("config", "queue", "data", "box"):
        (folder / name).mkdir()
    for name in ("data", "box"):
        os.chown(folder / name, owner.pw_uid, owner.pw_gid)
    values = {
        "folder": folder,
        "config": config,
        "commands": _setting("command_directory"),
        "daemons": _setting("daemon_directory"),
        "domain": DOMAIN,
        "port": port,
        "policy": policy,
        "uid": owner.pw_uid,
        "gid": owner.pw_gid,
    }
    main = _MAIN.format(more=more.format(**values), **values)
    (config / "main.cf").write_text(main)
    (config / "master.cf").write_text(_MASTER.format(**values))
    (config / "boxes").write_text("".join(f"{user}@{DOMAIN} {user}/\n" for user in USERS))
    return config


def _setting(name: str) -> str:
    postconf = shutil.which("postconf", path=PATH)
    assert postconf is not None
    done = subprocess.run(
        [postconf, "-d", "-h", name], check=True, capture_output=True, text=True, timeout=20
    )
    return done.stdout.strip()


def _wait(running: Postfix, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + SECONDS
    while "daemon started" not in running.log:
        said = (running.folder / "stderr").read_text() + running.log
        assert process.poll() is None, said
        assert time.monotonic() < until, said
        time.sleep(0.05)


# -- its policy service --------------------------------------------------------------


@contextmanager
def _policy(judge: Judge) -> Iterator[int]:
    """Postfix's SMTPD_POLICY_README: attributes, an empty line, an action."""

    class Asked(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            recipient = ""
            for line in self.rfile:
                name, _, value = line.decode().rstrip("\n").partition("=")
                if name == "recipient":
                    recipient = value
                if not name:
                    self.wfile.write(f"action={judge(recipient)}\n\n".encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Asked) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def _accounts(home: Path, folder: Path, users: Sequence[tuple[str, str]]) -> str:
    """
    Users of Cyrus SASL, in a database of their own.

    :returns: the lines of ``smtpd.conf``.
    """
    saslpasswd = program("saslpasswd2", home, package="sasl2-bin")
    database = folder / "sasldb2"
    for name, password in users:
        saslpasswd.succeed(
            "-c", "-p", "-f", str(database), "-u", DOMAIN, name, given=password.encode()
        )
    owner = pwd.getpwnam("postfix")
    os.chown(database, owner.pw_uid, owner.pw_gid)
    return (
        "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN LOGIN SCRAM-SHA-256\n"
        f"sasldb_path: {database}\n"
    )
