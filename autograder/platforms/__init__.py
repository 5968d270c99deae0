"""Platforms that call a grader in a container of theirs: Gradescope and PrairieLearn.

Imports `grading`, `exporting`, `release` (for the wheel) and what lies below them; no torch.
"""
