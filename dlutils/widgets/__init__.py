"""Figures that a reader can play with: sliders where a kernel runs, a static picture elsewhere."""

from .explorer import Explorer, explore

__all__ = ["Explorer", "explore"]
