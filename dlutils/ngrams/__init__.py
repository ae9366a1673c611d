"""Language models that count: what a network that reads text must be measured against.

An n-gram model predicts a symbol from the `order - 1` symbols before it, by how often each
followed them in the training text; smoothing leaves something for what was never seen.
"""

from dlutils.ngrams.models import NGrams, kneser_ney, witten_bell

__all__ = ["NGrams", "kneser_ney", "witten_bell"]
