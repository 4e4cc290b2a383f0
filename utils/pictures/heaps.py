"""Critics of the smallest music that there is: points on a line."""

from __future__ import annotations

import numpy as np

from .style import COLORS, INK, new_figure, styled

AIR = 1.0  # beyond the outermost points
PLACES = 200


@styled
def draw_critics(critics, real, fake, figsize=(12, 4)):
    """Draw what critics of single numbers say along the line, above the points that they were shown.

    Parameters
    ----------
    critics : dict of str to callable
        By what to write above the panel: ``critic(places)`` scores float32 [place, 1].
    real, fake : float array [point]

    Returns
    -------
    Figure
        Scores are counted from the middle of the generated heap, so that the curves can be compared. The
        titles tell by how much the mean score of the heaps differs.
    """
    alt = "The score of a critic along a line, and two heaps of points below it, a panel a critic."
    figure = new_figure(figsize, alt=alt)
    panels = figure.subplots(1, len(critics), squeeze=False)[0]
    heaps = {"real": (np.asarray(real), COLORS[2]), "generated": (np.asarray(fake), COLORS[0])}
    ends = np.concatenate([real, fake])
    places = np.linspace(ends.min() - AIR, ends.max() + AIR, PLACES, dtype=np.float32)
    for ax, (name, critic) in zip(panels, critics.items(), strict=True):
        mean = {heap: _score(critic, points).mean() for heap, (points, _) in heaps.items()}
        scores = _score(critic, places) - mean["generated"]
        ax.plot(places, scores, color=INK, lw=2, label="the critic's score")
        below = scores.min() - 0.12 * np.ptp(scores)
        for heap, (points, color) in heaps.items():
            ax.plot(points, np.full(len(points), below), "|", color=color, ms=14, label=heap)
        title = f"{name}: real - generated = {mean['real'] - mean['generated']:.1f}"
        ax.set(xlabel="a piece: one number", title=title)
        steepest = np.abs(np.gradient(scores, places)).max()
        figure.alt += f" {title}; at its steepest the score rises by {steepest:.1f} a unit."
        ax.tick_params(colors=INK)
    panels[0].set_ylabel("score")
    panels[0].legend(frameon=False, loc="upper left")
    return figure


def _score(critic, places):
    return np.asarray(critic(np.asarray(places, np.float32)[:, None])).ravel()
