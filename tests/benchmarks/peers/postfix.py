"""
Postfix as Debian builds it, with a configuration of its own; it needs root, as Postfix does.

It gets what makes it faster and loses nothing: no chroot, no look-ups of client names, no delay
of the inflow, as many SMTP servers as there are connections.
"""

from __future__ import annotations

import os
import pwd
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.benchmarks.driving import found, free_port
from tests.benchmarks.peers.peer import Missing, Running, Stand
from tests.benchmarks.processes import end

__all__ = ["Postfix"]

_SECONDS = 20.0

_MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = {commands}
daemon_directory = {daemons}
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.example.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
local_recipient_maps =
smtpd_peername_lookup = no
smtpd_relay_restrictions = permit_mynetworks, reject
smtp_dns_support_level = disabled
smtp_host_lookup = native
default_process_limit = 250
in_flow_delay = 0
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
"""

_FIGURES = {
    # Straight into the queue of what is held, which the queue manager never looks at.
    "kept": "smtpd_recipient_restrictions = check_client_access static:HOLD, permit_mynetworks\n",
    "delivered": """\
virtual_mailbox_domains = example.test
virtual_mailbox_base = {folder}
virtual_mailbox_maps = static:box/
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
""",
    "relayed": "relayhost = [127.0.0.1]:{sink}\n",
}

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
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """Started by ``postfix start-fg``, and ended by its process id."""

    name = "postfix"
    figures = tuple(_FIGURES)
    note = "kept: in its hold queue; delivered: virtual, a Maildir; relayed: relayhost"

    def version(self) -> str:
        return "Postfix " + _setting("mail_version", "-d")

    @contextmanager
    def start(self, stand: Stand) -> Iterator[Running]:
        if os.geteuid() != 0:
            raise Missing("Postfix starts as root alone")
        port = free_port()
        config, box = _configure(stand, port)
        with subprocess.Popen(
            [_postfix(), "-c", str(config), "start-fg"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=(stand.folder / "stderr").open("w"),
        ) as process:
            try:
                master = _master(stand.folder, process)
                yield Running(
                    pid=master,
                    port=port,
                    recipient="user@example.test"
                    if stand.figure == "delivered"
                    else "user@elsewhere.test",
                    stored=lambda: len(os.listdir(box)) if box.exists() else 0,
                )
            finally:
                end(process.pid)
                _end_rest(config)


def _postfix() -> str:
    path = found("postfix")
    if path is None:
        raise Missing("Debian's package postfix is not installed")
    return path


def _setting(name: str, *options: str) -> str:
    _postfix()
    command = [found("postconf") or "postconf", *options, "-h", name]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _configure(stand: Stand, port: int) -> tuple[Path, Path]:
    """:returns: the folder with the configuration, and that in which mail arrives."""
    owner = pwd.getpwnam("postfix")
    # Its processes are another user's, who must come through.
    stand.folder.chmod(0o755)
    config = stand.folder / "config"
    for name in (config, stand.folder / "queue", stand.folder / "data", stand.folder / "box"):
        name.mkdir()
    for name in (stand.folder / "data", stand.folder / "box"):
        os.chown(name, owner.pw_uid, owner.pw_gid)
    values = {
        "folder": stand.folder,
        "commands": _setting("command_directory", "-d"),
        "daemons": _setting("daemon_directory", "-d"),
        "port": port,
        "sink": stand.sink,
        "uid": owner.pw_uid,
        "gid": owner.pw_gid,
    }
    main = _MAIN + _FIGURES[stand.figure]
    (config / "main.cf").write_text(main.format(**values))
    (config / "master.cf").write_text(_MASTER.format(**values))
    return config, stand.folder / "box" / "new"


def _master(folder: Path, process: subprocess.Popen[bytes]) -> int:
    """The process id of the master, once it listens."""
    until = time.monotonic() + _SECONDS
    pid = folder / "queue" / "pid" / "master.pid"
    while time.monotonic() < until and process.poll() is None:
        if pid.exists() and pid.read_text().strip() and "daemon started" in _log(folder):
            return int(pid.read_text())
        time.sleep(0.05)
    raise Missing("it does not start: " + (folder / "stderr").read_text()[-300:])


def _end_rest(config: Path) -> None:
    """
    Those with this configuration that are nobody's child any more.

    Interrupted while it starts, the master goes on by itself, and its starter is gone.
    """
    for _ in range(3):
        for environment in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                if f"MAIL_CONFIG={config}\0".encode() in environment.read_bytes():
                    end(int(environment.parent.name))
        time.sleep(0.1)


def _log(folder: Path) -> str:
    log = folder / "log"
    return log.read_text() if log.exists() else ""
