"""Marks as other programs read them: learning platforms, spreadsheets, CI. One module for each format.

Imports `gradebook`, `reporting` and what lies below them; no torch.
"""
