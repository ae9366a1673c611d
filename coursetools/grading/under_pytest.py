"""The hooks of a pytest run that grades: collect hand-ins, carry grades together, report them."""

import contextlib
import dataclasses
import json
import shutil
import tempfile
from functools import cached_property, lru_cache
from pathlib import Path

import pytest

from coursetools.course import Course
from coursetools.errors import CourseError
from coursetools.grading.collect import Exercise, Folder, HandIn
from coursetools.grading.entry import within
from coursetools.grading.escaping import clean
from coursetools.grading.submissions import Submission


class Grading:
    """The plugin of one grading run; with xdist its controller and each worker have their own.

    Whichever runs an item grades the hand-in. A report carries the grade to the controller, which
    alone writes it down.
    """

    def __init__(self, config, course: Course, submissions: list[Submission]):
        option, here = config.known_args_namespace, config.invocation_params.dir
        self.course = course
        self.submissions = {one.path: one for one in submissions}
        self.exercises = lru_cache(self._exercises)
        self._below = _tree([*self.submissions, course.root])
        self._keep = here / option.grades if option.grades else None
        self._students = here / option.roster if option.roster else None
        self._parts = any("::" in str(name) for name in option.file_or_dir)  # node ids
        self._roster = None
        self._grades: dict = {}  # file -> Graded
        self._written = ""

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config):
        """Open the folder of results: xdist's workers are told by their controller which it is."""
        told = getattr(config, "workerinput", {}).get("coursetools_grades")
        self._is_controller = told is None and not config.option.collectonly
        self._out = Path(told or self._keep or ".")
        if self._is_controller:
            self._open(config)
        # pytest would stop at a link that leads nowhere; the folder's collector refuses it.
        config.args[:] = [
            str(Path(arg).parent) if Path(arg).is_symlink() and not Path(arg).exists() else arg
            for arg in config.args
        ]

    def _open(self, config) -> None:
        from coursetools.grading.reports import read_roster
        from coursetools.grading.results import Results, locked

        if self._keep is None:
            self._out = Path(tempfile.mkdtemp(prefix="grades-"))
            config.add_cleanup(lambda: shutil.rmtree(self._out, ignore_errors=True))
        lock = contextlib.ExitStack()
        config.add_cleanup(lock.close)
        try:
            lock.enter_context(locked(self._out))
            Results(self._out)
            self._roster = read_roster(self._students) if self._students else None
        except CourseError as problem:
            raise pytest.UsageError(str(problem)) from None

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node):
        """xdist: where a worker finds secret and earlier results."""
        node.workerinput["coursetools_grades"] = str(self._out)

    def pytest_report_header(self):
        return f"grading: {len(self.submissions)} hand-ins for the course in {self.course.root}"

    # --- collection ------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_collect_directory(self, path, parent):
        """Folders of hand-ins and those on the way are ours; the rest of the course is pytest's."""
        if path in self.submissions:  # a folder called .ipynb
            return HandIn.of(parent, self.submissions[path], self)
        ours = path in self._below and path != self.course.root
        if ours or not within(path, self.course.root):
            return Folder.from_parent(parent, path=path)
        return None

    @pytest.hookimpl(tryfirst=True, wrapper=True)
    def pytest_collect_file(self, file_path, parent):
        """Whatever other plugins make of a file that is not the course's is left out."""
        collected = yield
        if file_path in self.submissions:
            return [HandIn.of(parent, self.submissions[file_path], self)]
        return collected if within(file_path, self.course.root) else []

    def pytest_collection_modifyitems(self, items):
        """One lesson after the other, because each starts a server."""
        handed_in = [getattr(item.parent, "submission", None) for item in items]
        lessons = [(each and each.lesson) or "" for each in handed_in]
        order = sorted(range(len(items)), key=lessons.__getitem__)  # stable: folders stay in order
        items[:] = [items[i] for i in order]

    def children(self, folder: Folder):
        """The collectors of what lies in a folder and is, or leads to, a hand-in or the course."""
        for path in self._below.get(folder.path, ()):
            if path in self.submissions:
                yield HandIn.of(folder, self.submissions[path], self)
            else:
                yield folder.ihook.pytest_collect_directory(path=path, parent=folder)

    def _exercises(self, lesson: str | None) -> list[str]:
        """The names of a lesson's exercises; none where the course has no such lesson."""
        from coursetools.grading.master import read_master

        if lesson not in [path.stem for path in self.course.lesson_paths()]:
            return []
        path = self.course.notebooks / f"{lesson}.ipynb"
        if not path.is_file():
            raise CourseError(f"{path} is missing, so {lesson} has no checks; coursetools build.")
        return [exercise.name for exercise in read_master(path).exercises]

    # --- grading ---------------------------------------------------------------------------------

    def grade(self, submission: Submission):
        """A job and what became of it: graded here, or known from an earlier run."""
        from coursetools.grading.bench import Job, grade_one

        plan, results, stamp = self._bench
        job = Job(plan, submission, *stamp(submission))
        return job, results.stored(job) or grade_one(job)

    @cached_property
    def _bench(self):
        """What all hand-ins of this process share, so that a lesson's server starts once."""
        from coursetools.grading.grade import make_plan
        from coursetools.grading.learner import Limits
        from coursetools.grading.results import Results, stamps

        results = Results(self._out)
        plan = make_plan(self.course, list(self.submissions.values()), Limits(), results.secret)
        return plan, results, stamps(self.course, plan)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item, call):
        """Send the grade of the whole hand-in along with a report of an item."""
        report = yield
        if isinstance(item, Exercise) and report.failed:
            report.longrepr = item.repr_failure(call.excinfo)  # pytest asks only about the call
        if isinstance(item, Exercise) and "result" in vars(item.parent):
            graded = dataclasses.asdict(item.parent.result)
            report.grade = json.dumps([item.parent.job.stamp, graded], ensure_ascii=True)
        return report

    def pytest_runtest_logreport(self, report):
        """Write down a grade as soon as it comes."""
        if not self._is_controller or not hasattr(report, "grade"):
            return
        from coursetools.grading.bench import Job

        stamp, graded = _graded(report.grade)
        if graded.file not in self._grades:
            self._grades[graded.file] = graded
            if self._keep and not graded.undecided:
                plan, results, _ = self._bench
                job = Job(plan, self.submissions[Path(graded.file)], stamp, True)
                if results.stored(job) != graded:
                    results.keep(job, graded)

    # --- reports ---------------------------------------------------------------------------------

    def pytest_sessionfinish(self):
        """Write gradebook and feedback, where asked for, once every hand-in was graded."""
        if not (self._keep and self._is_controller):
            return
        from coursetools.grading.reports import write_reports

        if self._parts or len(self._grades) < len(self.submissions):
            self._written = (
                "Not all of what was handed in was graded in this run, so gradebook and feedback "
                f"in {self._keep} were left as they are; run pytest on all of it."
            )
            return
        write_reports(list(self._grades.values()), self._keep, self._roster)
        self._written = f"Gradebook and feedback are in {self._keep}."

    def pytest_terminal_summary(self, terminalreporter):
        """A table of points, and what else a grader should know."""
        if not self._grades:
            return
        from coursetools.grading.reports import notes

        grades = sorted(self._grades.values(), key=lambda g: (g.student, g.lesson or "", g.file))
        unfenced = dict.fromkeys(f"Not fenced: {g.unfenced}." for g in grades if g.unfenced)
        terminalreporter.section("grades")
        for line in (*map(_line, grades), *notes(grades, self._roster), *unfenced, self._written):
            terminalreporter.write_line(clean(line))


def _line(graded) -> str:
    """Points, lesson and student; what to look at stands above, among the failures."""
    points = "undecided" if graded.undecided else f"{graded.points} of {graded.possible}"
    return f"{points:>10}  {graded.lesson or '?'}  {graded.student}".replace("\n", " ")


def _tree(paths) -> dict[Path, dict[Path, None]]:
    """What lies directly in each folder on the way to the paths."""
    below: dict[Path, dict[Path, None]] = {}
    for path in paths:
        while path.parent != path and path not in below.get(path.parent, ()):
            below.setdefault(path.parent, {})[path] = None
            path = path.parent
    return below


def _graded(text: str):
    from coursetools.grading.graded import Graded
    from coursetools.grading.judge import Verdict

    stamp, found = json.loads(text)
    found["verdicts"] = tuple(Verdict(**verdict) for verdict in found["verdicts"])
    return stamp, Graded(**{**found, "remarks": tuple(found["remarks"])})
