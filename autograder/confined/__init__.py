"""The confined side of the border: the warm process that forks children for jobs, and the child.

Imports `checking`, `simulation`, `sandbox` and the protocol of `processes`; no answers.
"""
