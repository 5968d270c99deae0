"""The trusted side of the border: starts confined processes, sends them jobs, validates what comes back.

Imports `sandbox`, `records` and, to read sources, `course`, but neither torch nor anything that runs student code.
"""
