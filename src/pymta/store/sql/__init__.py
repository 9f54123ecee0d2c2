"""
Mailboxes in SQL, on the :class:`~pymta.database.Database` that the queue uses too.

==============  ==============================================  =================================
state           how it came here                                what a crash before the next leaves
==============  ==============================================  =================================
nothing         ``append`` reads the content, and places it     an unlocked file, swept at open
there           one commit: contents, letters, messages,        everything of the call: the UID, the
                delivery ids, counters, the next UID            modseq, the octets, the delivery id
expunged        one commit: messages become tombstones, which   tombstones with their letters, which
                keep the letter                                 a later sweep finds
octets gone     a sweep, an hour later: letters that nobody     as before or after, in chunks of 500
                refers to, their contents with them
forgotten       when a mailbox has too many tombstones          as before or after
==============  ==============================================  =================================

Deleting a mailbox takes its row out of the account; a sweep takes its messages, in chunks, so that
no commit is longer than others can wait.

A *letter* is what copies of a message have in common: its octets (a content and a prefix),
envelope and structure.  It counts who refers to it: messages, and tombstones for an hour.

UIDs and modseqs are taken from rows that the same transaction writes, so their order is that of
the commits.  One counter an account gives the modseqs of all its mailboxes, and one a database
numbers the changes of all accounts, for the doorbell.
"""
