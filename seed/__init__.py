"""What a new graph starts with: curated facts, each with its source, as graph lines.

Here:   the countries and the UN's regions, what one page says about Mali, and the reader of the tables in data/.
Never:  a fact without a source, a store, a server, a network.
Read:   data/README.md, then tables.py, countries.py, load.py.
"""
