"""
Contract kits: what an interface promises, as tests that anybody runs against a provider.
"""
