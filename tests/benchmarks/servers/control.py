"""
How a server of ours talks with the benchmark: its port as a line of JSON on standard output, and
one for each line that it reads, in a thread that otherwise sleeps.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

__all__ = ["Answers", "answering", "listens", "say"]


def say(told: Any) -> None:
    """Write one line."""
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


Answers: TypeAlias = Mapping[str, Callable[[], Any]]


def listens(port: int, answers: Answers, close: Callable[[], None]) -> None:
    """
    Tell where; then answer who asks.

    :param answers: by what was asked; called in a thread.
    :param close: called in a thread at the end of standard input.
    """
    say(port)
    threading.Thread(target=_answer, args=(answers, close), daemon=True).start()


def _answer(answers: Answers, close: Callable[[], None]) -> None:
    for line in sys.stdin:
        say(answers[line.strip()]())
    close()
    # Whoever does not end by himself is ended: nobody is there any more.
    timer = threading.Timer(3, os._exit, [0])
    timer.daemon = True
    timer.start()


def answering(path: str, answers: Answers) -> None:
    """Answer whoever connects to this UNIX socket: one question, one answer."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen()
    threading.Thread(target=_answer_all, args=(listening, answers), daemon=True).start()


def _answer_all(listening: socket.socket, answers: Answers) -> None:
    while True:
        asking, _ = listening.accept()
        with asking, asking.makefile() as lines:
            asking.sendall(json.dumps(answers[lines.readline().strip()]()).encode())
