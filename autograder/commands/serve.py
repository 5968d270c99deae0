"""The command `autograde serve`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from autograder.commands import completion
from autograder.commands.one_line import one_line_mistakes
from autograder.commands.options import (
    CacheOption,
    CourseOption,
    Device,
    DeviceOption,
    JobsOption,
    UnsafeOption,
    ask_for,
    check_topics,
    required,
)
from autograder.errors import AutogradeError

__all__ = ["serve"]

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def serve(
    course: CourseOption = Path("course.yml"),
    socket: Annotated[Path | None, typer.Option(help="Listen on a Unix socket at this path.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Listen on this TCP port; 0 takes a free one.")] = None,
    host: Annotated[str, typer.Option(help="The address for --port; any but loopback needs --token-file.")] = "127.0.0.1",
    token_file: Annotated[
        Path | None, typer.Option(help="A file of tokens, one per line; each request must come with one.")
    ] = None,
    topic: Annotated[
        list[str] | None,
        typer.Option(help="Prepare only this topic before starting; can be repeated.", autocompletion=completion.topics),
    ] = None,
    jobs: JobsOption = None,
    seed: Annotated[int | None, typer.Option(min=1, max=2**63 - 1, help="The seed.", show_default="drawn")] = None,
    queue: Annotated[int, typer.Option(min=0, max=100_000, help="How many submissions may wait.")] = 64,
    per_client: Annotated[int, typer.Option(min=1, max=100_000, help="How many of one client may be here.")] = 16,
    max_mb: Annotated[int, typer.Option(min=1, max=64, help="How large a request may be.")] = 16,
    drain_seconds: Annotated[
        int, typer.Option(min=0, max=3600, help="When stopped, how long to go on with what was taken.")
    ] = 120,
    device: DeviceOption = Device.CPU,
    require_sandbox: Annotated[
        list[str] | None, typer.Option(help="Refuse to run without this layer or level of confinement; can be repeated.")
    ] = None,
    cache: CacheOption = None,
    unsafe: UnsafeOption = False,
) -> None:
    """Grade submissions that come as HTTP requests, with processes and answer keys that are ready.

    Example: autograde serve --port 8000 --topic autograd
    """
    with one_line_mistakes():
        if (socket is None) == (port is None):
            raise AutogradeError("Say where to listen: either --socket PATH or --port NUMBER.")
        if port is not None and host not in _LOOPBACK and token_file is None:
            raise AutogradeError(f"--host {host} can be reached by others: give --token-file too.")
        from autograder.course.course_file import load_course
        from autograder.grading.grader import Grader
        from autograder.serving import listen
        from autograder.serving.service import Service, Settings

        tokens = listen.read_tokens(token_file) if token_file else ()
        settings = Settings(tokens=tokens, queue=queue, per_client=per_client, max_bytes=max_mb << 20)
        ask_for(device)
        require = required(",".join(require_sandbox or ()))
        loaded = replace(load_course(course), cache=cache)
        check_topics(loaded, topic or ())
        with Grader(loaded, seed=seed, device=device.value, workers=jobs, require=require, unsafe=unsafe) as grader:
            for name in topic or grader.course.topics:
                grader.prepare(name)
            listening = listen.unix_socket(socket) if socket else listen.tcp_socket(host, port or 0)
            place = socket or "http://{}:{}".format(*listening.getsockname()[:2])
            typer.echo(f"Listening on {place} with seed {grader.seed}; stop with Ctrl-C.")
            try:
                with listening:
                    listen.run(listen.server_of(Service(grader, settings), drain_seconds=drain_seconds), listening)
            finally:
                if socket:
                    socket.unlink(missing_ok=True)
        typer.echo("Stopped.")
