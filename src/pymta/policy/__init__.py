"""
Deciding about mail: the chain that asks policies, and policies of our own.
"""
