"""Claims over several runs: mean, spread, and how far from its bar the worst one is."""

import math
import statistics


def margin(claim: dict) -> float:
    """How far a claim's value is on the right side of its bar; negative where it is broken.

    `claim` is a line of dlutils's report: value, bar (a number or [low, high]) and relation.
    A value that is missing or NaN has the margin -inf.
    """
    value, bar = claim["value"], claim["bar"]
    if not isinstance(value, int | float) or math.isnan(value):
        return -math.inf
    if claim["relation"] == "at_least":
        return value - bar
    if claim["relation"] == "at_most":
        return bar - value
    return min(value - bar[0], bar[1] - value)


def bar_text(claim: dict) -> str:
    """The bar as a lesson prints it: `at least 0.99`, `between 0.1 and 0.2`."""
    bar = claim["bar"]
    if claim["relation"] == "between":
        return f"between {bar[0]!r} and {bar[1]!r}"
    return f"{claim['relation'].replace('_', ' ')} {bar!r}"


def spread_text(values: list) -> str:
    """`0.9921`, or mean and standard deviation (n - 1) of several: `0.9921 ± 0.00052`."""
    numbers = [v for v in values if isinstance(v, int | float) and not math.isnan(v)]
    if not numbers:
        return "nan"
    mean = f"{statistics.fmean(numbers):.4g}"
    if len(numbers) == 1:
        return mean
    return f"{mean} ± {statistics.stdev(numbers):.2g}"


def is_trial(line: dict) -> bool:
    """Whether a claim or run was made at a share of the training, where nothing is claimed."""
    return (line.get("work") or 1) < 1


def holds_text(claims: list[dict]) -> str:
    """`yes`, `no`, `4 of 5`, or `not claimed` where all were trials."""
    claims = [claim for claim in claims if not is_trial(claim)]
    if not claims:
        return "not claimed"
    good = sum(bool(claim["holds"]) for claim in claims)
    if good in (0, len(claims)):
        return "yes" if good else "no"
    return f"{good} of {len(claims)}"
