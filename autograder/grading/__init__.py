"""A class: from a folder of submissions to result files and pages.

Imports `scoring`, `keys`, `processes`, `reporting` and what lies below them; no torch.
"""
