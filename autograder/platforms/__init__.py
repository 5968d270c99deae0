"""Platforms that call a grader in a container of theirs: Gradescope and PrairieLearn.

Imports `grading`, `release` (for the wheel) and what lies below them; no torch.
"""
