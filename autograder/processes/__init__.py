"""The trusted end of the border: starts confined processes, sends them jobs, validates what comes back.

Imports `sandbox` and `records`; neither torch nor what runs student code.
"""
