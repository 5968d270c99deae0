"""A warm grader behind HTTP: submissions in, results out, as JSON.

Imports `grading` and what lies below it, Starlette, uvicorn and prometheus_client (the extra `serve`); no torch.
"""
