"""What seed/world.py makes worlds of: chance, names in three scripts, the attributes of each kind of entity."""
