"""Reads what learning platforms let an instructor download: folders and zips become the folder that `grade` reads.

Imports `course`, `reporting` and the temporary folders of `processes`; no torch, and nothing that runs student code.
"""
