"""The templates in ci/: valid for their platforms, and every step does its work, in repositories like those they are for."""

from __future__ import annotations

import importlib.resources
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from released_course import SCALE, release_course

from autograder.course import new_course
from autograder.processes.pool import Pool

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
CI = ROOT / "ci"
WORKFLOWS = ("student", "instructor")
SOLUTION = f"import torch\n\n{SCALE}\ndef noise(n):\n    return torch.randn(n, 2)\n\n\nguess = 'int64'\n"


def template(name: str) -> dict[str, Any]:
    loaded = yaml.safe_load((CI / name).read_text(encoding="utf-8"))
    return {"on" if key is True else key: value for key, value in loaded.items()}  # YAML 1.1 takes `on` for true


def schema(name: str) -> Any:
    folder = importlib.resources.files("check_jsonschema") / "builtin_schemas" / "vendor"
    return jsonschema.validators.validator_for({})(json.loads((folder / name).read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory, pool: Pool) -> Path:
    """A course as an instructor's repository has it, and in `students/` the repositories of two students."""
    root = tmp_path_factory.mktemp("course")
    release_course(root, pool, numbered=True)
    for name in ("ann", "bo"):
        repository = root / "students" / name
        shutil.copytree(root / "release", repository)
        (repository / "01_small.ipynb").unlink()
        (repository / "parts").mkdir()
        (repository / "parts/scaling.py").write_text("FACTOR = 1\n")
        (repository / "what?.ipynb").write_text("a name that GitHub's artifacts do not take")
        (repository / "link.py").symlink_to("/etc/passwd")
        git(repository, "init", "--quiet")
        for state in ("first", "later"):
            (repository / "small.py").write_text(SOLUTION if name == "ann" else SOLUTION.replace("x * by", "x * by * 1.5"))
            (repository / "notes.txt").write_text(state)
            git(repository, "add", "--all")
            git(repository, "commit", "--quiet", "--message", state)
    (root / "repositories.txt").write_text(
        f"# student repository\nann {root}/students/ann\nbo {root}/students/bo HEAD~1\ncy {root}/students/gone\n"
    )
    (root / "ci").mkdir()
    shutil.copy(CI / "github/collect.sh", root / "ci")
    return root


def git(folder: Path, *arguments: str) -> None:
    command = ["git", "-C", str(folder), "-c", "user.name=T", "-c", "user.email=t@example.org", *arguments]
    subprocess.run(command, check=True, capture_output=True)


def shell(script: str, folder: Path, tools: Path, **variables: str) -> str:
    """Run a step as a runner does: `bash -e`, with a `pip` that has nothing to install. Returns what it printed."""
    tools.mkdir(exist_ok=True)
    (tools / "pip").write_text("#!/bin/sh\n")
    (tools / "pip").chmod(0o755)
    path = f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script],
        cwd=folder,
        env=os.environ | {"PATH": path} | variables,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def steps(workflow: str, job: str) -> list[dict[str, Any]]:
    return [step for step in template(f"github/{workflow}.yml")["jobs"][job]["steps"] if "run" in step]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_workflows_are_valid(name: str) -> None:
    workflow = template(f"github/{name}.yml")
    schema("github-workflows.json").validate(workflow)
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"]
        for step in job["steps"]:
            # What others choose reaches a script through its environment only.
            assert "${{" not in step.get("run", "")
            if step.get("uses", "").startswith("actions/checkout"):
                assert step["with"]["persist-credentials"] is False


def test_the_workflow_of_a_new_course_is_valid(tmp_path: Path) -> None:
    new_course.create(tmp_path / "course")
    workflow = yaml.safe_load((tmp_path / "course/.github/workflows/course.yml").read_text(encoding="utf-8"))
    schema("github-workflows.json").validate({"on" if key is True else key: value for key, value in workflow.items()})
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["jobs"]["course"]["steps"][0]["with"]["persist-credentials"] is False


@pytest.mark.parametrize("name", WORKFLOWS)
def test_pipelines_are_valid(name: str) -> None:
    schema("gitlab-ci.json").validate(template(f"gitlab/{name}.gitlab-ci.yml"))


def test_no_job_that_runs_student_code_has_a_secret() -> None:
    text = (CI / "github/instructor.yml").read_text()
    workflow = template("github/instructor.yml")
    assert list(workflow["on"]) == ["workflow_dispatch"]
    assert workflow["permissions"] == {"contents": "read"}
    assert "secrets." not in (CI / "github/student.yml").read_text()
    assert text.count("secrets.") == 1
    assert "secrets." in json.dumps(workflow["jobs"]["submissions"])
    assert "autograde" not in json.dumps([step.get("run", "") for step in workflow["jobs"]["submissions"]["steps"]])


def test_a_students_workflow(course: Path, tmp_path: Path) -> None:
    install, check = steps("student", "check")
    files = {name: str(tmp_path / name) for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")}
    folder = course / "students/bo"
    shell(install["run"], folder, tmp_path / "tools")
    out = shell(check["run"], folder, tmp_path / "tools", GITHUB_ACTIONS="true", **files)
    line = next(
        number for number, text in enumerate((folder / "small.py").read_text().splitlines(), 1) if "def scale" in text
    )
    assert f"::error file=small.py,line={line},title=scale%3A The values are multiplied.::" in out
    assert "| `noise` | ✓ complete |" in (tmp_path / "GITHUB_STEP_SUMMARY").read_text()
    assert re.match(r"result=[\w+/=]+\npoints=[\d.]+\n", (tmp_path / "GITHUB_OUTPUT").read_text())
    reporter = template("github/student.yml")["jobs"]["check"]["steps"][-1]
    assert reporter["env"] == {"AUTOGRADE_RESULTS": "${{ steps.autograde.outputs.result }}"}
    pipeline = template("gitlab/student.gitlab-ci.yml")["check"]
    assert pipeline["script"] == [install["run"], check["run"]]
    for report in pipeline["artifacts"]["reports"].values():
        assert (folder / report).stat().st_size


def test_an_instructors_workflow(course: Path, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    verify = steps("instructor", "verify")
    assert verify[1]["run"] == "autograde verify"  # which has tests of its own, and more to say of this small course
    shell(verify[2]["run"], course, tools)
    [collect] = steps("instructor", "submissions")
    assert "NOT COLLECTED: cy (the repository cannot be cloned)\n" in shell(collect["run"], course, tools)
    submitted = sorted(path.relative_to(course / "submitted").as_posix() for path in (course / "submitted").rglob("*.*"))
    names = ("00_start.ipynb", "02_other.ipynb", "README.md", "course.json", "notes.txt", "parts/scaling.py",
             "requirements.txt", "small.py")  # fmt: skip
    assert submitted == [f"{student}/{name}" for student in ("ann", "bo") for name in names]
    assert {(course / f"submitted/{name}/notes.txt").read_text() for name in ("ann", "bo")} == {"first", "later"}
    workflow = template("github/instructor.yml")
    shares = workflow["jobs"]["shard"]["strategy"]["matrix"]["shard"]
    assert shares == list(range(1, workflow["env"]["SHARDS"] + 1))
    grade, merge = steps("instructor", "shard")[-1]["run"], steps("instructor", "merge")[-1]["run"]
    for share in shares:
        shell(grade, course, tools, SEED="7", SHARD=str(share), SHARDS=str(len(shares)))
    shell(merge, course, tools)
    lines = [json.loads(line) for path in course.glob("part-*.jsonl") for line in path.read_text().splitlines()]
    points = {(line["student"], line["topic"]): line["earned"] for line in lines}
    assert points.keys() == {(student, topic) for student in ("ann", "bo") for topic in ("small", "other")}
    assert points["ann", "small"] > points["bo", "small"]
    for (student, topic), earned in points.items():
        assert json.loads((course / f"grades/{student}/{topic}.json").read_text())["earned"] == earned
    # The rest of GitLab's: its other commands are the same.
    pipeline = template("gitlab/instructor.gitlab-ci.yml")
    assert pipeline["collect"]["allow_failure"] is False  # or else the shares would begin without it
    assert pipeline["shard"]["parallel"] == len(shares)
    assert pipeline["shard"]["script"][-1].replace("CI_NODE_INDEX", "SHARD").replace("CI_NODE_TOTAL", "SHARDS") in grade
    assert pipeline["merge"]["script"][1] in merge
    shell(pipeline["merge"]["script"][2], course, tools)
    for report in pipeline["merge"]["artifacts"]["reports"].values():
        assert (course / report).stat().st_size
    assert pipeline["gpu"]["script"][-1] in steps("instructor", "gpu")[-1]["run"]


def test_a_course_that_does_not_commit_its_release(course: Path, tmp_path: Path) -> None:
    """As `autograde init` begins one: its .gitignore leaves release/ out."""
    root = tmp_path / "course"
    shutil.copytree(course, root, ignore=shutil.ignore_patterns("release", "students", "grades", "part-*", "submitted"))
    step = steps("instructor", "verify")[2]["run"]
    assert step in template("gitlab/instructor.gitlab-ci.yml")["verify"]["script"]
    shell(step, root, tmp_path / "tools")
    assert (root / "release/README.md").is_file()
    (root / "release/README.md").unlink()
    with pytest.raises(AssertionError, match=r"README\.md is missing"):
        shell(step, root, tmp_path / "tools")


def test_each_run_of_the_instructors_templates_has_a_seed_of_its_own() -> None:
    """No results stay between runs, so nothing else says whose file was changed after reading a page."""
    workflow = template("github/instructor.yml")
    assert "default" not in workflow["on"]["workflow_dispatch"]["inputs"]["seed"]
    assert steps("instructor", "shard")[-1]["env"]["SEED"] == "${{ inputs.seed || github.run_id }}"
    assert template("gitlab/instructor.gitlab-ci.yml")["variables"]["SEED"] == "$CI_PIPELINE_ID"


def test_who_cannot_be_collected_is_named(course: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    git(empty, "init", "--quiet")
    git(empty, "commit", "--quiet", "--allow-empty", "--message", "nothing")

    def collect(text: str) -> tuple[int, list[str]]:
        (tmp_path / "list").write_bytes(text.encode())
        command = ["sh", CI / "github/collect.sh", "list", "out"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
        return done.returncode, done.stderr.splitlines()

    ann = course / "students/ann"
    # As Windows writes it, and without an end of the last line.
    assert collect(f"# list\r\nbo {ann} nope\r\ncy {empty}\r\ndi {tmp_path}/gone\r\n\r\nann {ann}") == (0, [
        "NOT COLLECTED: bo (there is no revision nope)",
        "NOT COLLECTED: cy (the repository has no notebook and no Python file)",
        "NOT COLLECTED: di (the repository cannot be cloned)",
    ])  # fmt: skip
    assert (tmp_path / "out/ann/small.py").is_file()
    assert collect(f"di {tmp_path}/gone\n")[0] == 1


def test_the_image_is_not_roots_and_has_all_that_it_copies() -> None:
    lines = (CI / "docker/Dockerfile").read_text().splitlines()
    instructions = [line.split() for line in lines if line and not line.startswith("#")]
    # By number: Kubernetes' runAsNonRoot knows no names.
    [user] = [each[1] for each in instructions if each[0] == "USER"]
    [made] = [each for each in instructions if "useradd" in each]
    assert made[made.index("--uid") + 1] == user
    volume = re.findall(r"-v run:(\S+) ", (CI / "docker/README.md").read_text())
    assert " ".join(made).endswith(f"install --directory --owner {made[made.index('--uid') + 2]} {volume[0]}")
    ignored = (CI / "docker/Dockerfile.dockerignore").read_text().splitlines()
    for each in instructions:
        if each[0] == "COPY":
            assert all((ROOT / name).exists() and f"!{name}" in ignored for name in each[1:-1])


@pytest.mark.parametrize("path", sorted(CI.rglob("*.sh")), ids=lambda path: path.name)
def test_scripts_are_plain_shell(path: Path) -> None:
    subprocess.run(["sh", "-n", path], check=True)
    assert os.access(path, os.X_OK)


def test_every_folder_is_explained() -> None:
    for folder in (path for path in CI.iterdir() if path.is_dir()):
        readme = (folder / "README.md").read_text(encoding="utf-8")
        for file in folder.iterdir():
            assert file.name == "README.md" or file.name.startswith("Dockerfile") or f"`{file.name}`" in readme
