"""
POP3 (:rfc:`1939`), both sides, without I/O.

:mod:`~pymta.wire.pop3.server` is the machine of a server, :mod:`~pymta.wire.pop3.client` that of
a client; both speak in the values of :mod:`~pymta.wire.pop3.events`: what a client sends is what
a server is asked.  What a server offers beyond :rfc:`1939` is a tuple of
:mod:`~pymta.wire.pop3.capability` values, ours and third parties' alike.
"""
