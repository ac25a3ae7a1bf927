"""Words to entities: what a text may mean, and what it is found in, over an index in memory that commits keep true.

Here:   words, what of an entity can be found, the index, near spellings, ranking, meanings.
Never:  GraphQL, anything that cannot be made anew from the graph.
Read:   words.py, then passages.py, then index.py, then ranking.py and meaning.py.
"""
