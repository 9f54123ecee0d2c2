"""
What each command does, one module a family, with the same names as in :mod:`pymta.wire.imap`.
"""
