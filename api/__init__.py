"""One way to ask the graph: GraphQL over HTTP.

Here:   the schema, filters, cursors, the executor, the endpoint and its limits, the server, the command.
Never:  a database driver, networkx.
Read:   schema.py, then execute.py, then endpoint.py.
"""
