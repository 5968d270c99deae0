"""Topics made from assignments of other tools: nbgrader, otter-grader and OK, and plain notebooks with asserts.

Trusted: sources are read as text and syntax trees, and never run. Imports the rooms `course` and below.
"""
