"""
Delivery agents: each carries mail to one kind of next hop, once, and says what became of it.

``local`` puts it into a mailbox, ``discard`` nowhere.
"""
