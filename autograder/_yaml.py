"""Reads YAML that people write: whatever is wrong with a file is one sentence."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

import yaml

from autograder._files import read_source
from autograder.errors import AutogradeError

__all__ = ["lines_of_items", "read_yaml", "read_yaml_with_text", "yaml_node", "yaml_text", "yaml_value"]

_DEEPEST = 100  # brackets in brackets


class _Loader(yaml.SafeLoader):
    """YAML as people write it: 1e-9 is a number, dates stay text, and a duplicate key is a mistake."""

    def fetch_flow_collection_start(self, kind: Any) -> None:
        if self.flow_level >= _DEEPEST:  # PyYAML takes quadratic time for them
            raise RecursionError
        super().fetch_flow_collection_start(kind)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        if not isinstance(node, yaml.MappingNode):  # for example `!!map [a]`
            return cast(dict[Any, Any], super().construct_mapping(node, deep))
        first: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if isinstance(key, yaml.ScalarNode) and key.value != "<<" and first.setdefault(key.value, line) != line:
                raise yaml.MarkedYAMLError(
                    problem=f'"{key.value}" is already defined on line {first[key.value]}', problem_mark=key.start_mark
                )
        return cast(dict[Any, Any], super().construct_mapping(node, deep))

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        value = super().construct_scalar(node)
        if any("\ud800" <= character <= "\udfff" for character in str(value)):
            problem = "half a surrogate pair is not a character; write the whole character"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
        return value

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        number = super().construct_yaml_int(node)
        str(number)  # raises ValueError for thousands of digits, which no message could show
        return number


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)
_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+$"), list("-+.0123456789")
)


class _Dumper(yaml.SafeDumper):
    """Writes what `_Loader` reads: whatever it would not read as text is quoted."""


_Dumper.yaml_implicit_resolvers = _Loader.yaml_implicit_resolvers


def yaml_text(value: Any) -> str:
    """A value of plain types as YAML that people like to read, keys in their order, and that `read_yaml` reads the same."""
    return str(yaml.dump(value, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=2**31))


def yaml_value(text: str) -> Any:
    """What valid YAML holds; None if it is empty."""
    return yaml.load(text, _Loader)


def yaml_node(text: str) -> yaml.Node | None:
    """The tree of valid YAML, whose nodes know their places in the text; None if it is empty."""
    return yaml.compose(text, _Loader)


def lines_of_items(text: str) -> tuple[int, tuple[int, ...]]:
    """Where the items of a valid YAML list are: the column of their dashes (-1 if there are none), and their lines."""
    node = yaml_node(text)
    if not isinstance(node, yaml.SequenceNode):
        return -1, ()
    lines = tuple(item.start_mark.line + 1 for item in node.value)
    return (-1 if node.flow_style else node.start_mark.column), lines


def read_yaml(path: Path, error: type[AutogradeError]) -> Any:
    """What a YAML file holds; None if it is empty. See `read_yaml_with_text`."""
    return read_yaml_with_text(path, error)[0]


def read_yaml_with_text(path: Path, error: type[AutogradeError]) -> tuple[Any, str]:
    """What a YAML file holds, None if it is empty, and the text that says so, read once.

    Args:
        path: the file.
        error: what to raise for a file that cannot be read.

    Raises:
        FileNotFoundError: if there is no such file.
        AutogradeError: an `error`, if it cannot be read; the text names the file, the line if known, and the remedy.
    """
    try:
        text = read_source(path)
        return yaml.load(text, _Loader), text
    except FileNotFoundError:
        raise
    except OSError as cause:
        raise error(f"{path}: cannot be read ({cause.strerror}).") from cause
    except UnicodeDecodeError as cause:
        raise error(f"{path}: byte {cause.start} is not valid UTF-8; save the file as UTF-8.") from cause
    except yaml.MarkedYAMLError as cause:
        line = f":{cause.problem_mark.line + 1}" if cause.problem_mark else ""
        raise error(f"{path}{line}: {_yaml_problem(cause)}.") from cause
    except yaml.YAMLError as cause:
        raise error(f"{path}: {' '.join(str(cause).split())}.") from cause
    except RecursionError as cause:
        raise error(f"{path}: it is nested too deeply; remove brackets, or an alias that contains itself.") from cause
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as cause:  # PyYAML takes tags at their word
        raise error(f"{path}: a value does not fit its tag ({cause}); correct the value, or remove the tag.") from cause


def _yaml_problem(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or "this is not YAML"
    if "already" in problem:
        return f"{problem}; remove one of the two"
    if "\\t" in problem:
        return "YAML does not allow a tab here; use spaces"
    if ";" in problem:
        return problem
    return f"{problem}; check the indentation, colons and quotes here"
