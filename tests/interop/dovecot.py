"""
A Dovecot to compare with: its IMAP process alone, over a pair of sockets, already logged in.

Each :meth:`Dovecot.connect` starts one process on the same Maildir, with a configuration of its
own in the test's folder.  Nothing listens, and no service runs.
"""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.interop.programs import PATH

__all__ = ["IMAP", "Dovecot", "dovecot"]

IMAP = "/usr/lib/dovecot/imap"
SECONDS = 10.0
NOBODY = 65534

_CONFIGURATION = """\
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/log
protocols = imap
ssl = no
first_valid_uid = 1
mail_privileged_group =
stats_writer_socket_path =
mail_location = maildir:{folder}/Maildir
mail_fsync = never
mail_max_keyword_length = 100
namespace inbox {{
  inbox = yes
  separator = /
}}
{more}
"""


@dataclass(frozen=True, slots=True)
class Dovecot:
    """
    One user's mail.

    :param folder: with its configuration and ``Maildir``.
    :param uid: who it runs as; None is who runs the tests.
    """

    folder: Path
    uid: int | None

    @property
    def command(self) -> tuple[str, ...]:
        """A session on standard input and output, already logged in."""
        return (IMAP, "-c", str(self.folder / "dovecot.conf"))

    @property
    def environment(self) -> dict[str, str]:
        """What the command needs."""
        return {"USER": "ann", "HOME": str(self.folder), "PATH": PATH, "TZ": "UTC"}

    @property
    def tunnel(self) -> str:
        """The same as one line for a shell, with all that it needs."""
        settings = [f"{name}={value}" for name, value in self.environment.items()]
        command = shlex.join(["env", "-i", *settings, *self.command])
        if self.uid is None:
            return command
        return f"setpriv --reuid={self.uid} --regid={self.uid} --clear-groups {command}"

    @contextmanager
    def connect(self) -> Iterator[socket.socket]:
        """The client's end of a session; the process ends with the block."""
        ours, theirs = socket.socketpair()
        with ours, (self.folder / "errors").open("ab") as errors:
            with theirs:
                process = subprocess.Popen(
                    self.command,
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=errors,
                    env=self.environment,
                    user=self.uid,
                    group=self.uid,
                    extra_groups=[] if os.getuid() == 0 else None,
                )
            try:
                ours.settimeout(SECONDS)
                yield ours
            finally:
                ours.close()
                try:
                    process.wait(SECONDS)
                finally:
                    process.kill()
                    process.wait()


@contextmanager
def dovecot(*, more: str = "") -> Iterator[Dovecot]:
    """
    A Dovecot with empty mailboxes, until the end of the block, or a skipped test.

    :param more: lines of configuration.
    """
    if not os.access(IMAP, os.X_OK):
        pytest.skip("dovecot-imapd is not installed")
    # It refuses to serve root, and pytest's folders are root's alone.
    uid = None if os.getuid() else NOBODY
    with TemporaryDirectory(prefix="pymta-dovecot-") as name:
        folder = Path(name)
        text = _CONFIGURATION.format(folder=folder, more=more)
        (folder / "dovecot.conf").write_text(text)
        (folder / "run").mkdir()
        for each in (folder, folder / "run") if uid is not None else ():
            os.chown(each, NOBODY, NOBODY)
        yield Dovecot(folder, uid)
