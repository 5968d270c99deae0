import pytest

from autograder.checking.code import Code, NotAttempted, UndefinedName


def test_names_are_looked_up_at_each_access() -> None:
    namespace: dict[str, object] = {"match": 1}
    code = Code(namespace)
    assert code.match == 1
    namespace["match"] = 2
    assert code.match == 2


def test_a_missing_name() -> None:
    with pytest.raises(UndefinedName, match="`match` is not defined"):
        _ = Code({}).match
    assert getattr(Code({}), "match", None) is None


def test_a_variable_left_as_it_was() -> None:
    with pytest.raises(NotAttempted, match=r"`answer` is still `\.\.\.`"):
        _ = Code({"answer": ...}).answer
