"""The results in README.md and docs/results.md, written from measured data: never typed."""

import json
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from coursetools.course import Course
from coursetools.errors import CourseError
from coursetools.measures import bar_text, holds_text, is_trial, spread_text

BEGIN = "<!-- results:begin -->"
END = "<!-- results:end -->"
NOTHING = "\nNothing has been measured yet.\n\n"
_NAMES = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}
# What makes two measurements the same one, so that the later counts.
_SAME_CLAIM = ("lesson", "claim", "backend", "profile", "device", "seed")
_SAME_RUN = ("lesson", "backend", "profile", "device", "seed")


def update_results(course: Course, check_only: bool = False) -> list[str]:
    """Put the results between the marks of README.md and docs/results.md; returns who differed.

    With `check_only` nothing is written. Raises CourseError where a mark is missing.
    """
    lines = measurements(course)
    fresh = {"README.md": lessons_text(lines), "docs/results.md": claims_text(lines)}
    pages = {name: _filled(course.root / name, text) for name, text in fresh.items()}
    differed = [name for name, (old, new) in pages.items() if old != new]
    for name in [] if check_only else differed:
        (course.root / name).write_text(pages[name][1], encoding="utf-8", newline="\n")
    return differed


def _filled(path: Path, fresh: str) -> tuple[str, str]:
    """A page as it is, and with `fresh` between its marks."""
    text = path.read_text("utf-8") if path.is_file() else ""
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise CourseError(
            f"{path} has no place for results; put {BEGIN} and {END}, once each and in this "
            "order, where they belong."
        )
    before, rest = text.split(BEGIN)
    return text, f"{before}{BEGIN}\n{fresh}{END}{rest.split(END)[1]}"


def measurements(course: Course) -> list[dict]:
    """What counts: no trial, and of each measurement the latest."""
    lines = read_lines(course.root / "benchmarks" / "results")
    lines = [line for line in lines if not is_trial(line)]
    claims = _latest((line for line in lines if "claim" in line), _SAME_CLAIM)
    runs = (line for line in lines if "seconds" in line and "claim" not in line)
    return claims + _latest(runs, _SAME_RUN)


def _backends(lines: list[dict]) -> list[str]:
    return [name for name in _NAMES if any(line["backend"] == name for line in lines)]


def claims_text(lines: list[dict]) -> str:
    """Each claim with its bar and its values over seeds, as Markdown."""
    claims = [line for line in lines if "claim" in line]
    return f"\n{_claims_table(claims, _backends(lines))}\n" if claims else NOTHING


def lessons_text(lines: list[dict]) -> str:
    """Each lesson in one row, as Markdown: how many of its claims hold, and what it costs."""
    return f"\n{_lessons_table(lines, _backends(lines))}\n" if lines else NOTHING


def read_lines(folder: Path) -> list[dict]:
    """All JSON lines under `folder`, in the order in which they were measured."""
    lines = []
    for path in sorted(folder.glob("*.jsonl")):
        for number, text in enumerate(path.read_text("utf-8").splitlines(), start=1):
            if not text.strip():
                continue
            try:
                line = json.loads(text)
                line["lesson"], line["backend"], line["profile"]
            except (ValueError, KeyError, TypeError):
                raise CourseError(
                    f"{path}:{number}: no line of a report (JSON with lesson, backend and "
                    "profile), so the results would be incomplete; remove it or measure again."
                ) from None
            lines.append(line)
    return sorted(lines, key=lambda line: str(line.get("run", "")))


def _latest(lines: Iterable[dict], same: tuple[str, ...]) -> list[dict]:
    last = {tuple(str(line.get(key)) for key in same): line for line in lines}
    return list(last.values())


def _claims_table(claims: list[dict], backends: list[str]) -> str:
    rows = [("lesson", "claim", "bar", *(_NAMES[name] for name in backends), "profile", "device")]
    for (lesson, profile, device, claim), group in _grouped(claims, "claim"):
        cells = [_claim_cell([c for c in group if c["backend"] == name]) for name in backends]
        rows.append((lesson, claim, bar_text(group[-1]), *cells, profile, device))
    note = "Mean ± standard deviation over seeds, their number in brackets.\n\n"
    return note + _table(rows) if len(rows) > 1 else ""


def _claim_cell(claims: list[dict]) -> str:
    if not claims:
        return ""
    text = f"{spread_text([claim['value'] for claim in claims])} ({len(claims)})"
    if all(claim["holds"] for claim in claims):
        return text
    return f"{text}, holds: {holds_text(claims)}"


def _lessons_table(lines: list[dict], backends: list[str]) -> str:
    heads = [
        f"{_NAMES[name]} {what}" for name in backends for what in ("claims", "seconds", "peak MB")
    ]
    rows = [("lesson", *heads, "profile", "device")]
    for (lesson, profile, device, _), group in _grouped(lines, None):
        cells = []
        for name in backends:
            mine = [line for line in group if line["backend"] == name]
            runs = [line for line in mine if "claim" not in line]
            cells += [_held_cell(mine), _run_cell(runs, "seconds"), _run_cell(runs, "peak_mb")]
        rows.append((lesson, *cells, profile, device))
    return _table(rows)


def _held_cell(lines: list[dict]) -> str:
    """How many claims held on every seed."""
    held = {}
    for line in lines:
        if "claim" in line:
            held[line["claim"]] = held.get(line["claim"], True) and line["holds"]
    return f"{sum(held.values())} of {len(held)}" if held else ""


def _run_cell(runs: list[dict], key: str) -> str:
    values = [run[key] for run in runs if run.get(key) is not None]
    return f"{sum(values) / len(values):.0f} ({len(values)})" if values else ""


def _grouped(lines: list[dict], last: str | None):
    """Groups of (lesson, profile, device, claim).

    Claims come in the order of their first measurement, which is the lesson's own.
    """
    order = {}
    for line in lines:
        order.setdefault((line["lesson"], line.get(last)), len(order))

    def key(line):
        place = order[line["lesson"], line.get(last)]
        device = str(line.get("device") or "")
        return line["lesson"], line["profile"], device, place, str(line.get("seed"))

    for _, group in groupby(sorted(lines, key=key), key=lambda line: key(line)[:4]):
        group = list(group)
        first = group[0]
        yield (first["lesson"], first["profile"], first.get("device") or "", first.get(last)), group


def _table(rows: list[tuple]) -> str:
    lines = ["| " + " | ".join(str(c).replace("|", "\\|") for c in row) + " |" for row in rows]
    lines.insert(1, "|" + "---|" * len(rows[0]))
    return "\n".join(lines) + "\n"
