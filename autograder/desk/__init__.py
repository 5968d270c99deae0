"""The instructor's pages behind a token, where marks are decided while looking at them.

Imports `serving`'s socket, `grading` and what lies below, Starlette and uvicorn (the extra `serve`); no torch.
"""
