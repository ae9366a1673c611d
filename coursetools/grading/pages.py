"""A learner's page: one file, no script, nothing fetched, everything in it escaped."""

import html
import re

from coursetools.grading.escaping import clean
from coursetools.grading.graded import Graded
from coursetools.grading.judge import Verdict

_SAID = {
    "right": "correct",
    "blank": "not yet written",
    "missing": "not found",
    "wrong": "not yet right",
    "error": "raised an error",
    "ended": "ended early",
    "undecided": "to be looked at",
}
_LATER = "Grading itself failed, which is not your fault: a person will look at it."
_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
"""
_STYLE = """
:root { color-scheme: light dark; --ink: #1d2327; --soft: #57606a; --page: #fff; --block: #f4f6f8;
  --line: #d0d7de; --good: #00694f; --bad: #a23b00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --soft: #a3adb7; --page: #14181c;
  --block: #1f252b; --line: #3a434c; --good: #4fd0a8; --bad: #ffa066; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 46rem; color: var(--ink);
  background: var(--page); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0; }
h2 { font-size: 1.15rem; margin: 2rem 0 0.5rem; }
.who { color: var(--soft); margin: 0.25rem 0 1rem; }
.total { font-size: 1.3rem; font-weight: 600; margin: 0; }
section { border-top: 1px solid var(--line); margin-top: 1.5rem; }
section h2 { display: flex; flex-wrap: wrap; gap: 0 1rem; justify-content: space-between;
  margin-top: 1rem; }
.points { font-weight: 400; white-space: nowrap; }
.right { color: var(--good); }
.open { color: var(--bad); }
pre { margin: 0.5rem 0; padding: 0.75rem 1rem; background: var(--block); border-radius: 0.4rem;
  border-left: 0.25rem solid var(--line); white-space: pre-wrap;
  font: 0.9rem/1.45 ui-monospace, Menlo, Consolas, monospace; }
ul { padding-left: 1.2rem; }
.note { color: var(--soft); font-size: 0.9rem; }
@media print { :root { --ink: #000; --soft: #333; --page: #fff; --block: #fff; --line: #888;
  --good: #000; --bad: #000; } body { max-width: none; padding: 0; font-size: 11pt; }
  section { break-inside: avoid; } }
"""


def page(graded: Graded) -> str:
    """A page for the learner: points and hint of each exercise, what was noticed, how it ran."""
    lesson = _say(graded.lesson or "unknown lesson")
    parts = [
        f"{_HEAD}<title>{lesson}: feedback</title>\n<style>{_STYLE}</style>\n</head>\n<body>",
        f"<header><h1>{lesson}</h1>",
        f'<p class="who">{_say(graded.student)}, {_say(_file_name(graded.file))}</p>',
        f'<p class="total">{graded.points} of {graded.possible} points</p></header>',
    ]
    if graded.problem:
        parts.append(f"<section><h2>Not read</h2><pre>{_say(graded.problem)}</pre></section>")
    if graded.failed:
        parts.append(f"<section><h2>Not graded yet</h2><p>{_LATER}</p></section>")
    parts += [_exercise(verdict) for verdict in graded.verdicts]
    if graded.remarks:
        items = "".join(f"<li>{_say(remark)}</li>" for remark in graded.remarks)
        parts.append(f"<section><h2>What was noticed</h2><ul>{items}</ul></section>")
    return "\n".join([*parts, *_how(graded), "</body>\n</html>", ""])


def _exercise(verdict: Verdict) -> str:
    said = _SAID.get(verdict.outcome, verdict.outcome)
    look = "right" if verdict.outcome == "right" else "open"
    hint = "" if verdict.outcome == "right" else f"<pre>{_say(verdict.hint)}</pre>"
    if verdict.outcome == "undecided":
        hint = f"<p>{_LATER}</p>{hint}"
    return (
        f"<section><h2><span>{_say(verdict.exercise)}</span>"
        f'<span class="points">{verdict.points} of {verdict.possible}, '
        f'<span class="{look}">{_say(said)}</span></span></h2>{hint}</section>'
    )


def _how(graded: Graded) -> list[str]:
    """What ran unfenced, and how long it took, where that is known."""
    notes = []
    if graded.unfenced:
        notes.append(f"This notebook's code ran without a fence: {_say(graded.unfenced)}.")
    if (seconds := getattr(graded, "seconds", None)) is not None:
        notes.append(f"Grading took {seconds:.1f} s.")
    return [f'<footer class="note"><p>{" ".join(notes)}</p></footer>'] if notes else []


def _file_name(path: str) -> str:
    """Without its folders, which tell of the grader's machine."""
    return re.split(r"[/\\]", path)[-1]


def _say(text: str) -> str:
    return html.escape(clean(text), quote=True)
