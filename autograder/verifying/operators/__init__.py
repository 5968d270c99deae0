"""Small wrong changes to a solution: one operator per kind.

An operator looks at one node of the syntax tree and yields what could replace it. `autograder.verifying.mutants` makes each
replacement, and `autograder.verifying.verify` demands that some check notices.
"""

from autograder.course.verify_settings import FAMILIES
from autograder.course.verify_settings import OPERATORS as EXAMPLES
from autograder.verifying.operators import python, torch
from autograder.verifying.operators.site import OfGradients, Operator, Replacement, Site

__all__ = ["OPERATORS", "OfGradients", "Operator", "Replacement", "Site", "listing"]

OPERATORS: dict[str, Operator] = {**torch.OPERATORS, **python.OPERATORS}
"""Every operator by the words used in reports, in the order in which mutants are made; see `course.verify_settings`."""


def listing() -> str:
    """Every family and operator by name, with an example of each: what `verify.without` in course.yml can name."""
    width = max(map(len, EXAMPLES))
    lines = []
    for family, names in FAMILIES.items():
        lines += [family, *(f"  {name.ljust(width)}  {EXAMPLES[name]}" for name in names)]
    return "\n".join(lines).replace("`", "")
