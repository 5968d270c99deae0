"""Observations and an answer key in, points and diagnoses out.

Imports `keys`, `course`, `comparing` and `records`; runs nothing.
"""
