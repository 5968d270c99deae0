"""Reads what learning platforms let an instructor download: folders and zips become the folder that `grade` reads.

Imports `course` and `reporting`; no torch, and nothing that runs student code.
"""
