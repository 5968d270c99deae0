"""Checks as ordinary pytest tests, on the reference or on the code that `--code` names.

Imports `checking`, `keys`, `comparing` and `course`: an author's own process, with no border in it.
"""
