"""
A PostgreSQL of the tests' own: made in a folder, on a free port of loopback and a UNIX socket, with
every sync done, and ended with the run.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "listen_addresses": "127.0.0.1",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "log_min_messages": "warning",
}


_TABLES = r"""
SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE 'pymta\_%'
AND tablename NOT IN ('pymta_alembic_version', 'pymta_mail_state')
"""


def programs() -> Path | None:
    """Where the server's programs are: of Debian's newest, or of the PATH."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    debian = [path for path in Path("/usr/lib/postgresql").glob("*/bin/initdb") if path.is_file()]
    newest = max(debian, key=lambda path: int(path.parts[-3]), default=None)
    return None if newest is None else newest.parent


class Server:
    """
    One cluster, whose databases are made by :meth:`database`.

    Its superuser is ``pymta``, without a password, on sockets that only this machine has.
    """

    def __init__(self, folder: Path, where: Path) -> None:
        self._folder = folder
        self._where = where
        self._count = 0
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._run("initdb", "-D", str(folder / "data"), "-U", "pymta", "-A", "trust", "-E", "UTF8")

    def url(self, name: str = "postgres") -> str:
        """As Database takes it."""
        return f"postgresql+psycopg://pymta@127.0.0.1:{self.port}/{name}"

    def connect(self, name: str = "postgres", **more: Any) -> psycopg.Connection:
        """As an application does."""
        where = {"host": str(self._folder), "port": self.port, "user": "pymta", "dbname": name}
        return psycopg.connect(**{**where, **more})

    def database(self, template: str = "template1") -> str:
        """Make a database; its name."""
        self._count += 1
        name = f"test_{self._count}"
        with self.connect(autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def empty(self, name: str) -> None:
        """Whoever is connected is not any more, and our tables are as a migration leaves them."""
        self.disconnect(name)
        with self.connect(name) as connection:
            tables = connection.execute(_TABLES).fetchall()
            for (table,) in tables:
                connection.execute(f"DELETE FROM {table}")

    def disconnect(self, name: str) -> None:
        """End everybody's connection to a database, as an administrator may."""
        with self.connect(autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = %s AND pid <> pg_backend_pid()",
                (name,),
            )

    def start(self) -> None:
        """Until it answers; nothing if it does."""
        if self._process is not None:
            return
        options = [f"-c{name}={value}" for name, value in SETTINGS.items()]
        with open(self._folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                [
                    *_mortal(),
                    *(str(self._where / "postgres"), "-D", str(self._folder / "data")),
                    *("-p", str(self.port), "-k", str(self._folder), *options),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **_somebody(),
            )
        self._wait()

    def stop(self) -> None:
        """Everybody is disconnected, and what was committed is there at the next start."""
        self._end(signal.SIGINT)

    def crash(self) -> None:
        """At once, without a word to the disk."""
        self._end(signal.SIGQUIT)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how)
            process.wait(timeout=60)

    def _wait(self) -> None:
        until = time.monotonic() + 60
        while True:
            try:
                self.connect().close()
                return
            except psycopg.OperationalError:
                assert self._process is not None
                if self._process.poll() is not None or time.monotonic() > until:
                    log = (self._folder / "log").read_text(errors="replace")
                    raise RuntimeError(f"PostgreSQL does not start:\n{log}") from None
            time.sleep(0.05)

    def _run(self, name: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._where / name), *arguments],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            cwd=self._folder,
            **_somebody(),
        )


@contextmanager
def serving() -> Iterator[Server]:
    """
    A server, as long as the context lasts.

    :raises LookupError: there is none on this machine.
    """
    where = programs()
    if where is None:
        raise LookupError("no PostgreSQL server here: Debian's package is postgresql")
    # Not below pytest's folder, which is root's alone where root runs the tests; and short, for a
    # socket's path.
    folder = Path(tempfile.mkdtemp(prefix="pymta-postgres-"))
    try:
        if os.getuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        server = Server(folder, where)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


def _mortal() -> list[str]:
    """It ends with whoever started it, also if that is killed."""
    found = shutil.which("setpriv")
    return [] if found is None else [found, "--pdeathsig", "INT", "--"]


def _somebody() -> dict[str, Any]:
    """PostgreSQL does not run as root."""
    return {"user": "postgres", "group": "postgres"} if os.getuid() == 0 else {}
