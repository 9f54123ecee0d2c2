"""
POP3 on Twisted: listeners that drive :mod:`pymta.wire.pop3` over mailboxes.
"""
