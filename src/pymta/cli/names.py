"""
What this machine is called.
"""

from __future__ import annotations

import socket

from pymta.address import parse_domain
from pymta.errors import AddressError

__all__ = ["host_name"]


def host_name() -> str:
    """As it calls itself, without asking the DNS."""
    try:
        return parse_domain(socket.gethostname())
    except AddressError:
        return "localhost"
