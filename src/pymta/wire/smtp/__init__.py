"""
SMTP, submission and LMTP as machines without I/O (:rfc:`5321`, :rfc:`6409`, :rfc:`2033`).

One server machine (:mod:`pymta.wire.smtp.server`) and one client machine
(:mod:`pymta.wire.smtp.client`); both speak the grammar of :mod:`pymta.wire.smtp.grammar` and
the extensions of :mod:`pymta.wire.smtp.extensions`.
"""
