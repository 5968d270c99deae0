"""Proves a course's checks: what must pass passes, what must fail fails, mutants of the reference included.

Imports `scoring`, `keys`, `processes`, `course` and what lies below them; no torch.
"""
