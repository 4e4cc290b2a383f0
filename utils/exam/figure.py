"""An evaluation as a figure."""

from __future__ import annotations

import itertools
import textwrap

import numpy as np
from matplotlib.ticker import MaxNLocator

from ..pictures.style import COLORS, FAINT, new_figure, styled
from .tables import confidence

PANELS_A_LINE = 4
TITLE_WIDTH = 28  # letters


@styled
def plot_evaluation(evaluation, measures, figsize=(12, 2.2), axes=None):
    """Draw measures of several players beside one another, with their uncertainty.

    Parameters
    ----------
    evaluation : dict
        Of :func:`.evaluate`.
    measures : sequence of str
        A panel each, four in a line. Those that no row has are left out.
    figsize : tuple of float
        Width, and height of a line of panels, in inches, if a figure is made.
    axes : array of matplotlib Axes, optional
        At least one a measure; those left over are hidden.

    Returns
    -------
    array of axes or Figure
        ``axes`` if they were given. Dots are means over songs, bars the intervals of :func:`.confidence`;
        the gray band is that of real Bach.
    """
    rows = evaluation["rows"]
    measures = [name for name in measures if any(name in answers for answers in rows.values())]
    figure, panels, words = None, np.ravel(axes), []
    if axes is None:
        lines = -(-len(measures) // PANELS_A_LINE)
        figure = new_figure((figsize[0], figsize[1] * lines))
        panels = figure.subplots(lines, PANELS_A_LINE, squeeze=False, sharey=True).ravel()
    palette = itertools.cycle(COLORS[:7])
    colors = dict(zip(rows, palette, strict=False))
    for ax, name in itertools.zip_longest(panels, measures):
        if name is None:
            ax.set_axis_off()
            continue
        told = {row: confidence(answers.get(name, [])) for row, answers in rows.items()}
        words.append(f"{name}: {_in_words({row: mean for row, (mean, *_) in told.items()})}")
        ax.axvspan(*told.get("real Bach", confidence([]))[1:], color=FAINT, zorder=0)
        for place, (row, (mean, *bounds)) in enumerate(told.items()):
            ax.plot(bounds, [place, place], color=colors[row], linewidth=2)
            ax.plot([mean], [place], "o", color=colors[row], markersize=6)
        ax.set_yticks(range(len(rows)), rows)
        ax.set_ylim(len(rows) - 0.5, -0.5)
        ax.set_title(textwrap.fill(name, TITLE_WIDTH))
        ax.xaxis.set_major_locator(MaxNLocator(4))
    if figure:
        figure.alt = f"Means with bars of uncertainty, a panel a measure. {'; '.join(words)}."
    return figure or axes


def _in_words(means):
    """Say where Bach stands, and who stands lowest and highest."""
    means = {row: mean for row, mean in means.items() if np.isfinite(mean)}
    if not means:
        return "nothing to measure"
    lowest, highest = (choose(means, key=means.get) for choose in (min, max))
    shown = dict.fromkeys(("real Bach", lowest, highest))
    return ", ".join(f"{row} {means[row]:.2f}" for row in shown if row in means)
