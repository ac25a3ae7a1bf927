"""Formats of the field, read into writes and written from records.

Here:   one module a format; lines.py is the lossless one.
Never:  stores, engines.
"""
