"""
What listeners share: the connection under a protocol machine, limits, TLS, logins, PROXY.
"""
