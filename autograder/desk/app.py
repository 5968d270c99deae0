"""The desk's pages: what each address shows, and what each form does.

GET  /, /index.html                                the class
GET  /instructor-pages/STUDENT/TOPIC.html          a submission, with forms to decide about it
GET  /STUDENT/TOPIC.html                           what the student sees
GET  /desk/manual, /desk/manual/TOPIC/TASK[/KEY]   manual tasks; the first answer that waits, or a certain one
GET  /desk/regrade                                 what waits to be accepted or refused
POST /desk/decide, /desk/grade-again, /desk/regrade

The first three are where `autograde grade` writes the same pages, so that their links work at the desk, too. All is read
from disk for each request: what other desks and commands do is there at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import parse_qsl, quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from autograder.desk.books import Books, Entry
from autograder.desk.decisions import Attempt, DecisionForm, decide
from autograder.desk.door import Door, Keys, is_same
from autograder.desk.manual import answer_of, manual_tasks, round_of
from autograder.desk.refreshing import Refresher
from autograder.desk.regrading import Regrading, proposal_of
from autograder.desk.rendering import problem_page, respond
from autograder.desk.views import Bar, forms_of, manual_href, manual_row, manual_view, regrade_view, submission_href
from autograder.errors import AutogradeError, RequestError
from autograder.grading.marks import figures_of, people_of, refresh
from autograder.grading.regrade import proposed_of
from autograder.grading.result_files import read_all
from autograder.reporting.class_page import class_view
from autograder.reporting.labels import points_text
from autograder.reporting.templating import script
from autograder.reporting.topic_page import topic_view

__all__ = ["Desk"]

_LARGEST_FORM = 256 << 10
_TOLD = {
    "saved": "Saved.",
    "same": "Graded again: the mark stays the same.",
    "accepted": "Accepted: the new results have been taken.",
    "refused": "Refused: everything is as it was.",
    "done": "Saved. No other answer waits for points.",
}

Fields = Mapping[str, str]


class Desk:
    """An instructor's desk for one course and its results."""

    def __init__(
        self,
        course: Path,
        out: Path,
        *,
        by: str = "",
        unsafe: bool = False,
        cache: Path | None = None,
        keys: Keys | None = None,
    ) -> None:
        """Open a desk. Close it in the end.

        Args:
            course: course.yml, or the folder it is in.
            out: the folder of the results.
            by: who decides; the user of this process if empty.
            unsafe: grade again even without any confinement.
            cache: where answer keys are kept; see `keys.build.key_folder`.
            keys: its secrets; drawn if None.

        Raises:
            ResultError: if the folder holds no results.
            CourseError: if there are mistakes in the course's files.
        """
        self.keys = keys or Keys()
        self._books, self._by = Books(course, out, cache=cache), by
        self._regrading = Regrading(self._books, unsafe=unsafe)
        self._refresher = Refresher(lambda: refresh(self._books.course, out))

    def close(self) -> None:
        """End what still runs, and bring the pages in the folder of results up to date."""
        self._regrading.close()
        self._refresher.close()

    def app(self) -> Door:
        """The ASGI application."""
        submission = "/instructor-pages/{student}/{topic}.html"
        pages: dict[str, Callable[[Request], Response]] = {
            "/": self._class,
            "/index.html": self._class,
            submission: self._submission,
            "/desk/manual": self._manual,
            "/desk/manual/{topic}/{task}": self._first_answer,
            "/desk/manual/{topic}/{task}/{key}": self._answer,
            "/desk/regrade": self._regrade,
            "/{student}/{topic}.html": self._students_page,
        }
        forms: dict[str, Callable[[Request, Fields], Response]] = {
            "/desk/decide": self._decide,
            "/desk/grade-again": self._grade_again,
            "/desk/regrade": self._settle,
        }
        routes = [Route(path, self._taking(form), methods=["POST"]) for path, form in forms.items()]
        routes += [Route(path, page) for path, page in pages.items()]
        # What is wrong with a request is a RequestError, what is wrong with the course or the results another one of ours.
        refusals = {RequestError: _not_found, AutogradeError: _refused, HTTPException: _http, Exception: _failed}
        return Door(Starlette(routes=routes, exception_handlers=refusals), self.keys)

    # ---- pages ----------------------------------------------------------------------------------------------------------

    def _class(self, request: Request) -> Response:
        view = class_view(figures_of(self._books.course, self._books.out), link_missing=True)
        return respond("class_at_desk.html.j2", view, desk=self._bar(request, "class"))

    def _submission(self, request: Request) -> Response:
        entry = self._books.entry(request.path_params["student"], request.path_params["topic"])
        return self._submission_page(request, entry)

    def _submission_page(self, request: Request, entry: Entry, attempt: Attempt | None = None) -> Response:
        forms = forms_of(self._books, entry, attempt)
        bar, status = self._bar(request), _status(attempt)
        if entry.result is None:
            title = self._books.course.topics[entry.topic].title
            return respond("missing_at_desk.html.j2", title, desk=bar, forms=forms, status=status)
        view = topic_view(entry.result, entry.mark, instructor=True)
        return respond("topic_at_desk.html.j2", view, desk=bar, forms=forms, status=status)

    def _students_page(self, request: Request) -> Response:
        entry = self._books.entry(request.path_params["student"], request.path_params["topic"])
        if entry.result is None:
            raise RequestError("Nothing was handed in, so the student has no page.")
        return respond("topic.html.j2", topic_view(entry.result, entry.mark, instructor=False))

    def _manual(self, request: Request) -> Response:
        rows = [manual_row(round_of(self._books, *each, named=True)) for each in manual_tasks(self._books)]
        return respond("manual.html.j2", rows, desk=self._bar(request, "manual"))

    def _first_answer(self, request: Request) -> Response:
        named = _is_named(request.query_params)
        tour = round_of(self._books, request.path_params["topic"], request.path_params["task"], named=named)
        if not tour.places:
            raise RequestError(f"Nobody has handed in {tour.topic} yet.")
        first = next((place for place in tour.places if place.waiting), tour.places[0])
        return _to(manual_href(tour.topic, tour.task, first.key, named=named))

    def _answer(self, request: Request) -> Response:
        params = request.path_params
        return self._answer_page(request, params["topic"], params["task"], params["key"], request.query_params)

    def _answer_page(
        self, request: Request, topic: str, task: str, key: str, fields: Fields, attempt: Attempt | None = None
    ) -> Response:
        named = _is_named(fields)
        tour = round_of(self._books, topic, task, named=named)
        number = tour.number_of(key)
        entry = self._books.entry(tour.places[number].student, topic)
        answer = answer_of(self._books, entry, task)
        view = manual_view(self._books, entry, tour, number, answer, attempt, named=named)
        bar = self._bar(request, "manual")
        return respond("answer.html.j2", view, desk=bar, keys=script("keys.js", "desk"), status=_status(attempt))

    def _regrade(self, request: Request) -> Response:
        return self._regrade_page(request)

    def _regrade_page(self, request: Request, problem: str = "") -> Response:
        proposal = proposal_of(self._books)
        names = people_of(self._books.course)
        bar = self._bar(request, "regrade")
        return respond("regrade.html.j2", regrade_view(proposal, names, problem), desk=bar, status=409 if problem else 200)

    def _bar(self, request: Request, here: str = "") -> Bar:
        told = _TOLD.get(request.query_params.get("told", ""), "") if request.method == "GET" else ""
        waits = next(read_all(proposed_of(self._books.out)), None) is not None
        return Bar(self.keys.form, here, waits, told)

    # ---- forms ----------------------------------------------------------------------------------------------------------

    def _taking(self, form: Callable[[Request, Fields], Response]) -> Callable[[Request], object]:
        """What reads a form's fields, makes sure that it is one of this desk's, and hands them on."""

        async def take(request: Request) -> Response:
            fields = await _fields(request)
            if not is_same(fields.get("csrf", ""), self.keys.form):
                raise HTTPException(403, "This form is not from this desk, so nothing was done. Load the page again.")
            return await run_in_threadpool(form, request, fields)

        return take

    def _decide(self, request: Request, fields: Fields) -> Response:
        form = DecisionForm.of(fields)
        if "key" not in fields:
            entry = self._books.entry(fields.get("student", ""), fields.get("topic", ""))
            if attempt := decide(self._books, entry, form, by=self._by):
                return self._submission_page(request, self._books.entry(entry.student, entry.topic), attempt)
            self._refresher.soon()
            return _to(submission_href(entry.student, entry.topic), "saved")
        topic, task, named = fields.get("topic", ""), form.task, _is_named(fields)
        tour = round_of(self._books, topic, task, named=named)
        number = tour.number_of(fields["key"])
        entry = self._books.entry(tour.places[number].student, topic)
        if fields.get("full"):
            form = DecisionForm.of({**fields, "points": points_text(tour.points), "auto": ""})
        if attempt := decide(self._books, entry, form, by=self._by):
            return self._answer_page(request, topic, task, fields["key"], fields, attempt)
        self._refresher.soon()
        following = tour.next_waiting(number)
        if fields.get("stay"):
            return _to(manual_href(topic, task, fields["key"], named=named), "saved")
        if following is None:
            return _to("/desk/manual", "done")
        return _to(manual_href(topic, task, following.key, named=named), "saved")

    def _grade_again(self, request: Request, fields: Fields) -> Response:
        entry = self._books.entry(fields.get("student", ""), fields.get("topic", ""))
        regrade = self._regrading.grade_again(entry.student, entry.topic)
        self._refresher.soon()
        if not regrade.taken:
            return _to("/desk/regrade")
        return _to(submission_href(entry.student, entry.topic), "same")

    def _settle(self, request: Request, fields: Fields) -> Response:
        accepts, seen = bool(fields.get("accept")), fields.get("seen", "")
        try:
            if accepts:
                self._regrading.accept(seen)
            else:
                self._regrading.refuse(seen)
        except RequestError as error:
            return self._regrade_page(request, str(error))
        self._refresher.soon()
        return _to("/desk/regrade", "accepted" if accepts else "refused")


async def _fields(request: Request) -> dict[str, str]:
    """The fields of a form as browsers send it by default.

    See https://url.spec.whatwg.org/#urlencoded-parsing.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        raise HTTPException(415, "This is not a form of the desk.")
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > _LARGEST_FORM:
                raise HTTPException(413, "The form is too long; shorten the comment.")
    except ClientDisconnect:
        raise HTTPException(400, "The form did not arrive as a whole.") from None
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=50, errors="strict"))
    except ValueError:
        raise HTTPException(400, "This is not a form of the desk.") from None


def _is_named(fields: Fields) -> bool:
    return fields.get("names") != "hidden"


def _status(attempt: Attempt | None) -> int:
    return 200 if attempt is None else 409 if attempt.stale else 422


def _to(path: str, told: str = "") -> Response:
    """Send the browser to a page of the desk after a form, so that loading it again sends nothing."""
    mark = "&" if "?" in path else "?"
    return RedirectResponse(f"{path}{mark}told={quote(told)}" if told else path, 303)


def _not_found(request: Request, error: Exception) -> Response:
    return problem_page(str(error), 404)


def _refused(request: Request, error: Exception) -> Response:
    return problem_page(str(error), 409)


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentence = error.detail if error.status_code not in (404, 405) else "There is no such page at the desk."
    return problem_page(sentence, error.status_code)


def _failed(request: Request, error: Exception) -> Response:
    return problem_page("This is a bug in autograde; the terminal in which the desk runs says more. Please report it.", 500)
