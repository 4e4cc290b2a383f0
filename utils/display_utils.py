"""What a reader sees and hears: players, scores, piano rolls, curves, the film of a training."""

from .exam.figure import plot_evaluation
from .pictures.curves import plot_loss_logs, plot_metrics, plot_runs
from .pictures.film import make_training_video
from .pictures.page import players, playmidi, show_score
from .pictures.rolls import draw_roll, plot_pianoroll, show_pianoroll
from .pictures.style import new_figure, show_picture

__all__ = [
    "draw_roll",
    "make_training_video",
    "new_figure",
    "players",
    "playmidi",
    "plot_evaluation",
    "plot_loss_logs",
    "plot_metrics",
    "plot_pianoroll",
    "plot_runs",
    "show_pianoroll",
    "show_picture",
    "show_score",
]
