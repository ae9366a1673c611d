"""Solution regions: what lies between the markers that the build blanks."""

import ast
import io
import re
import tokenize
from dataclasses import dataclass

BEGIN = "### BEGIN SOLUTION"
END = "### END SOLUTION"

# Whatever an author may have meant as a marker: taken for an ordinary comment, it would leak.
_MARKER_LIKE = re.compile(
    r"#[#\s]*(?:(?:begin|end|start|stop)[\s_-]*(?:of[\s_-]*)?(?:the[\s_-]*)?solutions?\b"
    r"|solutions?[\s_-]*(?:begins?|ends?|starts?|stops?)\W*$)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Region:
    """Line numbers (from 0) of a region's two markers within a cell."""

    begin: int
    end: int


class RegionError(Exception):
    """What is wrong with the markers of a cell, at `line` (from 0) of that cell."""

    def __init__(self, line: int, text: str):
        super().__init__(text)
        self.line, self.text = line, text


def marker_lines(source: str) -> dict[int, str]:
    """The exact markers of a cell by line number (from 0); refuses what only resembles one."""
    markers = {}
    for number, line in enumerate(source.split("\n")):
        if line.strip() in (BEGIN, END):
            markers[number] = line.strip()
        elif _MARKER_LIKE.search(line):
            raise RegionError(
                number,
                f"`{line.strip()}` resembles a solution marker but is none, so the solution would "
                f"be left in the student notebook; write `{BEGIN}` or `{END}` alone on the line.",
            )
    return markers


def find_regions(source: str) -> list[Region]:
    """The solution regions of a cell, in order; raises RegionError for markers that do not pair."""
    regions, opened = [], None
    for number, marker in marker_lines(source).items():
        if marker == BEGIN and opened is not None:
            raise RegionError(
                number,
                "a solution region begins inside another one, so where to stop blanking is "
                f"unclear; close the first with `{END}`.",
            )
        if marker == END and opened is None:
            raise RegionError(
                number,
                f"`{END}` has no `{BEGIN}` before it in this cell, so the solution would be left "
                "in the student notebook; add the missing marker.",
            )
        if marker == BEGIN:
            opened = number
        else:
            regions.append(Region(opened, number))
            opened = None
    if opened is not None:
        raise RegionError(
            opened,
            f"`{BEGIN}` has no `{END}` after it in this cell, so the solution would be left in "
            "the student notebook; add the missing marker.",
        )
    return regions


def check_regions(source: str, regions: list[Region]) -> None:
    """Refuse a region that is empty or not inside the body of a function."""
    tree = ast.parse(source)
    for region in regions:
        code = _code_lines(source, region)
        if not any(_begins(node, region) for node in ast.walk(tree)):
            raise RegionError(
                region.begin,
                "this solution region holds no code, so there is nothing for a learner to write; "
                "put the solution between the markers or remove them.",
            )
        if not any(_holds(node, region, code[-1]) for node in ast.walk(tree)):
            raise RegionError(
                region.begin,
                "this solution region is not inside the body of one function, so the untouched "
                "notebook would stop here; move the markers into a function.",
            )


def _begins(node: ast.AST, region: Region) -> bool:
    return isinstance(node, ast.stmt) and region.begin < node.lineno - 1 < region.end


def _holds(node: ast.AST, region: Region, last: int) -> bool:
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    return node.lineno - 1 < region.begin and last <= node.end_lineno - 1


def _code_lines(source: str, region: Region) -> list[int]:
    lines = source.split("\n")
    inside = range(region.begin + 1, region.end)
    return [n for n in inside if lines[n].strip() and not lines[n].lstrip().startswith("#")]


def blank(source: str, regions: list[Region]) -> str:
    """The student's cell: each region replaced by `# YOUR CODE HERE` and a raise."""
    lines = source.split("\n")
    for region in reversed(regions):
        first = lines[_code_lines(source, region)[0]]
        indent = first[: len(first) - len(first.lstrip())]
        stub = [f"{indent}# YOUR CODE HERE", f"{indent}raise NotImplementedError"]
        lines[region.begin : region.end + 1] = stub
    return "\n".join(lines)


def unmark(source: str, regions: list[Region]) -> str:
    """The solution's cell: the markers removed, the code kept."""
    gone = {line for region in regions for line in (region.begin, region.end)}
    return "\n".join(line for n, line in enumerate(source.split("\n")) if n not in gone)


def solution_lines(source: str, regions: list[Region]) -> list[str]:
    """The lines inside the regions, stripped: each as written and without its comment."""
    written = source.split("\n")
    bare = _without_comments(source)
    inside = [n for region in regions for n in range(region.begin + 1, region.end)]
    return [text for n in inside for text in dict.fromkeys((written[n].strip(), bare[n])) if text]


def _without_comments(source: str) -> list[str]:
    lines = source.split("\n")
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    return [line.strip() for line in lines]
