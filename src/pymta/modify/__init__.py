"""
Making something else of a message before it is ours: modifiers and rewriters.
"""
