"""How hard a task or a check is, and whether it tells stronger students from weaker ones.

Both formulas are those of classical test theory, as in Moodle's quiz statistics ("facility index" and "discrimination index"
in docs.moodle.org/dev/Quiz_statistics_calculations). The *facility* of an item is its mean score over its maximum; its
*discrimination* is the correlation (Pearson's r) of its score with that in the rest of the test, its own points left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

__all__ = ["FEWEST", "Item"]

FEWEST = 5
"""With fewer scores than this, a correlation says nothing, and none is given."""


@dataclass
class Item:
    """The scores of an item, each with the same student's score in the rest of the topic; only their sums are kept."""

    most: float = 1.0
    count: int = 0
    _x: float = 0.0
    _y: float = 0.0
    _xx: float = 0.0
    _yy: float = 0.0
    _xy: float = 0.0

    def add(self, score: float, rest: float) -> None:
        """Count one student's score, and what they have in the rest of the topic."""
        self.count += 1
        self._x += score
        self._y += rest
        self._xx += score * score
        self._yy += rest * rest
        self._xy += score * rest

    @property
    def facility(self) -> float | None:
        """The mean score over the maximum, 0 (nobody has a point) to 1; None without scores."""
        return self._x / self.count / self.most if self.count and self.most else None

    @property
    def discrimination(self) -> float | None:
        """The correlation with the rest, -1 to 1; None if there are few scores, or one of the two never varies."""
        if self.count < FEWEST:
            return None
        of_item = self._xx - self._x * self._x / self.count
        of_rest = self._yy - self._y * self._y / self.count
        if of_item <= 1e-9 * max(self._xx, 1.0) or of_rest <= 1e-9 * max(self._yy, 1.0):
            return None
        both = self._xy - self._x * self._y / self.count
        return max(-1.0, min(1.0, both / sqrt(of_item * of_rest)))
