"""Opens the desk on this machine, until it is told to stop; then it answers what it has taken."""

from __future__ import annotations

from collections.abc import Callable

import uvicorn

from autograder.desk.app import Desk
from autograder.serving.listen import run, tcp_socket

__all__ = ["serve", "server_of"]

_HOST = "127.0.0.1"
_DRAIN_SECONDS = 120


def serve(desk: Desk, port: int, *, on_open: Callable[[str], None]) -> None:
    """Serve a desk until SIGTERM or Ctrl-C.

    Args:
        desk: what to serve.
        port: the port; 0 takes a free one.
        on_open: called with the address, token included, once it can be opened.

    Raises:
        AutogradeError: if the port is taken.
    """
    with tcp_socket(_HOST, port) as listening:
        on_open(f"http://{_HOST}:{listening.getsockname()[1]}/?token={desk.keys.token}")
        run(server_of(desk), listening)


def server_of(desk: Desk) -> uvicorn.Server:
    """A server of a desk; when stopped, it goes on with what it has taken, such as grading again, for two minutes."""
    config = uvicorn.Config(
        desk.app(),
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )
    return uvicorn.Server(config)
