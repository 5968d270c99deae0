"""Marks: what results are worth after people's decisions and the late policy. Runs nothing.

Imports `course`, `records` and what lies below them; no torch.
"""
