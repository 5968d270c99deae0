"""Solutions and what students get of them, in the marks of each tool."""

# ruff: noqa: E501 - a cell's source stands on one line

from __future__ import annotations

import pytest

from autograder.importing.solutions import solution_text, stub_text

CASES = {
    "nbgrader": (
        'def f(x):\n    """Doc."""\n    y = None\n    ### BEGIN SOLUTION\n    y = x\n\n    y += 1\n    ### END SOLUTION\n    return y',
        'def f(x):\n    """Doc."""\n    y = None\n    y = x\n\n    y += 1\n    return y',
        'def f(x):\n    """Doc."""\n    y = None\n    raise NotImplementedError\n    return y',
    ),
    "two regions": (
        "class A:\n    def f(self):\n        ### BEGIN SOLUTION\n        return 1\n        ### END SOLUTION\n\n"
        "    def g(self):\n        ### BEGIN SOLUTION\n        return 2\n        ### END SOLUTION",
        "class A:\n    def f(self):\n        return 1\n\n    def g(self):\n        return 2",
        "class A:\n    def f(self):\n        raise NotImplementedError\n\n    def g(self):\n        raise NotImplementedError",
    ),
    "a variable": (
        "### BEGIN SOLUTION\nx = 3\ny, z = 1, 2\n### END SOLUTION",
        "x = 3\ny, z = 1, 2",
        "x = ...\ny = ...\nz = ...",
    ),
    "a whole function": (
        "# BEGIN SOLUTION\nimport torch\n\ndef f(x):\n    return x\n# END SOLUTION",
        "import torch\n\ndef f(x):\n    return x",
        "import torch\n\ndef f(x):\n    raise NotImplementedError",
    ),
    "otter's line ends": (
        "def square(x):\n    y = x * x # SOLUTION NO PROMPT\n    return y # SOLUTION\n\nnine = square(3) # SOLUTION",
        "def square(x):\n    y = x * x\n    return y\n\nnine = square(3)",
        "def square(x):\n    raise NotImplementedError\n\nnine = ...",
    ),
    "otter's prompt": (
        'def f(x):\n    # BEGIN SOLUTION NO PROMPT\n    return x\n    # END SOLUTION\n    """ # BEGIN PROMPT\n    return ...\n    """; # END PROMPT',
        "def f(x):\n    return x",
        "def f(x):\n    raise NotImplementedError",
    ),
    "no marks": (
        '@cached\ndef f(x):\n    """Doc\n    of two lines."""\n    # how\n    return x\n\nclass A:\n    n = 1\n    def g(self): return 2',
        '@cached\ndef f(x):\n    """Doc\n    of two lines."""\n    # how\n    return x\n\nclass A:\n    n = 1\n    def g(self): return 2',
        '@cached\ndef f(x):\n    """Doc\n    of two lines."""\n    raise NotImplementedError\n\n'
        "class A:\n    n = 1\n    def g(self): raise NotImplementedError",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_both_sides_of_a_cell(name: str):
    source, solution, stub = CASES[name]
    assert solution_text(source) == solution
    assert stub_text(source) == stub
