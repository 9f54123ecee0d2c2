"""
IMAP4rev1 (:rfc:`3501`) and IMAP4rev2 (:rfc:`9051`) with their extensions, without I/O.

:mod:`~pymta.wire.imap.server` is the machine of a server.  What a client asks is a value of
:mod:`pymta.wire.imap.command`, read through a :class:`~pymta.wire.imap.cursor.Cursor`; what it is
told is written by the functions of :mod:`pymta.wire.imap.response`.  What a server offers is a
tuple of :mod:`~pymta.wire.imap.capability` values, ours and third parties' alike.
"""
