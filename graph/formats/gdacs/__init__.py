"""GDACS: the alerts of the Global Disaster Alert and Coordination System, as its RSS feed or as a CSV table of it.

Here:   feed.py and table.py turn a file into items; alerts.py turns items into writes.
Never:  bounding boxes, episodes, scores, vulnerability, images, lists of resources, and who observed an event.
"""
