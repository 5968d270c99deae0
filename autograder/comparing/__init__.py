"""Two observations in, their differences in words out.

Imports `records`; NumPy, but no torch: a tensor arrives here as facts and bytes.
"""
