"""Runs checks next to student code and observes what they return. Torch lives here, answers do not.

Imports `simulation`, `authoring` and `records`; no keys, comparisons, scores or course files.
"""
