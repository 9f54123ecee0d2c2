"""
Providers of :class:`~pymta.interfaces.mailbox.IMailboxStore`: in memory, in SQL and in Maildirs.

All pass the same contract kit, :mod:`pymta.testing.contracts.mailbox`.  The one in memory is the
reference, and what tests use; the one in SQL shares the database, and so the group commit, with
the queue; Maildirs are shared with other programs.
"""
