"""
Clients of the standard library, which know nothing of this project.
"""

from __future__ import annotations

import contextlib
import poplib
import smtplib
import ssl
import time
from collections.abc import Iterator

__all__ = ["MESSAGE", "fetched", "send", "untrusting"]

MESSAGE = b"From: ann@example.test\r\nSubject: hello\r\n\r\n.dot\r\n\r\nend\r\n"


def untrusting() -> ssl.SSLContext:
    """For certificates that were made on the spot."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def send(
    port: int, recipient: str, *, sender: str = "ann@example.test", message: bytes = MESSAGE
) -> None:
    """Send one message, plainly."""
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as smtp:
        smtp.sendmail(sender, [recipient], message)


def fetched(port: int, user: str, *, count: int = 1, password: str = "any") -> list[bytes]:
    """The messages of a user, as soon as there are so many of them."""
    deadline = time.monotonic() + 20
    while True:
        with _logged_in(port, user, password) as pop:
            there = pop.stat()[0]
            if there >= count or time.monotonic() > deadline:
                return [b"\r\n".join(pop.retr(n + 1)[1]) + b"\r\n" for n in range(there)]
        time.sleep(0.05)


@contextlib.contextmanager
def _logged_in(port: int, user: str, password: str) -> Iterator[poplib.POP3]:
    pop = poplib.POP3("127.0.0.1", port, timeout=30)
    try:
        pop.user(user)
        pop.pass_(password)
        yield pop
    finally:
        with contextlib.suppress(OSError, poplib.error_proto):
            pop.quit()
