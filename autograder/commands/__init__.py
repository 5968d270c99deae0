"""The command `autograde`: parses, calls one function, prints. Every mistake ends as one line.

Imports any room; no room imports it.
"""
