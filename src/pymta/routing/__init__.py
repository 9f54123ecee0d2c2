"""
Where recipients' mail goes: small routers, put together.

Each of them knows some recipients and says :data:`~pymta.routing.partial.NOT_MINE` of all others;
:class:`~pymta.routing.first_of.FirstOf` asks them in order and refuses what nobody knows, so that
a relay is open only to where somebody wrote it down.  Local parts are opaque: no router ever
looks for a second address inside one (percent signs, exclamation marks, quoted ``@``).
"""
