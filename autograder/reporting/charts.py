"""Plots of a class as inline SVG: drawn here, without a script, in the colours of the page's theme.

A plot with the numbers beside it in a table is hidden from screen readers; any other says its numbers in a label.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from autograder._words import counted
from autograder.reporting.class_figures import Spread

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = ["histogram", "spread_plot", "stacked_bar"]

_BINS = 10
_WIDTH, _HEIGHT, _LEFT, _TOP, _BASE = 360, 150, 12, 16, 120
_STRIP = 120


def histogram(shares: Sequence[float], what: str) -> Markup:
    """How many shares of points (0 to 1) lie in each tenth; 1 belongs to the last one.

    Args:
        shares: one for each student.
        what: what they are shares of, for readers who do not see the plot.
    """
    from markupsafe import Markup

    counts = [0] * _BINS
    for share in shares:
        counts[min(_BINS - 1, max(0, int(share * _BINS)))] += 1
    step = (_WIDTH - 2 * _LEFT) / _BINS
    most = max([*counts, 1])
    parts = []
    for number, count in enumerate(counts):
        x, height = _LEFT + number * step, (_BASE - _TOP) * count / most
        if count:
            parts.append(
                f'<rect class="bar" x="{x + 1:.1f}" y="{_BASE - height:.1f}" width="{step - 2:.1f}" height="{height:.1f}"/>'
                f'<text class="value" x="{x + step / 2:.1f}" y="{_BASE - height - 4:.1f}">{count}</text>'
            )
    for number in range(0, _BINS + 1, 2):
        x = _LEFT + number * step
        parts.append(f'<text class="tick" x="{x:.1f}" y="{_BASE + 14}">{number * 100 // _BINS}</text>')
    parts.append(f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH - _LEFT}" y1="{_BASE}" y2="{_BASE}"/>')
    parts.append(f'<text class="tick" x="{_WIDTH / 2}" y="{_BASE + 28}">% of the points</text>')
    told = ", ".join(
        f"{number * 100 // _BINS} to {(number + 1) * 100 // _BINS} %: {count}"
        for number, count in enumerate(counts)
        if count
    )
    return Markup('<svg class="plot" role="img" aria-label="{}" viewBox="0 0 {} {}">{}</svg>').format(
        f"Histogram of {what} of {counted(len(shares), 'student')}. {told or 'Nothing to show'}.",
        _WIDTH,
        _HEIGHT,
        Markup("".join(parts)),
    )


def spread_plot(spread: Spread | None) -> Markup:
    """A box from the lower to the upper quartile with a line at the median, and a line from the least to the most."""
    from markupsafe import Markup

    if spread is None:
        return Markup("")
    least, lower, middle, upper, most = (
        2 + (_STRIP - 4) * each for each in (spread.least, spread.lower, spread.middle, spread.upper, spread.most)
    )
    return Markup(
        f'<svg class="strip" aria-hidden="true" viewBox="0 0 {_STRIP} 16">'
        f'<rect class="ground" x="0" y="0" width="{_STRIP}" height="16"/>'
        f'<line class="whisker" x1="{least:.1f}" x2="{most:.1f}" y1="8" y2="8"/>'
        f'<rect class="box" x="{lower:.1f}" y="3" width="{max(1.0, upper - lower):.1f}" height="10"/>'
        f'<line class="middle" x1="{middle:.1f}" x2="{middle:.1f}" y1="1" y2="15"/></svg>'
    )


def stacked_bar(parts: Sequence[tuple[str, int]]) -> Markup:
    """A bar of parts, each with the style of a state and a count, in their order."""
    from markupsafe import Markup

    total = sum(count for _, count in parts)
    x, drawn = 0.0, []
    for style, count in parts:
        width = _STRIP * count / total if total else 0.0
        if count:
            drawn.append(f'<rect class="{style}" x="{x:.1f}" y="0" width="{width:.1f}" height="14"/>')
        x += width
    return Markup(f'<svg class="strip" aria-hidden="true" viewBox="0 0 {_STRIP} 14">{"".join(drawn)}</svg>')
