"""
One TOML file for a server: ``tables`` says which keys there are, ``file`` reads one.

Tables map to constructors one to one; all mistakes are told at once, with line, path and hint.
"""
