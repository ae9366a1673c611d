"""What `coursetools run` prints of claims."""

from rich.console import Console

from coursetools.run import Run
from coursetools.tables import claims_table


def test_brackets_in_a_claim_are_no_markup():
    claim = {"claim": "slope of x[left]", "value": 0.5, "bar": 0.4, "relation": "at_least"}
    claim |= {"holds": True, "seed": 1}
    run = Run("1", "01_toy", "jax", 1, "quick", 1.0, None, [claim])
    console = Console(width=120)
    with console.capture() as printed:
        console.print(claims_table([run]))
    assert "slope of x[left]" in printed.get()
