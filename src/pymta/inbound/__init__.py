"""
Mail comes in: the :class:`~pymta.interfaces.receive.IMailReceiver` that asks policies, routes,
spools, modifies and takes responsibility.
"""
