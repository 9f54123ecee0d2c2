"""
What a client can ask: a module a family of commands, with its values and how they are read.

``parse_x(cursor)`` begins behind the verb, in front of the space, and leaves the end of the
command to its caller.
"""
