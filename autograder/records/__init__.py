"""The records that pass between the rooms: observations, jobs, results, a release's card. Plain typed structs.

Imports nothing of the package but `autograder.errors`.
"""
