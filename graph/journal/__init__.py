"""The order in which things became known, kept so that nothing acknowledged is lost.

Here:   the port (journal.py) and its fillings: memory.py, sqlite.py.
Never:  rules about what may be said; a journal keeps what it is given.
"""
