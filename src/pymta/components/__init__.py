"""
The reference parts, put together once: what a server is made of, and in which order it starts.

:class:`~pymta.components.system.MailSystem` is what to read first: a whole mail system, as the
test server, the demo, ``twistd pymta`` and applications run it.  ``stores`` and ``people`` are
its two choices; :func:`wrap` is for whoever wants one method of a part to be another.
"""

from __future__ import annotations

from pymta.components.wrapping import wrap

__all__ = ["wrap"]
