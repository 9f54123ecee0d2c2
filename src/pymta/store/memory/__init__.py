"""
Mailboxes in memory: gone with the process, and the reference for every other provider.
"""
