"""
250 means durable, seen from below: the system calls of the server, in their order.

Not what the code says that it does, but what the kernel was asked for, by ``strace``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from tests.durability.audit import queued, until
from tests.durability.child import child
from tests.durability.load import Books, Clients
from tests.durability.trace import Call, needs_strace, read_trace, strace, terminate

MESSAGES = 400
LARGE = 70_000


def _traced(
    tmp_path: Path, listener: str, sizes: Sequence[int], *, connections: int, messages: int
) -> list[Call]:
    async def send(ports: dict[str, int]) -> Books:
        books = Books()
        clients = Clients(
            books,
            listeners=[listener],
            connections=connections,
            sizes=sizes,
            weights=[1] * len(sizes),
            most=messages,
        )
        clients.begin()
        clients.serve(ports)
        await clients.finish()
        return books

    output = tmp_path / "trace"
    what = "trace=fsync,fdatasync,sendto,recvfrom,unlink,openat"
    with child(tmp_path / "store", before=strace(output, "-e", what)) as server:
        books = asyncio.run(send(server.ports))
        assert messages == len(books.sent)
        assert {"2"} == {answer[0] for answer in books.answers}
        until(lambda: not queued(tmp_path / "store"), 30, "the queue is not worked off")
        terminate(server.pid)
        server.process.wait(30)
    return read_trace(output)


def _syncs(calls: Sequence[Call], path: str = "") -> list[Call]:
    names = ("fsync", "fdatasync")
    return [c for c in calls if c.name in names and path in c.path and c.result == 0]


def _answers(calls: Sequence[Call]) -> list[tuple[float, Call]]:
    """Each answer to a content, with the end of the read that brought the last octets of it."""
    last: dict[int, float] = {}
    found = []
    for call in sorted(calls, key=lambda call: call.ended):
        if call.name == "recvfrom" and call.result > 0:
            last[call.fd] = call.ended
    last.clear()
    for call in calls:
        if call.name == "recvfrom" and call.result > 0:
            last[call.fd] = call.ended
        elif call.name == "sendto" and ('"250 2.0.0 q' in call.text or '"250 2.1.5 D' in call.text):
            found.append((last[call.fd], call))
    return found


def _check_order(calls: Sequence[Call], messages: int) -> None:
    log = _syncs(calls, "pymta.db-wal")
    answers = _answers(calls)
    assert messages == len(answers)
    for read, answer in answers:
        between = [s for s in log if read <= s.began and s.ended <= answer.began]
        assert between, f"no sync between {read} and {answer}"


@needs_strace
def test_d01_queued_is_synced_first_and_20_connections_share_the_syncs(tmp_path: Path) -> None:
    """The log is synced between the last octet and the 250; four messages a sync, or more."""
    calls = _traced(tmp_path, "smtp", [1_500], connections=20, messages=MESSAGES)
    first = min(call.began for call in calls if call.name == "recvfrom")
    syncs = [sync for sync in _syncs(calls) if sync.began > first]
    print(f"\n{MESSAGES} queued and delivered, {len(syncs)} syncs")
    _check_order(calls, MESSAGES)
    assert len(syncs) <= MESSAGES / 4


@needs_strace
def test_d01_lmtp_is_in_the_mailbox_and_synced_first(tmp_path: Path) -> None:
    """The same of what LMTP delivers at once."""
    calls = _traced(tmp_path, "lmtp", [1_500], connections=20, messages=MESSAGES)
    first = min(call.began for call in calls if call.name == "recvfrom")
    syncs = [sync for sync in _syncs(calls) if sync.began > first]
    print(f"\n{MESSAGES} delivered at once, {len(syncs)} syncs")
    answers = _answers(calls)
    log = _syncs(calls, "pymta.db-wal")
    for read, answer in answers:
        assert any(read <= s.began and s.ended <= answer.began for s in log)
    assert len(syncs) <= MESSAGES / 4


@needs_strace
def test_d01_large_content_is_synced_with_its_name_before_the_commit(tmp_path: Path) -> None:
    """Beyond 64 KiB: the file, then the folder, then the log, then the 250."""
    calls = _traced(tmp_path, "smtp", [LARGE], connections=1, messages=20)
    _check_order(calls, 20)
    answers = _answers(calls)
    for read, answer in answers:
        mine = [s for s in _syncs(calls) if read <= s.began and s.ended <= answer.began]
        files = [s for s in mine if "/content/" in s.path]
        folders = [s for s in mine if s.path.endswith("/content")]
        log = [s for s in mine if s.path.endswith("-wal")]
        assert files
        assert folders
        assert any(files[0].ended <= f.began for f in folders)
        assert any(folders[0].ended <= s.began for s in log)
