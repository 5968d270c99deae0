"""Checks as ordinary pytest tests, on the reference or on the code that `--code` names.

Imports `checking`, `keys`, `comparing`, `course` and `records`: everything runs in the author's own process, without
confinement.
"""
