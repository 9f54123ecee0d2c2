"""
Asking the DNS on the reactor: the provider of ``IDNSClient``, over dnspython.

A stub: one or several resolvers do the work, and their answers are kept as long as they say.
Nothing of dnspython crosses the seam.
"""
