"""What travels between the command and a worker: a job's parts on the way out, its run on the way back, as bytes.

The command trusts no worker's bytes. They are bounded, and what a child said goes through the decoder that reads children.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from autograder.course.source_rules import rule_observations
from autograder.errors import ProtocolError
from autograder.processes.item_count import has_more_items
from autograder.processes.protocol import CellFinished, Observed, decode_from_child, encode
from autograder.records.jobs import Cell, CellReport, HelperFile, Job, Limits, NotObserved, Outcome, Run, ScriptPart, Usage
from autograder.records.observation import Observation
from autograder.sandbox import LAYERS

__all__ = ["Conditions", "joined", "largest_run", "read_part", "read_run", "split", "write_run"]

_MOST_ITEMS = 500_000
_LONGEST_SENTENCE = 2_000
_MOST_TRIES = 3
_LEAST_OUTPUT = 1024  # bytes that each cell may print, whatever is left of the limit


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker must have, and how it runs jobs: the arguments of `Pool`, and `versions` as keys record them.

    `kit` is the hash of the kit's own files.
    """

    kit: str
    versions: dict[str, str]
    workers: int
    device: str = "cpu"
    require: tuple[str, ...] = ()
    unsafe: bool = False


class _Own(msgspec.Struct, frozen=True, array_like=True):
    """What is a submission's own in its job."""

    cells: tuple[Cell, ...]
    unneeded: frozenset[int]
    helpers: tuple[HelperFile, ...]
    script: str
    scripts: dict[str, tuple[ScriptPart, ...]]


class _Cell(msgspec.Struct, frozen=True, array_like=True):
    """A `CellReport`; what its child said of it, as the child's message."""

    number: int
    outcome: Outcome
    finished: bytes
    output: str


class _Run(msgspec.Struct, frozen=True, array_like=True):
    """A `Run`. `seen` has, in the order of the job's requests, the child's message or why there is none."""

    cells: tuple[_Cell, ...]
    seen: tuple[bytes | NotObserved, ...]
    layers: dict[str, str]
    usage: Usage
    problem: str
    tries: int
    not_graded: bool


def split(job: Job) -> tuple[bytes, bytes]:
    """A job's two parts: what all submissions for its topic share, and what is its own. No rule on the source travels."""
    shared = msgspec.structs.replace(job, cells=(), unneeded=frozenset(), helpers=(), script="", scripts={}, rules=())
    own = _Own(job.cells, job.unneeded, job.helpers, job.script, job.scripts)
    return msgspec.msgpack.encode(shared, order="deterministic"), msgspec.msgpack.encode(own)


def read_part(part: bytes) -> Job:
    """What submissions share, on the worker."""
    return msgspec.msgpack.decode(part, type=Job)


def joined(shared: Job, own: bytes) -> Job:
    """The job, on the worker."""
    read = msgspec.msgpack.decode(own, type=_Own)
    return msgspec.structs.replace(shared, **msgspec.structs.asdict(read))


def largest_run(limits: Limits) -> int:
    """How many bytes a run may have: what one child may report four times over, as a lost one is followed by another."""
    return (4 * limits.report_mb << 20) + (2 * limits.output_kb << 10) + (1 << 20)


def write_run(job: Job, run: Run) -> bytes:
    """The run's bytes, on the worker."""
    seen = (run.observations[request.check, request.draw] for request in (*job.visible_requests, *job.hidden_requests))
    return msgspec.msgpack.encode(
        _Run(
            cells=tuple(
                _Cell(cell.number, cell.outcome, encode(CellFinished(error=cell.error, note=cell.note)), cell.output)
                for cell in run.cells
            ),
            seen=tuple(each if isinstance(each, NotObserved) else encode(Observed(each)) for each in seen),
            layers=run.layers,
            usage=run.usage,
            problem=run.problem,
            tries=run.tries,
            not_graded=run.not_graded,
        )
    )


def read_run(job: Job, data: bytes) -> Run:
    """Decode and validate what came back of a job; what its rules say of the source is added here.

    Raises:
        ProtocolError: if it cannot be a run of this job.
    """
    if len(data) > largest_run(job.limits):
        raise ProtocolError(f"it has {len(data):,} bytes, more than the course's limits allow")
    if has_more_items(data, _MOST_ITEMS):
        raise ProtocolError("it has too many items")
    try:
        read = msgspec.msgpack.decode(data, type=_Run)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError, MemoryError, OverflowError) as error:
        raise ProtocolError(f"it is not a run ({str(error)[:200]})") from error
    _check(job, read)
    requests = (*job.visible_requests, *job.hidden_requests)
    seen = {(r.check, r.draw): _seen(r.check, r.draw, each) for r, each in zip(requests, read.seen, strict=True)}
    return Run(
        cells=tuple(map(_report, read.cells)),
        observations={**seen, **rule_observations(job)},
        layers=read.layers,
        usage=read.usage,
        problem=read.problem,
        tries=read.tries,
        not_graded=read.not_graded,
    )


def _check(job: Job, read: _Run) -> None:
    if len(read.seen) != len(job.visible_requests) + len(job.hidden_requests):
        raise ProtocolError("it does not answer the checks that were asked for")
    if not _in_order([cell.number for cell in read.cells], [cell.number for cell in job.cells]):
        raise ProtocolError("it reports cells that the submission does not have")
    most_output = (job.limits.output_kb << 10) + _LEAST_OUTPUT * len(job.cells)
    if sum(len(cell.output) for cell in read.cells) > most_output:
        raise ProtocolError("it has more output than the course's limits allow")
    if not set(read.layers) <= set(LAYERS):
        raise ProtocolError("it has layers of confinement that do not exist")
    reasons = (each.reason for each in read.seen if isinstance(each, NotObserved))
    if max(map(len, (read.problem, *read.layers.values(), *reasons))) > _LONGEST_SENTENCE:
        raise ProtocolError("one of its sentences is too long")
    used = (read.usage.wall_seconds, read.usage.cpu_seconds, read.usage.peak_mb, float(read.usage.children))
    if not all(math.isfinite(amount) and amount >= 0 for amount in used) or not 1 <= read.tries <= _MOST_TRIES:
        raise ProtocolError("it has a negative or endless number")


def _in_order(some: Sequence[int], all_of_them: Sequence[int]) -> bool:
    left = iter(all_of_them)
    return all(number in left for number in some)


def _report(cell: _Cell) -> CellReport:
    said = decode_from_child(cell.finished)
    if not isinstance(said, CellFinished):
        raise ProtocolError("a cell's report is something else")
    return CellReport(number=cell.number, outcome=cell.outcome, error=said.error, output=cell.output, note=said.note)


def _seen(check: str, draw: int, each: bytes | NotObserved) -> Observation | NotObserved:
    if isinstance(each, NotObserved):
        if each.outcome in (Outcome.PASSED, Outcome.FAILED):
            raise ProtocolError("a check has a verdict, but nothing was observed")
        return each
    said = decode_from_child(each)
    if not isinstance(said, Observed) or (said.observation.check, said.observation.draw) != (check, draw):
        raise ProtocolError("a check is answered with something else")
    return said.observation
