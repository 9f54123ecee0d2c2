"""
IMAP on Twisted: listeners that drive :mod:`pymta.wire.imap` over mailboxes.
"""
