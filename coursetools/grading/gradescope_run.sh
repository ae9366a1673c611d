#!/usr/bin/env bash
# Gradescope runs this for each hand-in, as root, in a container made for it and thrown away after.
#
# Learners' code runs inside bubblewrap wherever name spaces may be made. Docker often refuses them;
# then it runs UNFENCED, as the user of this script, and the report says so. What that leaves open:
#   - it can reach this container's files, this script and the checks included. No solutions, no
#     lesson sources and no other learner's work are in here;
#   - it can reach the network where this container can;
#   - it can end the grader, or write results.json in its place after grading: points forged so;
#   - no limit on its processes holds but the container's own. Time limits hold.
# Where that matters, download the submissions and run `coursetools grade` on a machine with a fence.
#
# AUTOGRADER_ROOT and AUTOGRADER_PYTHON are for trying this elsewhere.
set -u
root="${AUTOGRADER_ROOT:-/autograder}"
python="${AUTOGRADER_PYTHON:-/opt/course/bin/python}"
results="$root/results/results.json"

mkdir -p "$root/results"
rm -f "$results"
# Nothing that lies beside a hand-in is imported: no current folder, no packages of the user's.
cd /
PYTHONPATH="$root/source" PYTHONSAFEPATH=1 PYTHONNOUSERSITE=1 PYTHONDONTWRITEBYTECODE=1 \
    "$python" -m coursetools.grading.autograder "$root" || echo "The grader ended with code $?."

if [ ! -s "$results" ]; then
    # The grader itself was ended, for want of memory as a rule: Gradescope must still be told.
    echo '{"score": 0, "output": "Grading was cut off before it had a result. This is no verdict on your work: tell the course staff, who can run it again.", "output_format": "text", "visibility": "visible", "tests": []}' > "$results"
fi
exit 0
