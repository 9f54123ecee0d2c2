"""
Everyone who can be measured, in the order of the tables.
"""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

from tests.benchmarks.peers.haraka import Haraka
from tests.benchmarks.peers.ours import Ours, backlog
from tests.benchmarks.peers.peer import Missing, Peer
from tests.benchmarks.peers.postfix import Postfix

__all__ = ["ALONE", "EVERYONE", "versions"]

DEAD = "[dead.test]:25"
_CORES = os.cpu_count() or 1


def versions(*packages: str) -> str:
    try:
        named = [f"{package} {version(package)}" for package in packages]
    except PackageNotFoundError as missing:
        raise Missing(f"{missing.name} is not installed") from None
    return ", ".join([*named, f"{platform.python_implementation()} {platform.python_version()}"])


def _storing(name: str, module: str, package: str, *, threads: bool) -> Ours:
    where = "each in a thread" if threads else "in the loop, as a short handler does"
    return Ours(
        name=name,
        note=f"one file a message, file and folder synced before the 250, {where}",
        module=module,
        figures=("kept",),
        versions=lambda: versions(package),
        options=(("threads", threads),),
    )


ALONE = Ours(
    name="pymta-alone",
    note="the same in one process",
    module="mta",
    figures=("kept", "delivered", "relayed"),
    reports=("turns", "opening"),
    versions=lambda: versions("pymta-twisted"),
)

EVERYONE: tuple[Peer, ...] = (
    Ours(
        name="pymta",
        note=f"{_CORES} workers; all of its checks; kept: in a suspended lane; delivered: INBOX; "
        "relayed: a next hop",
        module="mta",
        figures=("kept", "delivered", "relayed"),
        reports=("turns", "opening"),
        versions=lambda: versions("pymta-twisted", "Twisted", "SQLAlchemy"),
        options=(("workers", _CORES),),
    ),
    ALONE,
    Ours(
        name="pymta-backlog",
        note="in one process, with 100,000 recipients deferred",
        module="mta",
        figures=("kept", "delivered", "relayed"),
        reports=("turns",),
        versions=lambda: versions("pymta-twisted"),
        prepare=lambda store: backlog(store, hop=DEAD, recipients=100_000),
    ),
    Postfix(),
    _storing("twisted.mail", "twisted_mail", "Twisted", threads=False),
    _storing("aiosmtpd", "aiosmtpd_store", "aiosmtpd", threads=False),
    _storing("twisted.mail-threads", "twisted_mail", "Twisted", threads=True),
    _storing("aiosmtpd-threads", "aiosmtpd_store", "aiosmtpd", threads=True),
    Haraka(),
    Ours(
        name="ceiling-durable",
        note="a bare Twisted protocol with one log, synced by groups",
        module="ceiling",
        figures=("kept",),
        versions=lambda: versions("Twisted"),
        options=(("durable", True),),
    ),
    Ours(
        name="ceiling-nothing",
        note="a bare Twisted protocol that forgets what it is sent",
        module="ceiling",
        figures=("kept",),
        versions=lambda: versions("Twisted"),
        options=(("durable", False),),
    ),
)
