"""What is in an author's folder: course.yml, notebooks, checks, solutions. Read as text, never run.

Imports `records`; no torch, and nothing that runs student code.
"""
