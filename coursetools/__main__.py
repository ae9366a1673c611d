"""`python -m coursetools` is the command `coursetools`."""

from coursetools.cli import app

app(prog_name="coursetools")
