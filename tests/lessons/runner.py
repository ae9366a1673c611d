"""Run in a process of its own: a lesson's setup and harnesses, then its checks on given answers.

Reads JSON from stdin (see `test_answers.py`) and writes a JSON list of verdicts to the file named
by its argument. It imports nothing of the course itself: the lesson's cells do.
"""

import contextlib
import io
import json
import linecache
import sys
import time
import traceback
import types


def main(out):
    request = json.load(sys.stdin)
    # What the lesson's cells define and nothing else, as in a notebook.
    notebook = sys.modules["__main__"] = types.ModuleType("__main__")
    for source in request["setup"]:
        run(source, notebook)
    from dlutils import checks

    fresh, before = checks.entropy, dict(vars(notebook))
    verdicts = []
    for case in request["cases"]:
        vars(notebook).clear()
        vars(notebook).update(before)
        seed = case["seed"]
        checks.entropy = fresh if seed is None else lambda exercise, seed=seed: seed
        verdicts.append(judge(case, notebook))
    with open(out, "w", encoding="utf-8") as file:
        json.dump(verdicts, file)


def run(source, notebook):
    """Execute a cell so that its lines can be shown, as Jupyter makes them known."""
    run.cells += 1
    name = f"<cell {run.cells}>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    exec(compile(source, name, "exec"), vars(notebook))


run.cells = 0


def judge(case, notebook):
    """Verdict ("right", "refused", "not yet" or "fault"), message, and seconds of the check."""
    printed = io.StringIO()
    for source in (*case["before"], case["code"]):
        run(source, notebook)
    started = time.perf_counter()
    try:
        with contextlib.redirect_stdout(printed):
            run(case["check"], notebook)
        said = printed.getvalue()
        good = said.endswith(f"{case['exercise']}: correct\n")
        verdict, message = ("right" if good else "fault"), said
    except Exception as problem:
        kinds = {"Failed": "refused", "NotYet": "not yet"}
        verdict = kinds.get(type(problem).__name__, "fault")
        message = traceback.format_exc() if verdict == "fault" else str(problem)
    return {
        "verdict": verdict,
        "message": message,
        "seconds": time.perf_counter() - started,
    }


if __name__ == "__main__":
    main(sys.argv[1])
