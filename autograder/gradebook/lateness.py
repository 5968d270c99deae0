"""How late a submission is and what that costs, by the course's policy, an extension and a budget of late days."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from autograder.course.course_file import LatePolicy
from autograder.records.results import Lateness

__all__ = ["lateness"]

_DAY, _HOUR = 86400, 3600


def lateness(
    policy: LatePolicy | None,
    due: datetime | None,
    submitted_at: datetime | None,
    *,
    extension: timedelta = timedelta(0),
    budget: int = 0,
) -> Lateness | None:
    """How late a submission is and what that costs; None if it is on time, or if its time is unknown.

    Args:
        policy: the course's; None if the course has none.
        due: the topic's due time.
        submitted_at: when it was handed in.
        extension: how much later this student may hand in.
        budget: how many days of lateness the student has left; they are used before anything is taken off.
    """
    if policy is None or due is None or submitted_at is None:
        return None
    late = submitted_at - due  # an extension of the year 9999 can be compared with, but not added
    if late <= extension:
        return None
    seconds = (late - extension).total_seconds()
    if seconds <= policy.grace_minutes * 60:
        return Lateness(days=round(seconds / _DAY, 2), penalty=0.0)
    spent = min(budget, math.ceil(seconds / _DAY))
    penalty = _penalty(policy, seconds - spent * _DAY)
    if penalty == _penalty(policy, seconds):
        spent = 0  # days that would save nothing are kept
    return Lateness(days=round(seconds / _DAY, 2), penalty=round(penalty, 4), budget_days=spent)


def _penalty(policy: LatePolicy, seconds: float) -> float:
    """The share of points that so many seconds beyond grace and budget cost."""
    if seconds <= 0 or policy.policy == "none":
        return 0.0
    if policy.policy == "zero":
        return 1.0
    if policy.policy == "per_hour":
        return min(policy.at_most, policy.per_hour * math.ceil(seconds / _HOUR))
    return min(policy.at_most, policy.per_day * math.ceil(seconds / _DAY))
