"""Small wrong changes to a solution: one operator per kind.

An operator looks at one node of the syntax tree and yields what could replace it. `autograder.verifying.mutants` makes each
replacement, and `autograder.verifying.verify` demands that some check notices.
"""

from autograder.verifying.operators import python, torch
from autograder.verifying.operators.site import Operator, Site

__all__ = ["OPERATORS", "Operator", "Site"]

OPERATORS: dict[str, Operator] = {**torch.OPERATORS, **python.OPERATORS}
"""Every operator by the words used in reports, in the order in which mutants are made."""
