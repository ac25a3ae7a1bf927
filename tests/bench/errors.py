"""The one error of the benchmark."""


class BenchError(Exception):
    """A run that cannot go on: a tool is missing, a server does not start, an answer is wrong. Says what to do."""
