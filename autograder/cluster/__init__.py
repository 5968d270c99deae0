"""Runs submissions on the machines of a Dask cluster; keys, scores and results stay with the command.

Imports `keys`, `processes` and what lies below them. Only `courier`, a process of its own, imports Dask
(the extra `cluster`).
"""
