"""What a notebook shows below its cells is read as text and images, whatever a student put there."""

from __future__ import annotations

import json

import pytest
from desk_course import PNG, png

from autograder.course.saved_outputs import CellShown, Output, cells_about
from autograder.errors import SubmissionError


def notebook(*cells: tuple[str, object]) -> bytes:
    made = [{"cell_type": "code", "metadata": {}, "source": source, "outputs": outputs} for source, outputs in cells]
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def shown(outputs: object) -> tuple[Output, ...]:
    [cell] = cells_about(notebook(("why = 1", outputs)), "x.ipynb", "why")
    return cell.outputs


def test_the_cells_that_name_the_task() -> None:
    data = notebook(("import torch", []), ("why = 'x'", []), ("why_not = 1", []), ("print(why)", []))
    assert [cell.number for cell in cells_about(data, "x.ipynb", "why")] == [2, 4]
    assert cells_about(b"why = 1\n", "x.py", "why") == (CellShown(0, "why = 1\n"),)
    assert len(cells_about(notebook(*[(f"why = {n}", []) for n in range(20)]), "x.ipynb", "why")) == 8
    with pytest.raises(SubmissionError):
        cells_about(b"%PDF", "x.ipynb", "why")


def test_each_kind_of_output() -> None:
    stream = {"output_type": "stream", "name": "stdout", "text": ["a\n", "b"]}
    value = {"output_type": "execute_result", "data": {"text/plain": "7", "text/html": "<b>7</b>"}, "metadata": {}}
    image = {"output_type": "display_data", "data": {"image/png": [PNG[:8], PNG[8:]], "text/plain": "<Figure>"}}
    error = {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": ["…"]}
    assert shown([stream, value, image, error]) == (
        Output("a\nb"), Output("7"), Output(image=PNG), Output("ValueError: no"),
    )  # fmt: skip


@pytest.mark.parametrize(
    "image",
    [
        "",
        "x",
        "aGVsbG8=",
        "<svg onload=alert(1)>",
        png(5000, 1),
        png(1, 2**31),
        png(0, 1),
        "A" * 5_000_000,
        7,
        None,
        {"a": 1},
    ],
)
def test_what_is_no_image_is_not_shown(image: object) -> None:
    output = {"output_type": "display_data", "data": {"image/png": image, "text/plain": "a plot"}}
    assert shown([output]) == (Output("a plot"),)


@pytest.mark.parametrize("outputs", [None, {}, 7, "text", [7, None, []], [{"text": 7}], [{"data": []}], [{}]])
def test_damaged_outputs_are_left_out(outputs: object) -> None:
    assert shown(outputs) == ()


def test_much_output_is_cut() -> None:
    [first, *others] = shown([{"output_type": "stream", "text": "x" * 30_000}] * 50)
    assert first == Output("x" * 20_000, cut=True)
    assert others[-1] == Output("… and 30 more outputs", cut=True)
    assert len(others) == 20


def test_half_a_character_is_replaced() -> None:
    data = notebook(("why = 1", [{"output_type": "stream", "text": "?"}])).replace(b"?", rb"\ud83d")
    [cell] = cells_about(data, "x.ipynb", "why")
    assert cell.outputs == (Output("\ufffd"),)
