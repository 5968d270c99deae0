"""What students get: notebooks, visible checks, public keys and the wheel; and the search for leaks in it.

Imports `keys`, `course` and what lies below them; no torch.
"""
