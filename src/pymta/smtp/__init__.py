"""
SMTP, submission and LMTP on Twisted: listeners that drive :mod:`pymta.wire.smtp`.
"""
