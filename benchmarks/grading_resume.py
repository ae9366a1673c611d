"""Kill a grading run at 20 random moments, go on each time: is the gradebook always the same?

    python benchmarks/grading_resume.py [--light] [--moments 20] [--seed 1]

prints what it found and appends it to benchmarks/grading_resume.jsonl as a JSON line. Each run is
killed with its whole process group (SIGKILL) somewhere between its start and the time an unbroken
one took, then started again; gradebook.csv and grades.json must then be equal, byte by byte, to
those of the unbroken run. --light: a lesson that needs NumPy alone, instead of lesson 05.
"""

import argparse
import json
import os
import platform
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "coursetools"))
RESULTS = Path(__file__).with_name("grading_resume.jsonl")
REPORTS = ("gradebook.csv", "grades.json")
COPIES = 8


def prepare(folder, light):
    """The command that grades eight hand-ins, without its --out."""
    handed = folder / "handed"
    if light:
        import light as course

        course.make_course(folder / "course")
        for number, double in enumerate(("return 2 * x", "return 3 * x", None, "1 / 0") * 2):
            course.hand_in(handed, f"student{number}", double)
    else:
        handed.mkdir()
        for number in range(COPIES):
            source = ROOT / ("notebooks", "solutions")[number % 2] / "05_cnns.ipynb"
            shutil.copy(source, handed / f"student{number}_05_cnns.ipynb")
    course = folder / "course" if light else ROOT
    return [sys.executable, "-m", "coursetools", "grade", handed, "--course", course, "--out"]


def grade(command, out, seconds=None):
    """Run it to the end, or kill it after so long; whether it was killed."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    run = subprocess.Popen([*command, out], cwd=ROOT, start_new_session=True, **quiet)
    try:
        if code := run.wait(seconds):
            raise SystemExit(f"grading itself failed (exit code {code})")
        return False
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        return True


def attempt(command, unbroken, folder, seconds):
    """Kill a run after so long and go on: was it killed, what was kept, are the reports equal."""
    out = folder / "out"
    out.mkdir()
    shutil.copy(unbroken / "secret", out / "secret")
    killed = grade(command, out, seconds)
    kept = len(list(out.glob("results/*.json")))
    grade(command, out)
    same = all((out / name).read_bytes() == (unbroken / name).read_bytes() for name in REPORTS)
    shutil.rmtree(out)
    return {"seconds": round(seconds, 2), "killed": killed, "kept": kept, "same": same}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--light", action="store_true")
    parser.add_argument("--moments", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    chance = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        command, unbroken = prepare(folder, given.light), folder / "unbroken"
        begin = time.perf_counter()
        grade(command, unbroken)
        whole = time.perf_counter() - begin
        tried = []
        # A run that was done before its moment came counts for nothing.
        while sum(one["killed"] for one in tried) < given.moments:
            tried.append(attempt(command, unbroken, folder, chance.uniform(0, whole)))
            print(tried[-1], flush=True)
    found = {
        "lesson": "light" if given.light else "05_cnns",
        "run": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()),
        "machine": platform.machine(),
        "load": round(psutil.getloadavg()[0], 1),
        "seed": given.seed,
        "unbroken_seconds": round(whole, 1),
        "killed": sum(one["killed"] for one in tried),
        "same": sum(one["same"] for one in tried),
        "moments": tried,
    }
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(found) + "\n")
    print(f"{found['killed']} of {len(tried)} killed, {found['same']} gradebooks the same")


if __name__ == "__main__":
    main()
