#!/usr/bin/env bash
# Gradescope runs this once, as root, when it builds the image of the assignment.
# Choose Ubuntu 24.04 as base image (Python 3.12), and in the autograder's settings a container of
# at least 3 GB and one CPU: the default of 0.75 GB does not hold TensorFlow.
set -euo pipefail
source="${AUTOGRADER_ROOT:-/autograder}/source"

export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends bubblewrap python3 python3-venv

python=""
for name in python3.13 python3.12 python3.11 python3; do
    if "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
    then
        python="$name"
        break
    fi
done
if [ -z "$python" ]; then
    echo "This image has no Python 3.11 to 3.13, so the course cannot run; choose the base image Ubuntu 24.04." >&2
    exit 1
fi

# Outside /autograder, and readable for all: learners' code runs as another user inside the fence.
umask 022
"$python" -m venv /opt/course
/opt/course/bin/python -m pip install --no-cache-dir --disable-pip-version-check \
    -r "$source/requirements.txt" -c "$source/constraints.txt"
