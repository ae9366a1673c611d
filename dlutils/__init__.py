"""What a lesson imports: data, figures, exercise checks and measured claims.

Import the part that is needed, `from dlutils import plotting`; this module itself loads nothing, so
that a lesson's first cell can still choose Keras's backend.
"""

__version__ = "0.1.0"
