"""Formats of the field, read into writes and written from records.

Here:   one module or package a format, behind format.py; known.py and shared.py, by which readers find what the store
        has already; lines.py is the lossless one.
Never:  stores; what a reader does to the graph is told in writes.
"""
