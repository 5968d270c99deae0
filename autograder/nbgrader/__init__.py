"""nbgrader: a course for its commands, what its autograde step calls, and marks to its gradebook and back.

Imports `grading`, `release`, `student` (to show answers as students see them) and what lies below them.
"""
