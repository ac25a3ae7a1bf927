"""IATI Activity 2.0x XML, read into writes.

Here:   the file as a stream of activities (stream), what elements say (words), lists of codes (codes), whom and what
        they name (partners, places, documents), money and results as metrics, an activity as a whole, the format
        (reader).
Never:  stores, engines.
"""
