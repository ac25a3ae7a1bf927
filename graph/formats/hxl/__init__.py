"""The Humanitarian Exchange Language: CSV tables whose columns say by hashtags what they hold.

Here:   tags, what columns they make, rows -> projects, figures, admin units, money; refused rows.
Never:  another vocabulary than HXL's core and the old tags that are still about.
Read:   tags.py, then columns.py, said.py, reader.py.
"""
