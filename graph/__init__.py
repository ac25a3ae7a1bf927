"""The knowledge graph: what is known, who stated it, and how to ask.

Here:   records, vocabulary, plans, engines, journals, formats.
Never:  HTTP, GraphQL, environment variables.
Read:   model.py, then vocabulary.py, plan.py, resident.py, graph.py.
"""
