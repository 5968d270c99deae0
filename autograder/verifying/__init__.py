"""Proves a course's checks: what must pass passes, and what must fail fails, including mutants of the reference.

Imports `scoring`, `keys`, `processes`, `course` and what lies below them; no torch.
"""
