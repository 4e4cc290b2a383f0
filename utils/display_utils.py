"""What a reader sees and hears: players, scores, piano rolls, curves, the film of a training."""

from .exam.figure import plot_evaluation
from .lesson.words import example
from .pictures.curves import plot_loss_logs, plot_metrics, plot_runs, plot_slopes
from .pictures.film import make_training_video
from .pictures.heaps import draw_critics
from .pictures.page import players, playmidi, show_score
from .pictures.rolls import draw_roll, plot_pianoroll, show_pianoroll
from .pictures.style import new_figure, show_picture

__all__ = [
    "draw_critics",
    "draw_roll",
    "example",
    "make_training_video",
    "new_figure",
    "players",
    "playmidi",
    "plot_evaluation",
    "plot_loss_logs",
    "plot_metrics",
    "plot_pianoroll",
    "plot_runs",
    "plot_slopes",
    "show_pianoroll",
    "show_picture",
    "show_score",
]
