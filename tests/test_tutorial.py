"""
The tutorial, run as it stands.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(
    r"(?:^<!-- file: (?P<name>\S+) -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


def commands(text: str) -> list[tuple[str, str]]:
    """The commands of a console block, each with its output."""
    found: list[tuple[str, str]] = []
    for line in text.splitlines(keepends=True):
        if line.startswith("$ "):
            found.append((line[2:].strip(), ""))
        else:
            command, output = found[-1]
            found[-1] = (command, output + line)
    return found


def matches(expected: str, actual: str) -> bool:
    """Whether the output is as it stands, where ``...`` is anything."""
    pattern = re.escape(expected.rstrip("\n")).replace(re.escape("..."), r"[\s\S]*")
    return re.fullmatch(pattern, actual.rstrip("\n")) is not None


def test_tutorial(tmp_path: Path) -> None:
    """
    Every file of the tutorial is written, every command run, and says what it is said to say.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1"}
    run = 0
    for block in BLOCK.finditer((ROOT / "docs/tutorial.md").read_text()):
        if block["name"] is not None:
            (tmp_path / block["name"]).write_text(block["text"])
        if block["language"] != "console":
            continue
        for command, expected in commands(block["text"]):
            ended = subprocess.run(
                ["bash", "-c", command],
                cwd=tmp_path,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=60,
            )
            assert matches(expected, ended.stdout), f"$ {command}\n{ended.stdout}"
            run += 1

    assert 10 == run
