"""docs/api.md: every snippet runs as it stands there, and its tables name everything that there is."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
from served_course import serving
from tiny_course import make_class, make_course

from autograder import Grader
from autograder.commands import serve
from autograder.grading import grader as grading
from autograder.processes.pool import Pool
from autograder.serving.service import Service, Settings

GUIDE = (Path(__file__).parents[3] / "docs/api.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
TOKEN = "t" * 32
PRINTED = ["double: passed", "version 2 has seed", "1 of 3 pass; mistakes: {'squares': 1}", "[4.0, 0.0]", "5.0 of 5.0"]


@pytest.fixture
def folder(tmp_path: Path, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course in the working folder; graders use the tests' pool, and leave it open."""
    make_class(make_course(tmp_path) / "submitted")
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(grading, "Pool", lambda *_, **__: pool)
    monkeypatch.setattr(Pool, "close", lambda _: None)
    return tmp_path


@pytest.mark.parametrize(
    ("snippet", "printed"), list(zip(SNIPPETS, PRINTED, strict=True)), ids=["one", "changed", "many", "async", "http"]
)
def test_a_snippet_runs(folder: Path, snippet: str, printed: str, capsys: pytest.CaptureFixture[str]) -> None:
    with Grader(".", seed=1) as grader:
        grader.prepare("views")
        with serving(grader, folder / "autograde.sock", Settings(tokens=(TOKEN,))):
            exec(compile(snippet, "docs/api.md", "exec"), {"__name__": "__main__"})
    assert printed in capsys.readouterr().out


def test_everything_public_is_explained() -> None:
    names = [name for name, _ in inspect.getmembers(Grader, inspect.isfunction) if not name.startswith("_")]
    assert [name for name in names if name not in ("close", "run_cells") and f"`{name}(" not in GUIDE] == []
    for name in inspect.signature(Grader).parameters:
        assert name in ("pool",) or re.search(rf"\b{name}\b", GUIDE)


def test_the_servers_interface_is_explained() -> None:
    source = inspect.getsource(inspect.getmodule(Service) or Service)
    statuses = set(re.findall(r"HTTPException\((\d{3})", source)) - {"499", "500"}
    assert [status for status in sorted(statuses) if not re.search(rf"\b{status}\b", GUIDE)] == []
    for route in ("/v1/grade", "/health", "/metrics", "/openapi.json"):
        assert route in GUIDE
    for name, default in (("queue", "64"), ("per_client", "16"), ("max_mb", "16"), ("drain_seconds", "120")):
        assert str(inspect.signature(serve.serve).parameters[name].default) == default
        assert re.search(rf"`--{name.replace('_', '-')}`[ ,(]*{default}", GUIDE)
