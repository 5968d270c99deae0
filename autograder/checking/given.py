"""The second argument of a check: seeded inputs on the device under test, each watched for changes.

Nothing here uses PyTorch's global random generator, so student code finds it as if `given` did not exist.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from autograder.checking.refusal import unavailable
from autograder.checking.same_draws import same_draws
from autograder.checking.spies import Spy, Steps, counted_steps
from autograder.checking.transfers import Transfers, counted_transfers, keep_busy, without_gpu
from autograder.checking.watching import Watch, watchable
from autograder.checking.weights import answers_in, load_weights

if TYPE_CHECKING:
    from autograder.simulation.session import SimulatedGpu

__all__ = ["Given"]

T = TypeVar("T")
Module = TypeVar("Module", bound=torch.nn.Module)
Shape = int | Sequence[int]

_default_generator = torch.default_generator
_Device, _Generator = torch.device, torch.Generator
_gettempdir, _mkdtemp, _mkdir = tempfile.gettempdir, tempfile.mkdtemp, os.mkdir


class Given:
    """Draws inputs from one seed. Equal seeds give equal inputs, on every device.

    A shape is integers, `given.normal(3, 4)`, or one tuple; `()` makes a 0-d tensor, `(0, 3)` an empty one. Each drawn thing
    is watched under `name`, or else as `input 1`, `input 2`, …; code that changes it has a side effect.

    Attributes:
        device: where inputs are made.
    """

    def __init__(self, seed: int, device: str = "cpu", second_device: str = "cuda:0", *, simulated: bool = True) -> None:
        """Start drawing from `seed` (0 ≤ seed < 2**63). `simulated`: a GPU as second device next to the CPU is simulated."""
        self.device = _Device(device)
        self._second_device = _Device(second_device)
        self._seed = seed
        self._simulated = simulated
        self._simulation: AbstractContextManager[SimulatedGpu] | None = None
        self._gpu: SimulatedGpu | None = None
        self._generator = _Generator().manual_seed(seed)
        self._watches: dict[str, Watch] = {}
        self._unnamed: dict[str, int] = {}
        self._scratch: Path | None = None

    # Devices

    @property
    def second_device(self) -> torch.device:
        """Another device, for tasks that move things: a GPU, simulated if the device under test is the CPU.

        The simulation starts when a check first asks for the device and ends with the check.
        """
        self._simulate()
        return self._second_device

    @contextmanager
    def counted_transfers(self) -> Iterator[Transfers]:
        """Count transfers between devices: `with given.counted_transfers() as transfers: …`."""
        self._simulate()
        with counted_transfers(self._gpu) as transfers:
            yield transfers

    @contextmanager
    def no_gpu(self) -> Iterator[None]:
        """The machine has no GPU inside the context, as if a file written before were now read on another machine."""
        self._simulate()
        with without_gpu(self._gpu):
            yield

    def keep_gpu_busy(self) -> None:
        """Make data that nothing waits for arrive late from a real GPU too. From a simulated one it always does."""
        self._simulate()
        if self._gpu is None and "cuda" in (self.device.type, self._second_device.type):
            keep_busy()

    def _simulate(self) -> None:
        if self._simulated and self._gpu is None and (self.device.type, self._second_device.type) == ("cpu", "cuda"):
            from autograder.simulation.session import simulated_gpu

            self._simulation = simulated_gpu(seed=self._seed)
            self._gpu = self._simulation.__enter__()

    # Tensors

    def normal(
        self,
        *shape: Shape,
        mean: float = 0.0,
        std: float = 1.0,
        dtype: torch.dtype = torch.float32,
        requires_grad: bool = False,
        name: str | None = None,
    ) -> torch.Tensor:
        """Normally distributed numbers of a floating-point or complex dtype."""
        wide = torch.complex128 if dtype.is_complex else torch.float64
        drawn = torch.randn(_shape(shape), generator=self._generator, dtype=wide, device="cpu")
        if (mean, std) != (0.0, 1.0):
            drawn = drawn * std + mean
        return self._tensor(drawn, dtype, requires_grad, name)

    def uniform(
        self,
        *shape: Shape,
        low: float = 0.0,
        high: float = 1.0,
        dtype: torch.dtype = torch.float32,
        requires_grad: bool = False,
        name: str | None = None,
    ) -> torch.Tensor:
        """Numbers uniformly distributed between `low` and `high`, of a floating-point dtype."""
        drawn = torch.rand(_shape(shape), generator=self._generator, dtype=torch.float64, device="cpu")
        return self._tensor(drawn * (high - low) + low, dtype, requires_grad, name)

    def integers(
        self,
        *shape: Shape,
        low: int = 0,
        high: int = 10,
        dtype: torch.dtype = torch.int64,
        requires_grad: bool = False,
        name: str | None = None,
    ) -> torch.Tensor:
        """Whole numbers from `low` to `high` - 1, of any dtype."""
        drawn = torch.randint(low, high, _shape(shape), generator=self._generator, dtype=torch.int64, device="cpu")
        return self._tensor(drawn, dtype, requires_grad, name)

    def bools(self, *shape: Shape, p: float = 0.5, name: str | None = None) -> torch.Tensor:
        """A bool tensor; each element is True with probability `p`."""
        drawn = torch.rand(_shape(shape), generator=self._generator, dtype=torch.float64, device="cpu") < p
        return self._tensor(drawn, torch.bool, False, name)

    def permutation(self, n: int, *, dtype: torch.dtype = torch.int64, name: str | None = None) -> torch.Tensor:
        """The numbers 0 to n - 1 in random order, of shape (n,)."""
        drawn = torch.randperm(n, generator=self._generator, dtype=torch.int64, device="cpu")
        return self._tensor(drawn, dtype, False, name)

    def tensor(
        self,
        data: Any,
        *,
        dtype: torch.dtype | None = None,
        requires_grad: bool = False,
        name: str | None = None,
    ) -> torch.Tensor:
        """A tensor of the author's own values (numbers, nested lists, an array), watched like a drawn one.

        Without a dtype, floats become float32, whatever the default dtype is; a tensor keeps its dtype.
        """
        # With the dtype from the start: Python's floats would lose digits on the way through float32.
        made = torch.as_tensor(data, dtype=dtype).detach().clone()
        kind = dtype or (torch.float32 if made.is_floating_point() and not isinstance(data, torch.Tensor) else made.dtype)
        return self._tensor(made, kind, requires_grad, name)

    def full(
        self,
        *shape: Shape,
        value: complex,
        dtype: torch.dtype = torch.float32,
        requires_grad: bool = False,
        name: str | None = None,
    ) -> torch.Tensor:
        """A tensor whose elements are all `value`."""
        made = torch.full(_shape(shape), value, dtype=dtype, device="cpu")
        return self._tensor(made, dtype, requires_grad, name)

    # The same values in another form: each replaces the tensor that it was made from

    def non_contiguous(self, x: torch.Tensor) -> torch.Tensor:
        """The values of `x` with the same shape, dtype and `requires_grad`, stored with gaps.

        It is every other element of a tensor twice as large; a 0-d tensor becomes an element in the middle of a larger one.
        """
        if x.dim() == 0:
            return self._instead(x, torch.stack([x.detach()] * 3)[1])
        return self._instead(x, torch.repeat_interleave(x.detach(), 2, dim=-1)[..., ::2])

    def transposed(self, x: torch.Tensor) -> torch.Tensor:
        """The values of `x` with the same shape, dtype and `requires_grad`, stored with the last two dimensions swapped.

        `x` has at least 2 dimensions.
        """
        return self._instead(x, x.detach().mT.contiguous().mT)

    def sliced(self, x: torch.Tensor) -> torch.Tensor:
        """The values of `x` with the same shape, dtype and `requires_grad`, as rows from the middle of a larger tensor.

        The result is contiguous, with a storage offset and a storage larger than `x`. `x` has at least 1 dimension.
        """
        rows = x.detach()
        padded = torch.cat([rows.new_ones(1, *rows.shape[1:]), rows, rows.new_ones(1, *rows.shape[1:])])
        return self._instead(x, padded[1:-1])

    def expanded(self, x: torch.Tensor, *shape: Shape) -> torch.Tensor:
        """`x` expanded to a larger shape without a copy: its elements overlap in memory."""
        return self._instead(x, x.detach().clone().expand(_shape(shape)))

    def non_leaf(self, x: torch.Tensor) -> torch.Tensor:
        """The values of floating-point `x` as an operation's result: it requires grad, has a grad_fn and is not a leaf."""
        return self._instead(x, x.detach().clone().requires_grad_().clone())

    def with_grad(self, thing: T) -> T:
        """Put drawn numbers into the `.grad` of a tensor, or of each of a module's parameters that requires grad.

        Returns the same object. A tensor that does not require grad is made to.

        Raises:
            TypeError: if `thing` is neither a tensor nor a module.
        """
        if isinstance(thing, torch.nn.Module):
            parameters: list[torch.Tensor] = [parameter for parameter in thing.parameters() if parameter.requires_grad]
        elif isinstance(thing, torch.Tensor):
            parameters = [thing.requires_grad_()]
        else:
            raise TypeError(f"with_grad takes a tensor or a module, not {type(thing).__name__}")
        for parameter in parameters:
            drawn = torch.randn(parameter.shape, generator=self._generator, dtype=torch.float64, device="cpu")
            parameter.grad = drawn.to(parameter.device, parameter.dtype)
        self._look_again(thing)
        return thing

    # Modules and everything else

    def module(self, factory: Callable[[], torch.nn.Module], *, name: str | None = None) -> Any:
        """A module with drawn weights: `given.module(lambda: nn.Linear(3, 4))`, on `device`, watched as `module 1`, ….

        The factory runs with the global generator seeded from `given`; its state is restored afterwards. PyTorch's modules
        draw the same weights on every processor.
        """
        with self.seeded(), same_draws():
            made = factory()
        if self.device.type != "cpu":
            made.to(self.device)
        return self.watch(made, name or self._next("module"))

    def watch(self, thing: T, name: str) -> T:
        """Watch something that the check made or changed itself; returns it.

        Tensors, arrays, modules, optimizers, and lists, tuples and dicts of these can be watched. Watch a thing again after
        changing it yourself, or your own change counts as the code's side effect.

        Raises:
            TypeError: if a thing of this type cannot be watched.
        """
        if not watchable(thing):
            raise TypeError(f"a {type(thing).__name__} cannot be watched")
        for known in [known for known, watch in self._watches.items() if watch.thing is thing]:
            del self._watches[known]
        self._watches[name] = Watch(name, thing)
        return thing

    def spy(self, function: Callable[..., Any]) -> Spy:
        """Record calls: `.count`, `.calls`, `.arguments`. Call the spy instead of a function; call a module as usual."""
        return Spy(function)

    def generator(self, device: str | torch.device = "cpu") -> torch.Generator:
        """A new generator with a drawn seed."""
        return torch.Generator(device).manual_seed(self.integer(0, 2**31))

    def integer(self, low: int, high: int) -> int:
        """A Python int from `low` to `high` - 1."""
        return int(torch.randint(low, high, (), generator=self._generator, dtype=torch.int64, device="cpu"))

    def number(self, low: float = 0.0, high: float = 1.0) -> float:
        """A Python float, uniformly distributed between `low` and `high`."""
        drawn = torch.rand((), generator=self._generator, dtype=torch.float64, device="cpu")
        return float(drawn) * (high - low) + low

    def choice(self, options: Sequence[T]) -> T:
        """One of the options."""
        return options[self.integer(0, len(options))]

    @property
    def scratch(self) -> Path:
        """An empty folder for files, removed after the check. Its name comes from the seed, as messages may contain it."""
        if self._scratch is None:
            self._scratch = Path(_gettempdir(), f"scratch-{self._seed:x}")
            try:
                _mkdir(self._scratch, 0o700)
            except FileExistsError:
                self._scratch = Path(_mkdtemp(prefix="scratch-"))
        return self._scratch

    # What is handed in, and what only the reference's run has

    def weights(self, path: Any, module: Module) -> Module:
        """The module with the weights of a file that the student handed in, in evaluation mode.

        The file is read with `weights_only=True`, so that nothing in it is run.

        Args:
            path: the file's name, as the student's code gives it.
            module: the network that the weights are for.

        Raises:
            BadWeights: if the file is missing, far too large, no file of weights, or of another network; students read why.
        """
        return load_weights(path, module).to(self.device)

    def answers(self, name: str, rows: Any = None) -> tuple[float, ...]:
        """Numbers from `data/answers/`, which is there only where the course's own code runs; elsewhere an empty tuple.

        They are for `mostly` and other bounds, of which only those from the reference's run count. For hidden checks alone.

        Args:
            name: the file's name in `data/answers/`: a text of numbers, or a tensor that `torch.save` wrote.
            rows: which of them, by index; all if None.
        """
        return answers_in(Path("data", "answers", name), rows)

    # Contexts

    @contextmanager
    def seeded(self) -> Iterator[None]:
        """Seed PyTorch's global generator from `given` inside the context; its state is restored afterwards."""
        before = _default_generator.get_state()
        _default_generator.manual_seed(self.integer(0, 2**31))
        try:
            yield
        finally:
            _default_generator.set_state(before)

    @contextmanager
    def default_dtype(self, dtype: torch.dtype) -> Iterator[None]:
        """Make `dtype` the default floating-point dtype inside the context."""
        before = torch.get_default_dtype()
        torch.set_default_dtype(dtype)
        try:
            yield
        finally:
            torch.set_default_dtype(before)

    def counted_steps(self) -> AbstractContextManager[Steps]:
        """Count optimizer steps: `with given.counted_steps() as steps: …`, then `steps.count` and `steps.distinct`."""
        return counted_steps()

    def unavailable(self, *functions: Callable[..., Any]) -> AbstractContextManager[None]:
        """Make PyTorch functions raise inside the context, e.g. `given.unavailable(F.cross_entropy)`.

        Of losses, activations and `torch.nn.init`, what they are made of is refused too, however it is reached. With a
        function of `torch` goes the method of its name, and the operator that calls it: `x.matmul(y)` and `x @ y`.
        """
        return unavailable(*functions)

    # For the autograder

    def inputs(self) -> dict[str, Any]:
        """What is watched, by name."""
        return {name: watch.thing for name, watch in self._watches.items()}

    def changes(self) -> tuple[str, ...]:
        """`NAME: values | requires_grad | gradient | training` for each change."""
        return tuple(change for watch in self._watches.values() for change in watch.changes())

    def gpu_drawn_from(self) -> bool:
        """Whether anything was drawn from the simulated GPU's random generator."""
        return self._gpu is not None and self._gpu.drawn_from

    def end_simulation(self) -> None:
        """End the simulation of a GPU, if there is one."""
        simulation, self._simulation = self._simulation, None
        if simulation is not None:
            simulation.__exit__(None, None, None)

    def close(self) -> None:
        """End the simulation and remove the scratch folder."""
        self.end_simulation()
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None

    def _tensor(self, drawn: torch.Tensor, dtype: torch.dtype, requires_grad: bool, name: str | None) -> torch.Tensor:
        tensor = drawn.to(self.device, dtype).requires_grad_(requires_grad)
        return self.watch(tensor, name or self._next("input"))

    def _instead(self, source: torch.Tensor, made: torch.Tensor) -> torch.Tensor:
        """Watch `made` in place of the tensor it was made from: same name, same `requires_grad`."""
        if source.requires_grad and not made.requires_grad:
            made.requires_grad_()
        names = [name for name, watch in self._watches.items() if watch.thing is source]
        return self.watch(made, names[0] if names else self._next("input"))

    def _look_again(self, thing: Any) -> None:
        for watch in self._watches.values():
            if watch.thing is thing:
                watch.refresh()

    def _next(self, kind: str) -> str:
        number = self._unnamed[kind] = self._unnamed.get(kind, 0) + 1
        return f"{kind} {number}"


def _shape(sizes: tuple[Shape, ...]) -> tuple[int, ...]:
    if len(sizes) == 1 and not isinstance(sizes[0], int):
        return tuple(sizes[0])
    return tuple(int(size) for size in sizes)  # type: ignore[arg-type]
