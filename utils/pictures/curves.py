"""Curves over a training, and measures beside one another."""

from __future__ import annotations

import itertools

import numpy as np
from matplotlib.ticker import MaxNLocator
from scipy.signal import lfilter

from ..music.grid import VOICES
from .style import COLORS, FAINT, INK, figure_and_axes, new_figure, styled

BEGINNING = 0.1  # of a training: there curves may run far away from where they stay


@styled
def plot_loss_logs(G_loss, D_loss, figsize=(15, 5), smoothing=0.001, ax=None):  # noqa: N803 (the lesson's old names)
    """Draw both losses against the iterations, faint as they are and strong when smoothed.

    Parameters
    ----------
    G_loss, D_loss : sequences of float, one item an iteration
        Of the generator and the critic. NaN is left out.
    figsize : (float, float)
        Inches, if a figure is made.
    smoothing : float in (0, 1]
        Weight of the newest value in the exponential average. 1 does not smooth; 0.05 looks back over
        some 20 iterations; 0.001 over 1,000, which is nearly the mean since the start.
    ax : matplotlib Axes, optional

    Returns
    -------
    Axes or Figure

    Raises
    ------
    ValueError
        ``smoothing`` lies outside (0, 1].
    """
    if not 0 < smoothing <= 1:
        raise ValueError(f"Expected smoothing in (0, 1], found {smoothing}. Try 0.05.")
    figure, ax = figure_and_axes(ax, figsize)
    told = []
    curves = {"generator": (G_loss, COLORS[0], "-"), "critic": (D_loss, COLORS[2], "--")}
    for name, (loss, color, line) in curves.items():
        loss = np.asarray(loss, float)
        smooth = _smooth(loss, smoothing)
        ax.plot(loss, color=color, alpha=0.25, linewidth=0.8)
        ax.plot(smooth, line, color=color, linewidth=2.2, label=name)
        told.append(f"{name} {_journey(smooth)}")
    _label_curves(ax, "loss", "Losses of the generator and the critic")
    if figure:
        figure.alt = f"Losses against the iterations, smoothed: {'; '.join(told)}."
    return figure or ax


@styled
def plot_runs(histories, curve="critic_loss", bach=None, figsize=(12, 4), smoothing=0.05, ax=None):
    """Lay one curve of several runs over one another.

    Parameters
    ----------
    histories : dict of str to dict
        By the name of the run: lists of losses, one item an iteration, and ``tests``, as in
        :class:`.training.run.Run`.
    curve : str
        Which loss, drawn against the iterations; or which figure of the listening tests, drawn against the
        seconds of training. Runs without it are left out.
    bach : float, optional
        What Bach himself has, drawn as a dashed line.
    figsize, smoothing, ax
        As in :func:`plot_loss_logs`; tests are not smoothed.

    Returns
    -------
    Axes or Figure
    """
    import pandas as pd
    import seaborn as sns

    figure, ax = figure_and_axes(ax, figsize)
    label, along, runs, told = curve.replace("_", " "), "iteration", [], []
    for name, history in histories.items():
        tests = history.get("tests", {})
        if curve in tests:
            along, values = "seconds of training", tests[curve]
            places = np.cumsum(history["seconds"])[tests["iteration"]]
        elif curve in history:
            values = _smooth(np.asarray(history[curve], float), smoothing)
            places = range(len(values))
        else:
            continue
        named = f"{name} ({len(history['critic_loss'])})"
        told.append(f"{named} {_journey(values)}")
        runs.append(pd.DataFrame({along: places, label: values, "run": named}))
    if runs:
        palette = list(itertools.islice(itertools.cycle(COLORS[:7]), len(runs)))  # more runs: other strokes
        lines = {"hue": "run", "style": "run", "palette": palette, "linewidth": 2}
        sns.lineplot(pd.concat(runs, ignore_index=True), x=along, y=label, estimator=None, ax=ax, **lines)
        for run, color in zip(runs, palette, strict=True):
            if len(run) == 1:  # no line
                ax.plot(run[along], run[label], "o", color=color)
    if bach is not None:
        ax.axhline(bach, color=INK, ls="--", lw=1, label="Bach")
        told.append(f"Bach {bach:.2f}")
    _label_curves(ax, label, "Runs compared", along)
    if figure:
        figure.alt = f"Curves of several runs, {label} against {along}: {'; '.join(told) or 'none yet'}."
    return figure or ax


@styled
def plot_metrics(metrics, labels, reference=None, band=None, axes=None, figsize=(12, 6.5)):
    """Draw measures of the samples against the iterations: a row a measure, a column a track.

    Parameters
    ----------
    metrics : dict
        ``iteration`` int [iteration], and float [iteration, track] by measure.
    labels : dict of str to str
        What to write beside each measure, from the top.
    reference : dict of float [track], optional
        The measures of the real samples, drawn as a dashed line.
    band : dict of float [2, track], optional
        Where those of a few real samples lie, drawn in gray.
    axes : array of matplotlib Axes [measure, track], optional
    figsize : (float, float)
        Inches, if a figure is made.

    Returns
    -------
    array of axes or Figure
        ``axes`` if they were given.
    """
    tracks = next(iter(metrics[name] for name in labels)).shape[1]
    names = VOICES if tracks == len(VOICES) else [f"track {track}" for track in range(tracks)]
    figure, panels = None, axes
    if axes is None:
        figure = new_figure(figsize)
        panels = figure.subplots(len(labels), tracks, sharex=True, sharey="row", squeeze=False)
    for row, (measure, label) in zip(panels, labels.items(), strict=True):
        row[0].set_ylabel(label)
        for track, ax in enumerate(row):
            if band:
                ax.axhspan(*band[measure][:, track], color=FAINT, linewidth=0, zorder=0, label="real, 90%")
            values = metrics[measure][:, track]
            ax.plot(metrics["iteration"], values, ".-", color=COLORS[2], ms=4, lw=1, label="generated")
            if reference:
                ax.axhline(reference[measure][track], color=INK, ls="--", lw=1, label="real")
            ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
            ax.tick_params(colors=INK)
        # A limit set before all tracks are drawn would keep the later ones from widening it.
        shares = "distance" not in measure
        bottom, top = (0.0, 1.0) if shares else _height(row, BEGINNING)
        for ax in row:
            ax.set_ylim(min(bottom, 0) - 0.05 * top, 1.05 * top)
            _say_what_is_cut_off(ax)
    for first, last, name in zip(panels[0], panels[-1], names, strict=True):
        first.set_title(name)
        last.set_xlabel("iteration")
    panels[0][0].legend(frameon=False, fontsize=9)
    if figure:
        figure.alt = _compare_ends(metrics, labels, reference, band, names)
    return figure or axes


def _compare_ends(metrics, labels, reference, band, names):
    """Say in words where measures end, beside those of the real samples."""
    told = []
    for measure, label in labels.items():
        real = [""] * len(names)
        if band:
            real = [f" (real {low:.2f} to {high:.2f})" for low, high in np.transpose(band[measure])]
        elif reference:
            real = [f" (real {mean:.2f})" for mean in reference[measure]]
        ends = zip(names, metrics[measure][-1], real, strict=True)
        told.append(
            f"{' '.join(label.split())}: {', '.join(f'{name} {end:.2f}{x}' for name, end, x in ends)}"
        )
    last = metrics["iteration"][-1]
    return f"Measures against the iterations, a panel a voice. At iteration {last}: {'; '.join(told)}."


@styled
def plot_slopes(slopes, figsize=(12, 3), smoothing=0.05, ax=None):
    """Draw how steep the critic was between real and generated pieces, beside the 1 that is asked for.

    Parameters
    ----------
    slopes : sequence of float, one item an iteration
        Means over a batch; None is left out.
    figsize, smoothing, ax
        As in :func:`plot_loss_logs`.

    Returns
    -------
    Axes or Figure
    """
    figure, ax = figure_and_axes(ax, figsize)
    slopes = np.asarray(slopes, float)
    ax.axhline(1, color=INK, ls="--", lw=1, label="asked for")
    ax.plot(slopes, color=COLORS[2], alpha=0.25, lw=0.8)
    ax.plot(_smooth(slopes, smoothing), color=COLORS[2], lw=2.2, label="measured")
    _label_curves(ax, "slope of the critic", "How steep the critic is between real and generated pieces")
    ax.set_ylim(bottom=0)
    if figure:
        figure.alt = f"Slope of the critic against the iterations: {_journey(_smooth(slopes, smoothing))}."
    return figure or ax


def _label_curves(ax, ylabel, title, xlabel="iteration"):
    """Draw what curves over a training stand on: the zero line, axes, legend."""
    ax.axhline(0, color=FAINT, linewidth=1, zorder=0)
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10]))
    ax.tick_params(colors=INK)
    ax.legend(frameon=False, loc="best")
    (low, high), (bottom, top) = _height([ax]), _height([ax], BEGINNING)
    rest = top - bottom  # what the beginning adds to it is cut off where it is more than that
    low, high = max(low, bottom - rest), min(high, top + rest)
    if high > low:
        ax.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))
    _say_what_is_cut_off(ax)


def _height(axes, left_out=0.0):
    """Find the lowest and the highest value, zero included, once some share of the way is over."""
    heights = [0.0]
    for line in (line for ax in axes for line in ax.lines):
        x, y = (np.asarray(values, float) for values in line.get_data())
        if len(x):
            heights.append(y[np.isfinite(y) & (x >= left_out * x.max())])
    heights = np.hstack(heights)
    return heights.min(), heights.max()


def _say_what_is_cut_off(ax):
    """Write into axes how far the curves reach that they do not show."""
    low, high = ax.get_ylim()
    paper = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.5}
    values = np.hstack([np.asarray(line.get_ydata(), float) for line in ax.lines])
    values = values[np.isfinite(values)]
    beyond = {"down": (values.min(), 0.04, "bottom")} if (values < low).any() else {}
    beyond |= {"up": (values.max(), 0.96, "top")} if (values > high).any() else {}
    for way, (value, height, va) in beyond.items():
        text = f"at first, {way} to {value:,.0f}".replace("-", "\N{MINUS SIGN}")
        ax.text(0.1, height, text, transform=ax.transAxes, va=va, fontsize=9, color=INK, bbox=paper)


def _journey(values):
    """Say in words where a curve begins, turns and ends."""
    seen = np.asarray(values, float)
    seen = seen[np.isfinite(seen)]
    if not len(seen):
        return "has no value"
    first, last, low, high = (f"{value:.2f}" for value in (seen[0], seen[-1], seen.min(), seen.max()))
    return f"stays at {first}" if low == high else f"goes from {first} to {last}, between {low} and {high}"


def _smooth(values, weight):
    """Average exponentially, as a mean of what has been seen so far; NaN weighs nothing."""
    seen = np.isfinite(values)
    recursion = ([1.0], [1.0, weight - 1.0])
    total, mass = lfilter(*recursion, np.where(seen, values, 0.0)), lfilter(*recursion, seen.astype(float))
    return np.divide(total, mass, out=np.full(len(values), np.nan), where=mass > 0)
