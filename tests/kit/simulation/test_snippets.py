from __future__ import annotations

import pytest
from gpu_snippets import SNIPPETS, Snippet


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda snippet: snippet.name)
def test_the_simulation_does_what_cuda_does(snippet: Snippet) -> None:
    outcome = snippet.on_gpu()
    assert snippet.agrees(outcome), repr(outcome)


def test_most_of_these_bugs_cannot_be_seen_without_a_gpu() -> None:
    bugs = [snippet for snippet in SNIPPETS if snippet.bug]
    unseen = [snippet for snippet in bugs if not isinstance(snippet.run(gpu=False), Exception)]
    assert len(unseen) > 0.8 * len(bugs)
