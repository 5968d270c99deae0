"""Opens the server's socket and runs it until it is told to stop (SIGTERM or Ctrl-C); then it answers what it has taken."""

from __future__ import annotations

import os
import signal
import socket
import stat
from pathlib import Path

import uvicorn

from autograder._files import read_source
from autograder.errors import AutogradeError
from autograder.serving.service import Service

__all__ = ["read_tokens", "run", "server_of", "tcp_socket", "unix_socket"]

_SHORTEST_TOKEN = 16
_BACKLOG = 128
_OWNER_ONLY = 0o600


def read_tokens(path: Path) -> tuple[str, ...]:
    """The tokens in a file, one a line; empty lines and those that start with `#` are none.

    Raises:
        AutogradeError: if the file cannot be read, holds no token, or one of less than 16 characters.
    """
    try:
        lines = read_source(path).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise AutogradeError(f"{path}: cannot be read ({reason}).") from error
    tokens = tuple(line.strip() for line in lines if line.strip() and not line.strip().startswith("#"))
    if not tokens or min(map(len, tokens)) < _SHORTEST_TOKEN:
        raise AutogradeError(
            f"{path}: write one token per line, each of at least {_SHORTEST_TOKEN} characters; `openssl rand -hex 32` "
            "makes one."
        )
    return tokens


def unix_socket(path: Path) -> socket.socket:
    """A listening socket at a path, which only this user can connect to. What a stopped server left there is removed.

    Raises:
        AutogradeError: if there is something else, or a server that answers.
    """
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_old(path)
        listening.bind(str(path))
        path.chmod(_OWNER_ONLY)  # nobody can connect before it listens
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise AutogradeError(f"{path}: cannot listen there ({error.strerror or error}).") from error
    except BaseException:
        listening.close()
        raise
    return listening


def _remove_old(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise AutogradeError(f"{path}: is not a socket; choose another path.")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        try:
            other.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise AutogradeError(f"{path}: another server listens there.")


def tcp_socket(host: str, port: int) -> socket.socket:
    """A listening socket at an address; port 0 takes a free one.

    Raises:
        AutogradeError: if that is not possible.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or error
        raise AutogradeError(
            f"{host}, port {port}: cannot listen ({reason}); choose another port, or 0 for a free one."
        ) from error


class _Server(uvicorn.Server):
    """Tells the service when it is to stop."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Refuse new submissions, and answer those taken."""
        self._service.stopping = True
        await super().shutdown(sockets)


def server_of(service: Service, *, drain_seconds: int) -> uvicorn.Server:
    """A server that, when stopped, goes on with the submissions it has taken for `drain_seconds` at most."""
    config = uvicorn.Config(
        service.app(),
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=drain_seconds,
    )
    return _Server(config, service)


def run(server: uvicorn.Server, listening: socket.socket) -> None:
    """Serve until SIGTERM or Ctrl-C, and then until all submissions taken are answered."""
    # uvicorn raises the signal again in the end, for whoever called it: it has been dealt with.
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        server.run([listening])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
