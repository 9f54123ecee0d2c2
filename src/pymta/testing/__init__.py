"""
For tests: of applications that use pymta, and of providers that others write for its interfaces.
"""
