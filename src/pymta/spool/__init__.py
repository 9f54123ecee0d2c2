"""
Content on its way in: up to 64 KiB in memory, beyond that in a file.

A store that keeps files gives its own folder and threads, so that what was spooled need not be
copied when a commit names it.
"""
