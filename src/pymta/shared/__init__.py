"""
State that connections, and processes, share for a time: providers of ``ISharedState``.

In memory for one process; in the database for several, and for what must outlive a restart.
"""
