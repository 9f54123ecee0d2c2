"""
What a server says: pure functions from values to lines, the CRLF included.
"""
