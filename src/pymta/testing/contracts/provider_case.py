"""
What the kits of small interfaces need of whoever runs them.

A test of a kit is a coroutine that gets a new provider; :func:`case` makes a plain test function
of it, so that pytest needs no plug-in.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

import pytest
from twisted.python.failure import Failure

from pymta.aio import start

__all__ = ["ProviderCase", "case"]

P = ParamSpec("P")
T = TypeVar("T")


class ProviderCase(Generic[T]):
    """Override :meth:`make`, and what else your provider needs."""

    async def make(self) -> T:
        """A new provider."""
        raise NotImplementedError

    async def reopen(self, provider: T) -> T:
        """The same after a restart; as it is, for providers that keep nothing."""
        pytest.skip("the provider keeps nothing: reopen() is not overridden")

    async def close(self, provider: T) -> None:
        """The test is over."""

    async def elapse(self, seconds: float) -> None:
        """Let the provider's time go on."""
        pytest.skip("the provider's clock cannot be moved: elapse() is not overridden")

    def run(self, test: Callable[[], Coroutine[Any, Any, None]]) -> object:
        """
        Run a test to its end.  As it is, for providers that never wait; with pytest-twisted, the
        others return ``pymta.aio.start(test())``.
        """
        ended: list[object] = []
        running = start(test())
        running.addBoth(ended.append)  # type: ignore[unused-awaitable]  # ended already
        assert ended, "the provider waits for something: override run()"
        if isinstance(ended[0], Failure):
            ended[0].raiseException()
        return None


def case(
    test: Callable[Concatenate[Any, T, P], Coroutine[Any, Any, None]],
) -> Callable[Concatenate[Any, P], object]:
    """A test that gets a new provider, as its first argument, and parameters."""

    @wraps(test)
    def run(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> object:
        async def whole() -> None:
            provider: T = await self.make()
            try:
                await test(self, provider, *args, **kwargs)
            finally:
                await self.close(provider)

        return self.run(whole)

    self, _, *parameters = inspect.signature(test).parameters.values()
    # pytest reads from it which parameters a test wants.
    vars(run)["__signature__"] = inspect.Signature([self, *parameters])
    return run
