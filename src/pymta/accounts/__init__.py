"""
Accounts: who has mailboxes here, and their passwords.

:class:`~pymta.accounts.accounts.Accounts` is the directory, its administration and what logins
ask, over records in memory (:mod:`pymta.accounts.memory`) or in the database
(:mod:`pymta.accounts.sql`) and any mailbox store.  :func:`~pymta.accounts.cred.portal_for` makes a
cred portal of it.  :class:`~pymta.accounts.springing.Springing` is for tests and demos.
"""
