"""Checks that ask for a second device, in this process and in a confined one."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from autograder.checking.code import Code
from autograder.checking.given import Given
from autograder.checking.run_check import run_check
from autograder.checking.transfers import counted_transfers
from autograder.processes.pool import Pool
from autograder.records.jobs import Cell, CheckModule, CheckRequest, Job
from autograder.records.observation import MappingFact, ModuleFact, Observation, SequenceFact, TensorFact, ValueFact

REQUEST = CheckRequest(check="test_f", task="f", draw=0, seed=11, seconds=5.0)


def seen(check: Callable[[Code, Given], Any], **names: Any) -> Observation:
    return run_check(check, Code(names), REQUEST)


def test_facts_have_the_simulated_device() -> None:
    def check(code: Code, given: Given) -> Any:
        x = given.normal(3, name="x")
        model = given.module(lambda: nn.Linear(3, 2)).to(given.second_device)
        return {"x": x, "moved": x.to(given.second_device), "model": model, "device": given.second_device}

    found = seen(check)
    assert isinstance(found.returned, MappingFact), found.error
    x, moved, model, device = found.returned.items
    assert isinstance(x, TensorFact)
    assert isinstance(moved, TensorFact)
    assert isinstance(model, ModuleFact)
    assert isinstance(device, ValueFact)
    assert (x.device, moved.device, device.value) == ("cpu", "cuda:0", "cuda:0")
    assert x.values == moved.values
    assert {parameter.device for _, parameter in model.parameters} == {"cuda:0"}


def test_a_check_that_asks_for_no_second_device_has_none() -> None:
    found = seen(lambda code, given: [torch.cuda.is_available(), "device" in vars(torch.Tensor)])
    assert isinstance(found.returned, SequenceFact)
    assert [item.value for item in found.returned.items] == [False, False]


@pytest.mark.parametrize("ending", ["return", "raise", "exit"])
def test_the_simulation_ends_with_the_check(ending: str) -> None:
    def check(code: Code, given: Given) -> Any:
        torch.set_default_device(given.second_device)
        torch.set_grad_enabled(False)
        if ending == "raise":
            raise ValueError
        if ending == "exit":
            raise SystemExit
        return given.normal(2)

    found = seen(check)
    assert (found.error is None) == (ending == "return")
    assert not torch.cuda.is_available()
    assert "device" not in vars(torch.Tensor)
    assert torch.zeros(1).device.type == "cpu"
    assert torch.is_grad_enabled()


def test_a_mistake_is_the_error_of_cuda() -> None:
    found = seen(lambda code, given: given.normal(3).to(given.second_device) + torch.ones(3))
    assert found.error is not None
    assert found.error.type == "RuntimeError"
    assert "cuda:0 and cpu" in found.error.message


def test_drawing_from_the_gpus_generator_is_an_effect() -> None:
    def check(code: Code, given: Given) -> Any:
        return torch.randn(3, device=given.second_device)

    assert seen(check).effects == ("global random state",)
    assert seen(check).returned == seen(check).returned
    assert seen(lambda code, given: torch.zeros(3, device=given.second_device)).effects == ()


def test_moving_an_input_in_place_is_an_effect() -> None:
    def check(code: Code, given: Given) -> Any:
        x = given.normal(3, name="x")
        x.data = x.data.to(given.second_device)
        return None

    assert seen(check).effects == ("x: values",)


def test_transfers_are_counted() -> None:
    def check(code: Code, given: Given) -> Any:
        x = torch.ones(3, device=given.second_device)
        with given.counted_transfers() as transfers:
            x.cpu()
            x.sum().item()
            torch.ones(3).pin_memory().to(given.second_device, non_blocking=True)
        x.cpu()
        return [transfers.to_cpu, transfers.to_gpu, transfers.waits, transfers.moved[0].shape]

    found = seen(check)
    assert isinstance(found.returned, SequenceFact), found.error
    *counts, shape = found.returned.items
    assert [item.value for item in counts] == [2, 1, 2]
    assert isinstance(shape, SequenceFact)


def test_without_a_gpu() -> None:
    def check(code: Code, given: Given) -> Any:
        with given.no_gpu():
            hidden = torch.cuda.is_available()
        return [hidden, torch.cuda.is_available()]

    found = seen(check)
    assert isinstance(found.returned, SequenceFact), found.error
    assert [item.value for item in found.returned.items] == [False, True]


def test_a_real_device_is_asked_itself() -> None:
    with counted_transfers(None) as transfers:
        torch.ones(3).to("meta")
        torch.ones(3).sum().item()
        torch.empty(3, device="meta").copy_(torch.ones(3))
    assert [(moved.source, moved.destination) for moved in transfers.moved] == [("cpu", "meta")] * 2
    given = Given(0, "meta", "cpu")
    with given.no_gpu():
        assert not torch.cuda.is_available()
    assert given.second_device.type == "cpu"


CHECKS = '''
import threading
import torch
from autograder import checks, only

@checks("f", device="second")
def test_moves(code, given):
    """It moves."""
    return only({"y": code.f(given.normal(3), given.second_device)}, "device", "values")

@checks("f", device="second")
def test_threads(code, given):
    """It works in a thread."""
    x, seen = given.normal(3).to(given.second_device), []
    thread = threading.Thread(target=lambda: seen.append(x * 2))
    thread.start()
    thread.join()
    return only(seen[0], "device")
'''


def test_confined_children_can_use_it(pool: Pool) -> None:
    cell = """
    import torch
    from autograder import simulated_gpu

    def f(x, device):
        return x.to(device)

    with simulated_gpu():
        print(torch.ones(2).cuda())
    print(torch.cuda.is_available())
    """
    requests = tuple(CheckRequest(name, "f", 0, 7, 5.0) for name in ("test_moves", "test_threads"))
    job = Job(
        topic="topic",
        cells=(Cell(1, textwrap.dedent(cell)),),
        visible=CheckModule("test_topic.py", CHECKS),
        visible_requests=requests,
    )
    run = pool.run(job)
    assert run.cells[0].output == "tensor([1., 1.], device='cuda:0')\nFalse\n", run
    moved = run.observations["test_moves", 0]
    assert isinstance(moved, Observation)
    assert isinstance(moved.returned, MappingFact), moved.error
    assert moved.returned.items[0].device == "cuda:0"
    threaded = run.observations["test_threads", 0]
    assert isinstance(threaded, Observation)
    assert isinstance(threaded.returned, TensorFact), threaded.error
    assert threaded.returned.device == "cuda:0"
