"""The confined side of the border: the warm zygote, its fork servers, and the children that they fork for jobs.

Imports `checking`, `simulation`, `sandbox`, `records` and the protocol of `processes`; no answers.
"""
