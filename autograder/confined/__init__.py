"""The confined end of the border: the warm process that forks a child for each job, and that child.

Imports `checking`, `simulation`, `sandbox` and the protocol of `processes`; no answers.
"""
