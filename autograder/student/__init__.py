"""What students use: `check`, `hint` and `progress` in a notebook, `autograde start`, `check` and `watch` in a terminal.

It needs only a release: no private folders, no sandbox, no gradebook. It says what grading says, because it uses the same
modules to compare, diagnose and word.
"""
