"""
Mailboxes in Maildirs (Maildir++), which mutt, Dovecot, MDAs and backups know too.

What they know is in names of files and in Dovecot's small files: UIDs, flags, keywords,
subscriptions.  What they do not know is in an index of ours, which is made anew if it is removed.

A change is committed to the index together with a journal of what is to be done to files
(:mod:`~pymta.store.maildir.steps` has the table of states); a look into folders, under a lock,
makes rows of what other programs did (:mod:`~pymta.store.maildir.scanning`).
"""
