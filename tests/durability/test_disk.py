"""
Disks that are full, broken or slow: 4xx and never 250, and nothing that was acknowledged is lost.
"""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.durability.audit import (
    POP3,
    check_database,
    check_mail,
    queued,
    read_mail,
    retry_all,
    until,
)
from tests.durability.child import Child, child
from tests.durability.faults import Fault
from tests.durability.load import Books, Sent, message
from tests.durability.talk import Talk
from tests.durability.trace import kill_traced, needs_strace, strace, terminate

SIZES = (1_500, 70_000)


def _send(server: Child, books: Books, name: str, *, size: int = 1_500, by: str = "smtp") -> str:
    """One message on a connection of its own, into ``box0``.  :returns: the last answer."""
    books.sent[name] = Sent(("box0",), size, by)
    try:
        with Talk(server.ports[by], hello="EHLO" if by == "smtp" else "LHLO") as talk:
            answer = talk.send(message(name, size), "box0")
    except OSError as error:
        return f"421 {error}"
    if answer[:1] == "2":
        books.acknowledged.add((name, "box0"))
    return answer


def _send_until_no(server: Child, books: Books, most: int) -> str:
    for number in range(most):
        answer = _send(server, books, f"n{number}", size=SIZES[number % 2])
        if answer[:1] != "2":
            return answer
    return answer


def _read_all(directory: Path, books: Books) -> None:
    """Restart, let the queue be worked off, and audit."""
    with child(directory) as server:
        until(lambda: not queued(directory), 60, "the queue is not worked off")
        delivered = read_mail(server.ports["pop3"], books, ["box0"])
        server.terminate()
    check_mail(books, delivered)
    check_database(directory)


@pytest.mark.parametrize("by", ["smtp", "lmtp", "queued"])
def test_d04_after_one_eio_nothing_is_taken_until_a_restart(tmp_path: Path, by: str) -> None:
    """The disk is good again at once; a second sync would succeed, and prove nothing."""
    directory, books = tmp_path / "store", Books()
    with child(directory) as server:
        assert _send(server, books, "first", by=by).startswith("250")
        until(lambda: not queued(directory), 30, "delivered")
        server.terminate()
    fault = Fault(place="commit", when="after", call=4, what="eio")
    with child(directory, faults=[fault]) as server:
        answers = [_send(server, books, f"then{n}", by=by) for n in range(12)]
        bad = next(n for n, answer in enumerate(answers) if answer[:1] != "2")

        assert {"4"} == {answer[0] for answer in answers[bad:]}
        assert "4" == _send(server, books, "large", size=70_000, by=by)[0]
        assert server.alive
        server.kill()
    _read_all(directory, books)


@needs_strace
def test_d04_eio_of_fdatasync_itself(tmp_path: Path) -> None:
    """The kernel says EIO to one sync of the log: that message is not acknowledged, nor any."""
    directory, books = tmp_path / "store", Books()
    with child(directory) as server:
        assert _send(server, books, "first").startswith("250")
        server.terminate()
    inject = ("-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=12")
    with child(directory, before=strace(tmp_path / "trace", *inject)) as server:
        answer = _send_until_no(server, books, 30)
        assert "4" == answer[0]
        for number in range(5):
            assert "4" == _send(server, books, f"later{number}")[0]
        kill_traced(server.pid)
        server.process.wait(40)
    assert "(INJECTED)" in (tmp_path / "trace").read_text()
    _read_all(directory, books)


@needs_strace
def test_d04_eio_of_a_content_file(tmp_path: Path) -> None:
    """A large message whose file is not synced is refused; the next one is a file of its own."""
    directory, books = tmp_path / "store", Books()
    inject = ("-e", "trace=fsync", "-e", "inject=fsync:error=EIO:when=3")
    with child(directory, before=strace(tmp_path / "trace", *inject)) as server:
        answers = [_send(server, books, f"n{n}", size=70_000)[0] for n in range(6)]
        until(lambda: not queued(directory), 30, "delivered")
        terminate(server.pid)
        server.process.wait(40)
    injected = (tmp_path / "trace").read_text().count("(INJECTED)")  # one for each thread
    assert 1 <= injected <= 4
    assert injected == answers.count("4")
    assert 6 - injected == answers.count("2")
    _read_all(directory, books)


@contextmanager
def _small_disk(folder: Path, size: str) -> Iterator[Path]:
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    with contextlib.suppress(OSError):
        if subprocess.run(command, check=False, capture_output=True).returncode == 0:
            try:
                yield folder
            finally:
                subprocess.run(["umount", "-l", str(folder)], check=False)
            return
    pytest.skip("needs root, to mount a small tmpfs")


def _fill(disk: Path) -> Path:
    """Use up what an ordinary user may write."""
    filler = disk / "filler"
    with filler.open("ab", buffering=0) as file:
        for size in (65_536, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * size)
    return filler


def test_d04_full_disk_takes_nothing_settles_and_takes_again(tmp_path: Path) -> None:
    """452 at MAIL or at the end, never 250; what was queued is delivered once there is room."""
    books = Books()
    limits = {"message_size": 1024 * 1024}
    with _small_disk(tmp_path / "disk", "40m") as disk:
        directory = disk / "store"
        options = {"limits": limits, "free_space": 2 * 1024 * 1024}
        with child(directory, **options, pause=3) as server:
            before = [_send(server, books, f"before{n}", size=SIZES[n % 2]) for n in range(10)]
            filler = _fill(disk)
            during = [_send(server, books, f"during{n}", size=SIZES[n % 2]) for n in range(10)]
            time.sleep(4)
            _fill(disk)
            during += [_send(server, books, f"late{n}", size=SIZES[n % 2]) for n in range(6)]
            assert {"2"} == {answer[0] for answer in before}
            acknowledged = {name for name, _ in books.acknowledged if name.startswith(("d", "l"))}
            refused = [answer for answer in during if answer[0] == "4"]
            assert len(during) == len(refused) + len(acknowledged)
            assert {"452"} >= {answer[:3] for answer in during[-6:]}
            assert server.alive
            filler.unlink()
            time.sleep(1.5)
            after = [_send(server, books, f"after{n}", size=SIZES[n % 2]) for n in range(10)]
            assert {"2"} == {answer[0] for answer in after}
            server.terminate()
        retry_all(directory)
        with child(directory, **options) as server:
            until(lambda: not queued(directory), 30, "the queue is not worked off")
            delivered = read_mail(server.ports["pop3"], books, ["box0"])
            server.terminate()
        check_mail(books, delivered)
        check_database(directory)


def test_d04_full_database_settles_what_was_delivered(tmp_path: Path) -> None:
    """SQLITE_FULL for everything that takes: what is in the queue is delivered no second time."""
    directory, books = tmp_path / "store", Books()
    fault = Fault(place="add", when="before", call=6, last=0, what="full")
    with child(directory, faults=[fault], pause=1) as server:
        answers = [_send(server, books, f"n{n}") for n in range(8)]
        assert ["2"] * 5 + ["4"] * 3 == [answer[0] for answer in answers]
        assert {"452"} == {answer[:3] for answer in answers[5:]}
        until(lambda: not queued(directory), 30, "the queue is not worked off")
        server.terminate()
    _read_all(directory, books)


def test_d04_disk_of_five_seconds_a_commit_lets_others_talk(tmp_path: Path) -> None:
    """One waits for his 250; everybody else has answers within a tenth of a second."""
    directory, books = tmp_path / "store", Books()
    fault = Fault(place="commit", when="before", call=8, what="sleep", seconds=5)
    with child(directory, faults=[fault]) as server:
        with Talk(server.ports["smtp"]) as slow, Talk(server.ports["smtp"]) as other:
            slowest, worst = 0.0, 0.0
            for number in range(12):
                octets = message(f"slow{number}", 1_500)
                books.sent[f"slow{number}"] = Sent(("box0",), 1_500, "smtp")
                assert "2" == slow.begin("box0")[0]
                began = time.monotonic()
                slow.socket.sendall(b"BDAT %d LAST\r\n" % len(octets) + octets)
                worst = max(worst, _noops(other, slow, 6.0))
                assert "250" == slow.reply()[:3]
                books.acknowledged.add((f"slow{number}", "box0"))
                slowest = max(slowest, time.monotonic() - began)
                if slowest > 4:
                    break
        assert 4 < slowest
        assert worst < 0.25
        with closing(POP3(server.ports["pop3"], "box1")):
            pass
        server.terminate()
    _read_all(directory, books)


def _noops(other: Talk, slow: Talk, seconds: float) -> float:
    """Ask until ``slow`` has its answer.  :returns: the longest wait."""
    import select

    worst, end = 0.0, time.monotonic() + seconds
    while not select.select([slow.socket], [], [], 0.02)[0]:
        began = time.monotonic()
        assert began < end, "no answer"
        assert "250" == other.say("NOOP")[:3]
        worst = max(worst, time.monotonic() - began)
    return worst
