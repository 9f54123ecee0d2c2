"""
aiosmtpd: its controller's protocol, with a handler that stores one synced file a message.

``python -m tests.benchmarks.servers.aiosmtpd_store '{"folder": ..., "threads": false}'``
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from typing import Any

from aiosmtpd.smtp import SMTP

from tests.benchmarks.servers.control import listens
from tests.benchmarks.servers.storing import Folder


class Storing:
    """Its hooks; what they return is the answer."""

    def __init__(self, folder: Folder, *, threads: bool) -> None:
        self._folder = folder
        self._threads = threads

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self._threads:
            await asyncio.to_thread(self._folder.store, envelope.content)
        else:
            self._folder.store(envelope.content)
        return "250 OK"


async def serve(options: dict[str, Any]) -> None:
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    loop = asyncio.get_running_loop()
    folder = Folder(options["folder"])

    def protocol() -> SMTP:
        return SMTP(
            Storing(folder, threads=options["threads"]), hostname="mx.example.test", loop=loop
        )

    server = await loop.create_server(protocol, "127.0.0.1", 0, backlog=1024)
    over = asyncio.Event()

    def close() -> None:
        loop.call_soon_threadsafe(over.set)

    listens(
        server.sockets[0].getsockname()[1],
        {"stored": lambda: folder.stored},
        close,
    )
    await over.wait()
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(json.loads(sys.argv[1])))
