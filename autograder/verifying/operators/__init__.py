"""Small wrong changes of a solution: one operator a kind.

An operator looks at one node of the syntax tree and yields what could stand in its place. `autograder.verifying.mutants`
puts each replacement in, and `autograder.verifying.verify` demands that some check notices.
"""

from autograder.verifying.operators import python, torch
from autograder.verifying.operators.site import Operator, Site

__all__ = ["OPERATORS", "Operator", "Site"]

OPERATORS: dict[str, Operator] = {**torch.OPERATORS, **python.OPERATORS}
"""Every operator by the words that stand in a report, in the order in which mutants are made."""
