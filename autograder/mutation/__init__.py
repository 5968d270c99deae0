"""Small wrong changes of a solution: one operator a kind.

An operator looks at one node of the syntax tree and yields what could stand in its place. `autograder.mutants` puts
each replacement in, and `autograder.verify` demands that some check notices.
"""

from autograder.mutation import python_operators, torch_operators
from autograder.mutation.site import Operator, Site

__all__ = ["OPERATORS", "Operator", "Site"]

OPERATORS: dict[str, Operator] = {**torch_operators.OPERATORS, **python_operators.OPERATORS}
"""Every operator by the words that stand in a report, in the order in which mutants are made."""
