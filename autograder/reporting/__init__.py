"""Results in words: HTML pages, and tables and text in a terminal.

Imports `records` and `course`; runs nothing and grades nothing.
"""
