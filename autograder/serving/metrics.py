"""What the server counts, in Prometheus's text format."""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from autograder.records.results import TopicResult

__all__ = ["Metrics"]

_BUCKETS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0)


class Metrics:
    """Counters since the start, and how many submissions are here now. No name or text of a submission is among them."""

    media_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        """Start from zero."""
        self._registry = CollectorRegistry()
        self._answers = Counter("autograde_answers", "Answers to /v1/grade and refusals, by status.", ["status"],
                                registry=self._registry)  # fmt: skip
        self._submissions = Counter("autograde_submissions", "Graded submissions.", ["topic", "outcome"],
                                    registry=self._registry)  # fmt: skip
        self._grading = Histogram("autograde_grading_seconds", "Time to grade a submission, without waiting.",
                                  buckets=_BUCKETS, registry=self._registry)  # fmt: skip
        self._running = Gauge("autograde_running", "Submissions being graded.", registry=self._registry)
        self._waiting = Gauge("autograde_waiting", "Submissions waiting.", registry=self._registry)

    def answered(self, status: int) -> None:
        """Count an answer."""
        self._answers.labels(status).inc()

    def graded(self, result: TopicResult) -> None:
        """Count a result: `complete`, `partial`, or `problem` if the submission could not be read or run."""
        outcome = "problem" if result.problem else "complete" if result.earned >= result.points else "partial"
        self._submissions.labels(result.topic, outcome).inc()

    def took(self, seconds: float) -> None:
        """Count the time that grading a submission took."""
        self._grading.observe(seconds)

    def text(self, here: int, workers: int) -> bytes:
        """Everything, with `here` submissions that wait for one of the workers or occupy one."""
        self._running.set(min(here, workers))
        self._waiting.set(max(0, here - workers))
        return generate_latest(self._registry)
