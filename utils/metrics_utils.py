"""Measures: of piano rolls, followed over a training, and of the music itself."""

from .music.measures import (
    chordal_share,
    conditioning_gap,
    diversity,
    parallels_per_note,
    pitch_consonance_score,
    token_accuracy,
)
from .music.musician import measure_musically
from .music.roll_measures import (
    empty_bar_rate,
    in_scale_ratio,
    melody_kept,
    monophony,
    pitch_histogram_distance,
)
from .training.metrics import MetricsManager

__all__ = [
    "MetricsManager",
    "chordal_share",
    "conditioning_gap",
    "diversity",
    "empty_bar_rate",
    "in_scale_ratio",
    "measure_musically",
    "melody_kept",
    "metrics_manager",
    "monophony",
    "parallels_per_note",
    "pitch_consonance_score",
    "pitch_histogram_distance",
    "token_accuracy",
]

metrics_manager = MetricsManager()
