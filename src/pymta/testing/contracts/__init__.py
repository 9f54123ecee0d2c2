"""
Contract kits: what every provider of a seam must do, as tests that run against yours.

Subclass a kit in a test module, say how a provider is made, and pytest runs every clause.  For
readable failures, ``pytest.register_assert_rewrite("pymta.testing.contracts")`` in a conftest.
"""
