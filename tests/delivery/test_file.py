"""
Tests for delivery into files: whole or not at all, for their owner alone.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest
from twisted.internet import reactor

from pymta.aio import start, timeout
from pymta.delivery.file import FileAgent
from pymta.interfaces.delivery import IDeliveryAgent
from pymta.outcome import Failed, Scope
from pymta.testing.contracts.delivery import DeliveryAgentContract
from pymta.testing.contracts.provider_case import case

REACTOR = cast("Any", reactor)
KIT = b"Subject: kit\r\n\r\n.\r\n..\r\nFrom the kit\r\n"


class TestFileAgent(DeliveryAgentContract):
    """The kit, and what files are beyond it."""

    idempotent: ClassVar[bool] = True

    @pytest.fixture(autouse=True)
    def _in_a_folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path / "mail"

    async def make(self) -> IDeliveryAgent:
        """One that was started."""
        self.agent = FileAgent(REACTOR, str(self.folder))
        await self.agent.start()
        return self.agent

    async def close(self, provider: IDeliveryAgent) -> None:
        """Stop it; nothing half done is left."""
        await self.agent.stop()
        assert [] == list(self.folder.glob(".*"))

    async def delivered(self, agent: IDeliveryAgent) -> Sequence[bytes]:
        """All files."""
        return [path.read_bytes() for path in sorted(self.folder.glob("*.eml"))]

    def run(self, test: Callable[[], Coroutine[Any, Any, None]]) -> object:
        """On the reactor, with a time limit."""
        return start(timeout(REACTOR, 30, test()))

    @case
    async def test_the_file(self, agent: IDeliveryAgent) -> None:
        """Named by queue id and recipient; the envelope in front, the message as it was."""
        await agent.deliver(self.attempt())
        (path,) = self.folder.iterdir()
        assert "Q1-7.eml" == path.name
        assert (
            b"Return-Path: <alice@example.test>\r\nDelivered-To: bob@example.test\r\n" + KIT
        ) == path.read_bytes()

    @case
    async def test_for_its_owner_alone(self, agent: IDeliveryAgent) -> None:
        """The folder too, where it was made."""
        await agent.deliver(self.attempt())
        (path,) = self.folder.iterdir()
        assert (0o600, 0o700) == tuple(
            stat.S_IMODE(os.stat(each).st_mode) for each in (path, self.folder)
        )

    @case
    async def test_a_folder_that_is_gone(self, agent: IDeliveryAgent) -> None:
        """Failed for now, with the reason for the log."""
        self.folder.rmdir()
        [result] = await agent.deliver(self.attempt())
        assert isinstance(result.outcome, Failed)
        assert (451, Scope.DESTINATION) == (result.outcome.reply.code, result.outcome.scope)
        assert "No such file" in (result.outcome.diagnostic or "")

    @case
    async def test_no_link_is_followed(self, agent: IDeliveryAgent) -> None:
        """Somebody who may write to the folder does not choose what is overwritten."""
        victim = self.folder.parent / "victim"
        victim.write_bytes(b"precious")
        link = self.folder / ".Q1-7.eml.part"
        link.symlink_to(victim)
        [result] = await agent.deliver(self.attempt())
        assert isinstance(result.outcome, Failed)
        assert b"precious" == victim.read_bytes()
