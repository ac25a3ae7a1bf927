"""What looks wrong: rules over the graph as a whole, which are no conditions on what may be stored.

Here:   table.py has every rule; checkup.py applies them, a slice at a time.
Never:  the engine's indexes; a rule sees records alone.
"""
