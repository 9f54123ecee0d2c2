"""
smtp-source, Postfix's load generator, sends over one connection a message, and over few.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interop.programs import program
from tests.interop.reading import TRACE
from tests.interop.servers import Server

MESSAGES = 40
LENGTH = 5000


@pytest.mark.parametrize("service", ["smtp", "lmtp"])
@pytest.mark.parametrize("reuse", [(), ("-d",)], ids=("anew", "-d"))
def test_many(server: Server, home: Path, reuse: tuple[str, ...], service: str) -> None:
    """
    All messages of four parallel sessions arrive, each once and as long as it was.
    """
    source = program("smtp-source", home, package="postfix")
    account = server.account()
    protocol = ("-L",) if service == "lmtp" else ()

    source.succeed(
        *protocol,
        *reuse,
        "-s4",
        f"-m{MESSAGES}",
        f"-l{LENGTH}",
        "-f",
        "source@elsewhere.test",
        "-t",
        account.address,
        f"127.0.0.1:{server.ports[service]}",
    )
    got = server.read_by(account, MESSAGES)

    assert MESSAGES == len(got)
    for message in got:
        trace = TRACE.match(message)
        assert trace is not None
        # It counts its text alone, and its header is short.
        assert LENGTH <= len(message) - trace.end() <= LENGTH + 500
    assert MESSAGES == len({message[: message.index(b";")] for message in got})
