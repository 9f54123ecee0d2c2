"""
Delivery agents: each carries mail to one kind of next hop, once, and says what became of it.

``local`` puts it into a mailbox, ``relay`` carries it to other servers by SMTP or LMTP (with
``mx``, ``pool``, ``answers``, ``tls_policy``), ``file`` writes it into files, ``discard`` nowhere.
"""
