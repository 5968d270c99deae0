"""The way to nbgrader: a course for its commands, and what its autograde step calls.

Imports `grading`, `release`, `student` (its way to show an answer) and what lies below them.
"""
