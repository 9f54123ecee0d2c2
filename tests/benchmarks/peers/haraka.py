"""
Haraka, from npm: taken from the cache folder, or put there once.

It keeps mail in its outbound queue: one file a message, which it syncs (its folder not).  A plug-in
of a few lines lets everybody relay, names the next hop, and looks up no names of clients.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.benchmarks.driving import free_port
from tests.benchmarks.peers.peer import Missing, Running, Stand
from tests.benchmarks.processes import end

__all__ = ["Haraka"]

_INSTALL_SECONDS = 300.0
_START_SECONDS = 20.0

_OPEN_RELAY = """\
exports.hook_lookup_rdns = (next) => next(OK, 'client.example.test');
exports.hook_connect = (next, connection) => {{ connection.relaying = true; next(); }};
exports.hook_mail = (next) => next(OK);
exports.hook_rcpt = (next) => next(OK);
exports.hook_get_mx = (next) =>
  next(OK, {{ priority: 0, exchange: '127.0.0.1', port: {sink} }});
"""

_CONFIG = {
    "config/smtp.ini": "listen=127.0.0.1:{port}\n",
    "config/plugins": "open_relay\n",
    "config/me": "mx.example.test\n",
    "config/outbound.ini": "disabled={disabled}\nlocal_mx_ok=true\nenable_tls=false\n",
    "plugins/open_relay.js": _OPEN_RELAY,
}


class Haraka:
    """One process, as it comes."""

    name = "haraka"
    figures = ("kept", "relayed")
    note = "kept: in its outbound queue, delivery disabled; relayed: from there"

    def version(self) -> str:
        package = json.loads((_installed() / "package.json").read_text())
        node = subprocess.run(["node", "--version"], check=True, capture_output=True, text=True)
        return f"Haraka {package['version']}, Node.js {node.stdout.strip()}"

    @contextmanager
    def start(self, stand: Stand) -> Iterator[Running]:
        port = free_port()
        values = {
            "port": port,
            "sink": stand.sink,
            "disabled": "true" if stand.figure == "kept" else "false",
        }
        shutil.copytree(_installed() / "config", stand.folder / "config")
        for name, text in _CONFIG.items():
            path = stand.folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text.format(**values))
        (stand.folder / "queue").mkdir()
        with (stand.folder / "log").open("w") as log:
            process = subprocess.Popen(
                ["node", str(_installed() / "bin" / "haraka"), "-c", str(stand.folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            _wait(port, process, stand.folder)
            yield Running(
                pid=process.pid, port=port, recipient="user@elsewhere.test", stored=lambda: 0
            )
        finally:
            end(process.pid)
            process.wait()


def _installed() -> Path:
    """Its folder.  :raises Missing: it cannot be had."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    home = Path(cache) / "pymta-benchmark"
    haraka = home / "node_modules" / "Haraka"
    if (haraka / "bin" / "haraka").exists():
        return haraka
    if shutil.which("npm") is None or shutil.which("node") is None:
        raise Missing("Node.js with npm is not installed")
    home.mkdir(parents=True, exist_ok=True)
    install = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "Haraka"]
    try:
        subprocess.run(install, cwd=home, check=True, capture_output=True, timeout=_INSTALL_SECONDS)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        raise Missing("npm does not install Haraka here") from None
    return haraka


def _wait(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise Missing("it does not start: " + (folder / "log").read_text()[-300:])
