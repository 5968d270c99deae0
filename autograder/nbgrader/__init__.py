"""nbgrader: a course for its commands, and what its autograde step calls.

Imports `grading`, `release`, `student` (to show answers as students see them) and what lies below them.
"""
