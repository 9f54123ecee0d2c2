"""
Protocol machines without I/O: octets in, events out; answers in, octets out.

A machine never waits, never knows the time and never opens anything.  Whoever drives it
(:mod:`pymta.edge.connection`, a test, another machine) follows one pattern:

1. ``receive_data(octets)`` with what the network brought, ``b""`` when the peer has
   closed its side;
2. ``next_event()`` until it gives :data:`NEED_DATA`; an event that asks something is
   answered through the machine's own methods before the next is taken;
3. ``data_to_send()`` for what to write; and when ``closing`` is true and all is written,
   close the connection.
"""

from pymta.wire._lines import NEED_DATA, NeedData
from pymta.wire._serving import AuthCancelled, AuthResponse, Closed

__all__ = ["NEED_DATA", "AuthCancelled", "AuthResponse", "Closed", "NeedData"]
