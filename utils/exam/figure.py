"""An evaluation as a figure."""

from __future__ import annotations

import itertools

import numpy as np
from matplotlib.ticker import MaxNLocator

from ..pictures.style import COLORS, FAINT, new_figure, styled
from .tables import confidence

PANELS_A_LINE = 4


@styled
def plot_evaluation(evaluation, measures, figsize=(12, 2.2), axes=None):
    """Draw measures of several players beside one another, with their uncertainty.

    Parameters
    ----------
    evaluation : dict
        Of :func:`.evaluate`.
    measures : sequence of str
        A panel each, four in a line.
    figsize : tuple of float
        Width, and height of a line of panels, in inches, if a figure is made.
    axes : array of matplotlib Axes, optional
        At least one a measure.

    Returns
    -------
    array of axes or Figure
        ``axes`` if they were given. Dots are means over songs, bars the intervals of :func:`.confidence`;
        the gray band is that of real Bach.
    """
    import pandas as pd
    import seaborn as sns

    figure, panels = None, np.ravel(axes)
    if axes is None:
        lines = -(-len(measures) // PANELS_A_LINE)
        figure = new_figure((figsize[0], figsize[1] * lines))
        panels = figure.subplots(lines, PANELS_A_LINE, squeeze=False, sharey=True).ravel()
    rows = list(evaluation["rows"])
    palette = list(itertools.islice(itertools.cycle(COLORS[:7]), len(rows)))
    for ax, name in itertools.zip_longest(panels, measures):
        if name is None:
            ax.set_axis_off()
            continue
        songs = {row: np.array(answers.get(name, []), float) for row, answers in evaluation["rows"].items()}
        each = [pd.DataFrame({"row": row, name: values}) for row, values in songs.items()]
        frame = pd.concat(each, ignore_index=True)
        ax.axvspan(*confidence(songs.get("real Bach", []))[1:], color=FAINT, zorder=0)
        sns.pointplot(
            frame,
            x=name,
            y="row",
            hue="row",
            order=rows,
            hue_order=rows,
            palette=palette,
            errorbar=lambda values: confidence(values)[1:],
            linestyle="none",
            markersize=6,
            err_kws={"linewidth": 2},
            legend=False,
            ax=ax,
        )
        ax.set(title=name, xlabel="", ylabel="")
        ax.xaxis.set_major_locator(MaxNLocator(4))
    return figure or axes
