import pytest

from autograder.checking.code import Code, NotAttempted, UndefinedName
from autograder.records.jobs import ScriptPart


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


def test_a_range_runs_with_other_values_and_leaves_no_trace(capsys: pytest.CaptureFixture[str]) -> None:
    namespace: dict[str, object] = {"rows": 2, "table": "a name of the student's"}
    parts = (
        ScriptPart(3, 1, "doubled = 2 * rows\ndef show():\n    print(doubled, rows)"),
        ScriptPart(5, 4, "show(); rows = 0"),
    )
    code = Code(namespace, {"table": parts})
    code.table(rows=4)
    code.table()
    assert capsys.readouterr().out == "8 4\n4 2\n"
    assert namespace.keys() - {"__builtins__"} == {"rows", "table"}
    assert namespace["rows"] == 2


@pytest.mark.parametrize(("cell", "file"), [(3, "<cell 3>"), (0, "<submission>")])
def test_an_error_in_a_range_has_the_line_of_its_cell(cell: int, file: str) -> None:
    namespace: dict[str, object] = {"rows": 2}
    with pytest.raises(ZeroDivisionError) as caught:
        Code(namespace, {"table": (ScriptPart(cell, 4, "# autograde: table\nrows = 9\n1 / 0"),)}).table()
    assert (caught.traceback[-1].frame.code.raw.co_filename, caught.traceback[-1].lineno + 1) == (file, 6)
    assert namespace["rows"] == 2
