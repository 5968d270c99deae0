"""What students use: `check`, `hint` and `progress` in a notebook, `autograde start`, `check` and `watch` in a terminal.

It needs a release and nothing of the course's private folders, no sandbox, no gradebook; and it says what grading says,
since it compares, diagnoses and words with the same modules.
"""
