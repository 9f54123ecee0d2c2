"""
Other people's programs: looked for, run with a time limit, in a home of their own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

__all__ = ["Program", "program"]

SECONDS = 60.0
# Debian puts what is for administrators where ordinary people's PATH does not lead.
PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/lib/postfix/sbin"))


@dataclass(frozen=True, slots=True)
class Program:
    """One that is installed.  :param home: where it finds and keeps what is its user's."""

    path: str
    home: Path

    def run(self, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """
        Run it to its end.

        :param given: what it reads from standard input.
        """
        return subprocess.run(
            [self.path, *arguments],
            input=given,
            capture_output=True,
            check=False,
            timeout=SECONDS,
            cwd=self.home,
            env={"HOME": str(self.home), "PATH": PATH, "LC_ALL": "C.UTF-8"},
        )

    def succeed(self, *arguments: str, given: bytes = b"") -> bytes:
        """Run it, see that it is content, and give what it printed."""
        done = self.run(*arguments, given=given)
        assert 0 == done.returncode, (done.stdout + done.stderr).decode(errors="replace")
        return done.stdout


def program(name: str, home: Path, *, package: str | None = None) -> Program:
    """
    The program, or a skipped test.

    :param package: Debian's, where it has another name.
    """
    path = shutil.which(name, path=PATH)
    if path is None:
        pytest.skip(f"{package or name} is not installed")
    return Program(path, home)
