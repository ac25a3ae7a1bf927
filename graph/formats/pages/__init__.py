"""The plain text of a web page about one country, as an organisation's own pages are.

Here:   what its lines are, what labels count, the page -> country, metrics, sources.
Never:  a sentence understood: prose is left to people.
Read:   text.py, then reader.py.
"""
