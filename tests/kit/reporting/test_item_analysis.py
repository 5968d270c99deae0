"""Facility and discrimination, against NumPy's correlation."""

from __future__ import annotations

import random

import numpy as np
import pytest

from autograder.reporting.item_analysis import FEWEST, Item


def item(pairs, most=1.0):
    counted = Item(most=most)
    for score, rest in pairs:
        counted.add(score, rest)
    return counted


@pytest.mark.parametrize("seed", range(5))
def test_the_correlation_is_pearsons(seed):
    draw = random.Random(seed)
    pairs = [(draw.choice([0, 1, 2.5, 5]), draw.uniform(0, 30)) for _ in range(40)]
    counted = item(pairs, most=5.0)
    assert counted.discrimination == pytest.approx(np.corrcoef(np.array(pairs).T)[0, 1], abs=1e-9)
    assert counted.facility == pytest.approx(np.mean([score for score, _ in pairs]) / 5)


def test_nothing_is_said_of_few_or_equal_scores():
    assert Item().facility is None
    assert Item().discrimination is None
    assert item([(0, 1), (1, 2)] * (FEWEST // 2)).discrimination is None
    assert item([(1, k) for k in range(20)]).discrimination is None
    assert item([(k % 2, 0.1 + 0.2) for k in range(20)]).discrimination is None
    assert item([(k, k) for k in range(20)], most=20).discrimination == pytest.approx(1)
    assert item([(k, -k) for k in range(20)], most=20).discrimination == pytest.approx(-1)
