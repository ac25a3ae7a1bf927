"""Answers to graph questions: neighborhoods, paths, what is alike, what is central.

A walk is a generator: it stops wherever others may be let in, and is told there whether its time is over.
"""
