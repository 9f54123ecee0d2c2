"""
Dovecot as Debian builds it, with a configuration of its own; started as root, its sessions run as
``nobody``.

A Maildir with ``mail_fsync = always``: what it has said yes to is on the disk, as with us.
"""

from __future__ import annotations

import os
import pwd
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.driving import found, free_port
from tests.benchmarks.peers.peer import Missing, Running, Stand
from tests.benchmarks.processes import end

__all__ = ["Dovecot"]

_SECONDS = 20.0

_CONFIG = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
default_internal_user = nobody
default_internal_group = nogroup
default_login_user = nobody
default_client_limit = 2000
default_process_limit = 500
first_valid_uid = 1
mail_fsync = always
mail_location = maildir:{folder}/mail/%u
mail_uid = nobody
mail_gid = nogroup
mail_max_userip_connections = 1000
disable_plaintext_auth = no
auth_mechanisms = plain
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
namespace inbox {{
  inbox = yes
  separator = /
}}
service imap-login {{
  chroot =
  service_count = 0
  client_limit = 2000
  process_min_avail = 1
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service imap {{
  process_limit = 1000
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
passdb {{
  driver = static
  args = password=secret
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={folder}/mail/%u
}}
"""


class Dovecot:
    """Started by ``dovecot -F``, and ended by its process id."""

    name = "dovecot"
    figures = ("imap",)
    note = "Maildir, mail_fsync = always"

    def version(self) -> str:
        told = subprocess.run(
            [_dovecot(), "--version"], check=True, capture_output=True, text=True
        ).stdout
        return f"Dovecot {told.split()[0]}"

    @contextmanager
    def start(self, stand: Stand) -> Iterator[Running]:
        if os.geteuid() != 0:
            raise Missing("Dovecot starts as root alone")
        port = free_port()
        config = _configure(stand, port)
        with subprocess.Popen(
            [_dovecot(), "-F", "-c", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=(stand.folder / "stderr").open("w"),
        ) as process:
            try:
                _wait(stand.folder, process)
                yield Running(pid=process.pid, port=port, recipient="user", stored=lambda: 0)
            finally:
                end(process.pid)


def _dovecot() -> str:
    path = found("dovecot") or "/usr/sbin/dovecot"
    if not Path("/usr/lib/dovecot/imap").exists():
        raise Missing("Debian's package dovecot-imapd is not installed")
    return path


def _configure(stand: Stand, port: int) -> Path:
    owner = pwd.getpwnam("nobody")
    stand.folder.chmod(0o755)
    mail = stand.folder / "mail"
    if not mail.exists():
        mail.mkdir()
        os.chown(mail, owner.pw_uid, owner.pw_gid)
    for name in ("run", "state"):
        (stand.folder / name).mkdir(exist_ok=True)
    (stand.folder / "log").unlink(missing_ok=True)  # of an earlier start
    config = stand.folder / "dovecot.conf"
    values = {
        "folder": stand.folder,
        "port": port,
        "certificate": stand.options["certificate"],
        "key": stand.options["key"],
    }
    config.write_text(_CONFIG.format(**values))
    return config


def _wait(folder: Path, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _SECONDS
    log = folder / "log"
    while time.monotonic() < until and process.poll() is None:
        if log.exists() and "starting up for imap" in log.read_text():
            return
        time.sleep(0.05)
    text = (log.read_text() if log.exists() else "") + (folder / "stderr").read_text()
    raise Missing("it does not start: " + text[-300:])
