"""What keeps a benchmark from being run, said in a sentence for whoever started it."""

from __future__ import annotations


class Failure(Exception):
    """A program is missing, a server doesn't start, an answer is wrong."""
