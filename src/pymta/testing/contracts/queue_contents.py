"""
Clauses of content: every octet comes back, and none stays longer than its message.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from zope.interface import implementer

from pymta.aio import gather
from pymta.errors import MessageGone, SpoolError
from pymta.interfaces.content import (
    SLICE,
    Cut,
    IContent,
    Joined,
    Octets,
    octets_of,
    prefixed,
)
from pymta.interfaces.queue import Done, Settlement
from pymta.outcome import Delivered
from pymta.testing.contracts.queue_case import Bench, clause

__all__ = ["ContentClauses", "Foreign", "Unreadable"]


def _pattern(size: int) -> bytes:
    block = b"".join(n.to_bytes(3) for n in range(8_192))
    return (block * (size // len(block) + 1))[:size]


@implementer(IContent)
class Foreign:
    """Somebody else's content: nothing is known of it but the interface."""

    def __init__(self, octets: bytes) -> None:
        self.size = len(octets)
        self._octets = octets

    async def read(self, start: int, stop: int) -> bytes:
        return self._octets[start : min(stop, start + SLICE)]


@implementer(IContent)
class Unreadable:
    """Content that breaks when it is read to its end."""

    def __init__(self, size: int) -> None:
        self.size = size

    async def read(self, start: int, stop: int) -> bytes:
        stop = min(stop, self.size, start + SLICE)
        if stop == self.size:
            raise SpoolError("the disk has a bad block")
        return bytes(stop - start)


async def _written(queue: Bench, data: bytes, cut: int = SLICE) -> IContent:
    writer = queue.store.create()
    for start in range(0, len(data), cut):
        await writer.write(data[start : start + cut])
    return await writer.finish()


async def _direct(queue: Bench, data: bytes) -> IContent:
    return Octets(data)


async def _foreign(queue: Bench, data: bytes) -> IContent:
    return Foreign(data)


async def _prefixed(queue: Bench, data: bytes) -> IContent:
    return prefixed(data[:10], Octets(data[10:]))


async def _written_prefixed(queue: Bench, data: bytes) -> IContent:
    return prefixed(data[:10], await _written(queue, data[10:]))


async def _long_prefix(queue: Bench, data: bytes) -> IContent:
    half = len(data) // 2
    return Joined(Octets(data[:half]), await _written(queue, data[half:]))


async def _joined(queue: Bench, data: bytes) -> IContent:
    third = len(data) // 3
    parts = (data[:third], data[third : 2 * third], data[2 * third :])
    return Joined(*[Foreign(part) for part in parts], Octets(b""))


async def _cut(queue: Bench, data: bytes) -> IContent:
    return Cut(await _written(queue, b"ab" + data + b"c"), 2, len(data) + 2)


Made = Callable[[Bench, bytes], Awaitable[IContent]]

SIZES = (0, 1, 5_000, SLICE - 1, SLICE, SLICE + 1, 200_001)


async def _round_trip(queue: Bench, make: Made) -> None:
    """Every size, added, claimed and read; and nothing left when it was delivered."""
    for size in SIZES:
        await _there_and_back(queue, make, _pattern(size))
    assert 0 == await queue.case.kept_octets(queue.store)


async def _there_and_back(queue: Bench, make: Made, data: bytes) -> None:
    content = await make(queue, data)
    await queue.add(queue.mail(f"S{len(data)}", content=content))
    claim = await queue.claim_one()
    assert len(data) == claim.content.size
    assert data == await octets_of(claim.content)
    await queue.store.settle([queue.done(claim)])


class ContentClauses:
    """What becomes of octets."""

    @clause
    async def test_content_in_memory(self, queue: Bench) -> None:
        """Octets, of sizes on both sides of a slice."""
        await _round_trip(queue, _direct)

    @clause
    async def test_content_written(self, queue: Bench) -> None:
        """What this store's own writer made."""
        await _round_trip(queue, _written)

    @clause
    async def test_content_of_others(self, queue: Bench) -> None:
        """Content of which nothing is known but the interface."""
        await _round_trip(queue, _foreign)

    @clause
    async def test_content_prefixed(self, queue: Bench) -> None:
        """Trace fields in front of something in memory."""
        await _round_trip(queue, _prefixed)

    @clause
    async def test_content_written_and_prefixed(self, queue: Bench) -> None:
        """Trace fields in front of what was written."""
        await _round_trip(queue, _written_prefixed)

    @clause
    async def test_content_with_a_long_prefix(self, queue: Bench) -> None:
        """More in front than any header."""
        await _round_trip(queue, _long_prefix)

    @clause
    async def test_content_joined(self, queue: Bench) -> None:
        """Several parts, one of them empty."""
        await _round_trip(queue, _joined)

    @clause
    async def test_content_cut(self, queue: Bench) -> None:
        """A part of what was written."""
        await _round_trip(queue, _cut)

    @clause
    async def test_content_written_octet_by_octet(self, queue: Bench) -> None:
        """How a writer is fed changes nothing."""
        data = _pattern(3_000)
        content = await _written(queue, data, 1)
        await queue.add(queue.mail(content=content))

        assert data == await octets_of((await queue.claim_one()).content)

    @clause
    async def test_content_is_readable_before_it_is_added(self, queue: Bench) -> None:
        """``finish`` gives something that can be read: policies want to."""
        for size in SIZES:
            assert _pattern(size) == await octets_of(await _written(queue, _pattern(size)))

    @clause
    async def test_content_by_ranges(self, queue: Bench) -> None:
        """Exactly the octets asked for, at most a slice, nothing past the end."""
        data = _pattern(150_000)
        content = prefixed(b"X: y\r\n", await _written(queue, data))
        data = b"X: y\r\n" + data
        await queue.add(queue.mail(content=content))
        kept = (await queue.claim_one()).content
        for start, stop in ((0, 0), (0, 3), (2, 9), (6, 7), (70_000, 70_001), (149_999, 10**6)):
            assert data[start:stop] == await kept.read(start, stop), f"{start} to {stop}"
        assert data[:SLICE] == await kept.read(0, len(data))

    @clause
    async def test_content_with_two_readers(self, queue: Bench) -> None:
        """Several read at once."""
        data = _pattern(200_000)
        await queue.add(queue.mail(content=await _written(queue, data)))
        content = (await queue.claim_one()).content

        assert [data] * 4 == await gather(octets_of(content) for _ in range(4))

    @clause
    async def test_content_of_two_mails(self, queue: Bench) -> None:
        """One content in two mails of one call, as a journal copy is; each has it to its end."""
        for size in (100, 200_000):
            data = _pattern(size)
            content = await _written(queue, data)
            await queue.add(
                queue.mail(f"A{size}", content=content), queue.mail(f"B{size}", content=content)
            )
            first, second = await queue.claim()
            await queue.store.settle([queue.done(first)])
            assert data == await octets_of(second.content)
            await queue.store.settle([queue.done(second)])
        assert 0 == await queue.case.kept_octets(queue.store)

    @clause
    async def test_content_passed_on(self, queue: Bench) -> None:
        """A redirect has the octets of the mail that it follows from, after that one is gone."""
        for size in (100, 200_000):
            data = _pattern(size)
            await queue.add(queue.mail(f"A{size}", content=await _written(queue, data)))
            claim = await queue.claim_one()
            redirect = queue.mail(f"R{size}", content=prefixed(b"Resent: x\r\n", claim.content))
            await queue.store.settle([queue.done(claim, redirect)])
            claim = await queue.claim_one()
            assert b"Resent: x\r\n" + data == await octets_of(claim.content)
            await queue.store.settle([queue.done(claim)])
        assert 0 == await queue.case.kept_octets(queue.store)

    @clause
    async def test_content_goes_with_its_last_recipient(self, queue: Bench) -> None:
        """One of two recipients done: it stays.  Both: nothing of it is kept."""
        for size in (100, 200_000):
            content = await _written(queue, _pattern(size))
            await queue.add(
                queue.mail(f"A{size}", "a@example.net", "b@example.net", content=content)
            )
            claim = await queue.claim_one()
            one = {claim.recipients[0].recipient.id: Done(Delivered())}
            await queue.store.settle([Settlement(claim=claim, each=one)])
            claim = await queue.claim_one()
            assert _pattern(size) == await octets_of(claim.content)
            await queue.store.settle([queue.done(claim)])
            assert 0 == await queue.case.kept_octets(queue.store)

    @clause
    async def test_content_survives_a_restart(self, queue: Bench) -> None:
        """Octet for octet, small and large."""
        for size in SIZES:
            content = prefixed(b"X: y\r\n", await _written(queue, _pattern(size)))
            await queue.add(queue.mail(f"S{size}", content=content))
        await queue.restart()
        claims = await queue.claim()

        kept = {claim.queue_id: await octets_of(claim.content) for claim in claims}
        assert {f"S{size}": b"X: y\r\n" + _pattern(size) for size in SIZES} == kept

    @clause
    async def test_content_that_nothing_names_is_gone_after_a_restart(self, queue: Bench) -> None:
        """Finished or half written: a crash leaves no octets behind."""
        await _written(queue, _pattern(200_000))
        writer = queue.store.create()
        await writer.write(_pattern(SLICE))
        await writer.write(_pattern(SLICE))
        del writer
        await queue.restart()
        await queue.add(queue.mail(content=b"12345"))

        assert 5 == await queue.case.kept_octets(queue.store)

    @clause
    async def test_discard_drops_it(self, queue: Bench) -> None:
        """At every moment before ``add``, and twice."""
        for size in (10, 200_000):
            empty = queue.store.create()
            empty.discard()
            half = queue.store.create()
            for _ in range(3):
                await half.write(_pattern(size)[:SLICE])
            half.discard()
            whole = queue.store.create()
            for _ in range(3):
                await whole.write(_pattern(size)[:SLICE])
            await whole.finish()
            whole.discard()
            whole.discard()
        await queue.add(queue.mail(content=b"12345"))

        assert 5 == await queue.case.kept_octets(queue.store)

    @clause
    async def test_discard_after_add_comes_too_late(self, queue: Bench) -> None:
        """What a mail has is the queue's."""
        for size in (10, 200_000):
            writer = queue.store.create()
            for _ in range(3):
                await writer.write(_pattern(size)[:SLICE])
            content = await writer.finish()
            whole = await octets_of(content)
            await queue.add(queue.mail(f"A{size}", content=content))
            writer.discard()
            claim = await queue.claim_one()
            assert whole == await octets_of(claim.content)
            await queue.store.settle([queue.done(claim)])

    @clause
    async def test_discard_after_a_repeated_add_drops_the_copy(self, queue: Bench) -> None:
        """The content of a mail that was left out is nobody's."""
        await queue.add(queue.mail(content=b"12345"))
        writer = queue.store.create()
        for _ in range(3):
            await writer.write(_pattern(SLICE))
        await queue.add(queue.mail(content=await writer.finish()))
        writer.discard()
        await queue.add(queue.mail("A2", content=b"678"))

        assert 8 == await queue.case.kept_octets(queue.store)

    @clause
    async def test_writer_out_of_order(self, queue: Bench) -> None:
        """Nothing is written after the end: SpoolError."""
        finished, discarded = queue.store.create(), queue.store.create()
        await finished.write(b"x")
        await finished.finish()
        discarded.discard()
        calls: list[Callable[[], Any]] = [
            lambda: finished.write(b"y"),
            finished.finish,
            lambda: discarded.write(b"y"),
            discarded.finish,
        ]
        for call in calls:
            try:
                await call()
            except SpoolError:
                continue
            raise AssertionError("SpoolError expected")

    @clause
    async def test_content_handle_of_a_settled_mail(self, queue: Bench) -> None:
        """It gives the right octets or raises MessageGone; never others."""
        for size in (100, 200_000):
            data = _pattern(size)
            await queue.add(queue.mail(f"A{size}", content=await _written(queue, data)))
            claim = await queue.claim_one()
            await queue.store.settle([queue.done(claim)])
            await queue.add(queue.mail(f"B{size}", content=bytes(size)))
            try:
                assert data == await octets_of(claim.content)
            except MessageGone:
                pass
            await queue.store.settle([queue.done(await queue.claim_one())])
