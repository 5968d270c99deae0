"""Answer keys: what the reference and the misconceptions were seen to do. Built, cached, written, read, made public.

Imports `processes`, `course`, `comparing` and what lies below them. Keys never travel to the side that runs student code.
"""
