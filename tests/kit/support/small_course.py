"""A course of one topic with three tasks, small enough to be run many times."""

from __future__ import annotations

import textwrap
from pathlib import Path

FILES = {
    "course.yml": """
        title: A small course
        draws: 2
        topics:
          small:
            title: Small
            number: 1
            tasks:
              scale: {points: 4}
              noise: {points: 2}
              guess: {points: 1}
        """,
    "exercises/small.py": '''
        # %%
        import torch

        # %%
        def scale(x, by):
            """x times by, as a new tensor. Raises ValueError if by is 0."""
            raise NotImplementedError

        # %%
        def noise(n):
            """n standard normal numbers, in two columns."""
            raise NotImplementedError

        # %%
        guess = ...
        ''',
    "solutions/small.py": """
        # %%
        import torch

        # %%
        def scale(x, by):
            if by == 0:
                raise ValueError("a secret message of the solution: by is 0")
            return x * by  # a secret comment of the solution

        # %%
        def noise(n):
            return torch.randn(n, 2)

        # %%
        guess = "int64"
        """,
    "tests/visible/test_small.py": '''
        from autograder import checks, distributed_as, only, raises, secret


        @checks("scale", gate=True)
        def test_scale_values(code, given):
            """The values are multiplied."""
            return only({"product": code.scale(given.normal(3, 4), 2.5)}, "shape", "values")


        @checks("scale")
        def test_scale_zero(code, given):
            """A factor of zero is refused with a ValueError."""
            return {"by = 0": raises(lambda: code.scale(given.normal(3), 0))}


        @checks("noise")
        def test_noise(code, given):
            """The numbers are standard normal ones."""
            return distributed_as(code.noise(10_000), "normal", mean=0, std=1)


        @checks("guess")
        def test_guess(code, given):
            """The prediction is right."""
            return {"guess": secret(code.guess)}
        ''',
    "tests/hidden/test_small.py": '''
        from autograder import checks, only


        @checks("scale", draws=1)
        def test_scale_dtype(code, given):
            """The dtype is kept."""
            x = given.normal(3).double()
            return only({"product": code.scale(x, 2.0)}, "dtype")


        @checks("scale", device="cuda")
        def test_scale_cuda(code, given):
            """It works on a GPU."""
            return code.scale(given.normal(3), 2.0)
        ''',
    "solutions/misconceptions/small.py": """
        import torch
        from autograder import misconception


        @misconception("scale", "Look at the sign.")
        def negates(x, by):
            if by == 0:
                raise ValueError("by is 0")
            return -x * by


        @misconception("scale", "What about a factor of zero?")
        def allows_zero(x, by):
            return x * by


        @misconception("scale", "What is x afterwards?")
        def in_place(x, by):
            if by == 0:
                raise ValueError("by is 0")
            return x.mul_(by)


        @misconception("scale", "Which dtype has the result?")
        def always_float32(x, by):
            if by == 0:
                raise ValueError("by is 0")
            return x.float() * by


        @misconception("noise", "How large is the standard deviation?")
        def too_wide(n):
            return torch.randn(n, 2) * 2


        @misconception("noise", "Uniform is not normal.")
        def uniform(n):
            return torch.rand(n, 2) * 12**0.5 - 3**0.5


        @misconception("guess", "Integers are not rounded numbers.")
        def float32():
            return "float32"
        """,
    "solutions/alternatives/small.py": """
        import torch
        from autograder import alternative


        @alternative("scale")
        def mul(x, by):
            if not by:
                raise ValueError
            return torch.mul(by, x)
        """,
}


def write_course(root: Path, **changes: str) -> Path:
    """Write the course; a keyword like `tests__hidden__test_small` replaces a file's text."""
    for name, text in FILES.items():
        text = changes.get(name.partition(".")[0].replace("/", "__"), text)
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
    return root
