"""
The pytest plug-in, entry point ``pytest11``.

It imports nothing of pymta at load: every run of pytest on the machine loads it.  Fixtures that
start servers come with the pytest kit; the contract kits (:mod:`pymta.testing.contracts`) need
no plug-in.
"""
