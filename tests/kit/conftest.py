"""What many test files share."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from autograder.processes.pool import Pool

# A busy machine is no fault of the code under test.
settings.register_profile("kit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("kit")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Confinement can be tried with a GPU, too; and pictures that the documentation shows are taken by a test."""
    parser.addoption("--device", default="cpu", help="where confined children are, `cpu` or `cuda`")
    parser.addoption("--screenshots", metavar="FOLDER", help="where tests in a browser put their pictures")
    parser.addoption("--rounds", type=int, default=200, help="how many bad days the tests marked `long` try; 200 by default")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each bad day is a test of its own; one in four more starves the machine."""
    rounds = metafunc.config.getoption("--rounds")
    for name, number in (("bad_day", rounds), ("starved_day", max(1, rounds // 4))):
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, range(number))


def pytest_configure() -> None:
    """A shell starts what runs in the background without Ctrl-C, `nohup` without SIGHUP, and programs would inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Share the tests out among xdist's workers: a file's go to one, as they share fixtures, those marked `apart` to any.

    Slow ones come first, and files with such, so that no worker is left alone with one in the end; files and those apart in
    turn, since the files wait for this and that, and those apart need all the time that there is.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    groups: dict[tuple[bool, bool], list[str]] = {}
    places = {}
    for item in items:
        fast, apart = item.path not in slow, item.get_closest_marker("apart") is not None
        group = item.name if apart else f"{item.path.parent.name}/{item.path.stem}"
        item.add_marker(pytest.mark.xdist_group(group))
        queue = groups.setdefault((fast, apart), [])
        if group not in queue:
            queue.append(group)
        places[item] = fast, queue.index(group), apart
    items.sort(key=places.__getitem__)


@pytest.fixture(scope="session")
def device(request: pytest.FixtureRequest) -> str:
    """Where the children of `pool` and of what attacks them are."""
    return str(request.config.getoption("--device"))


@pytest.fixture(scope="session")
def pool(device: str) -> Iterator[Pool]:
    """A running pool with one worker, confined as well as this system allows."""
    with Pool(1, device=device) as running:
        yield running
