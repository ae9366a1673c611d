"""What `coursetools run` prints of its measurements."""

from rich.markup import escape
from rich.table import Table

from coursetools.measures import bar_text, holds_text, margin, spread_text
from coursetools.run import Run


def claims_table(runs: list[Run]) -> Table:
    """One row for each claim and backend, over all runs (seeds) of that backend."""
    table = Table("claim", "backend", "value", "worst margin", "bar", "holds")
    groups: dict[tuple[str, str], list[dict]] = {}
    for run in runs:
        for claim in run.claims:
            groups.setdefault((claim["claim"], run.backend), []).append(claim)
    for (name, backend), claims in groups.items():
        value = spread_text([claim["value"] for claim in claims])
        worst = f"{min(margin(claim) for claim in claims):+.3g}"
        name = escape(name)  # [1, 2] is no markup
        table.add_row(name, backend, value, worst, bar_text(claims[-1]), holds_text(claims))
    return table


def run_line(run: Run) -> str:
    """One line on what a run cost and whether it went well."""
    seed = "its own seed" if run.seed is None else f"seed {run.seed}"
    memory = "" if run.peak_mb is None else f", peak {run.peak_mb:.0f} MB"
    verdict = "" if run.holds else ", NOT as claimed"
    return (
        f"{run.lesson} on {run.backend}, profile {run.profile}, {seed}: "
        f"{run.seconds:.1f} s{memory}{verdict}"
    )
