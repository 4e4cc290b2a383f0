"""Piano rolls: every note a block from its onset to its end."""

from __future__ import annotations

import itertools
import numbers
from pathlib import Path

import numpy as np
from IPython.display import display
from matplotlib.collections import PolyCollection
from matplotlib.lines import Line2D

from ..music.grid import PITCHES, STEPS_PER_BAR, STEPS_PER_BEAT, grid_to_notes, onsets_of, voice_names
from ..music.theory import pitch_name
from ..path_utils import pianoroll_path_for_iteration
from .style import COLORS, FAINT, INK, figure_and_axes, new_figure, save_png, styled

BLACK_KEY_ROW = "#F4F4F6"
BLACK_KEYS = (1, 3, 6, 8, 10)  # pitch classes
# Of a semitone, from the first voice down: each is thinner than the one before and lies on top of it, so
# that both notes of a unison show and voices differ in more than color.
NOTE_HEIGHTS = (1.0, 0.82, 0.64, 0.46, 0.4, 0.34, 0.28, 0.22, 0.18)
FEWEST_SEMITONES = 16  # on the pitch axis, when it follows the notes
MOST_BAR_LINES = 20  # longer pieces show every second, fourth ... bar line
ONSET_WIDTH = 1.4  # points, up to ten bars; then thinner as notes get shorter
KEYBOARD_WIDTH = 0.022  # of the music
SAMPLES_SHOWN = 4
TRAINING_RANGE = (36, 84)  # C2 to C6: every note of a choir, and the same axis in every picture of a training


@styled
def draw_roll(
    music,
    onset=None,
    ax=None,
    *,
    title=None,
    names=None,
    colors=COLORS,
    min_pitch=None,
    max_pitch=None,
    steps_per_bar=STEPS_PER_BAR,
    steps_per_beat=STEPS_PER_BEAT,
    pickup=0,
    bars=None,
    legend=True,
    figsize=(11, 4.5),
):
    """Draw all voices of one piece, every note a block from its onset to its end.

    Parameters
    ----------
    music : int array [step, voice] or array [step, pitch=128, voice]
        A grid, -1 = rest, or a piano roll, which sounds where it is above 0.
    onset : bool array [step, voice], optional
        Of a grid. Without it repeated notes fuse.
    ax : matplotlib Axes, optional
    title : str, optional
    names, colors : sequences, one item a voice, optional
    min_pitch, max_pitch : int, optional
        MIDI pitches at the ends of the axis; by default all notes fit in. How many do not is said in a
        remark.
    steps_per_bar, steps_per_beat : int
        16 and 4 in 4/4, 12 and 4 in 3/4, 12 and 6 in 6/8. Beats are counted from each bar line.
    pickup : int
        Steps before the first bar line.
    bars : sequence of int, optional
        The steps of all bar lines, ascending, instead of ``steps_per_bar`` and ``pickup``; for pieces
        that change their meter. The first is that of bar 1.
    legend : bool
    figsize : (float, float)
        Inches, if a figure is made.

    Returns
    -------
    Axes or Figure
        ``ax`` if it was given. The horizontal unit is the step: the note of step 0 reaches from 0 to 1.

    Raises
    ------
    ValueError
        ``music`` is neither a grid nor a roll, or ``onset`` does not match it.
    """
    voices = _notes(music, onset)
    if len(voices) > len(colors):
        raise ValueError(f"Expected at most {len(colors)} voices, one color each; found {len(voices)}.")
    steps = len(np.asarray(music))
    names = list(names or voice_names(len(voices)))
    figure, ax = figure_and_axes(ax, figsize)

    pitches = np.concatenate([notes[:, 2] for notes in voices])
    low, high = _pitch_range(pitches, min_pitch, max_pitch)
    if bars is None:
        bars = range(pickup % steps_per_bar, steps + 1, steps_per_bar)
    if figure:
        figure.alt = f"Piano roll{f' of {title}' if title else ''}. {_count_notes(names, voices)}."
    _draw_paper(ax, steps, low, high, np.asarray(bars, int), steps_per_beat)
    onset_width = ONSET_WIDTH * min(1, 10 * STEPS_PER_BAR / steps)
    for notes, color, height in zip(voices, colors, NOTE_HEIGHTS, strict=False):
        start, end, pitch = notes.T
        low_edge, high_edge = pitch - height / 2, pitch + height / 2
        corners = [(start, low_edge), (end, low_edge), (end, high_edge), (start, high_edge)]
        blocks = np.array(corners, float).transpose(2, 0, 1)
        ax.add_collection(PolyCollection(blocks, facecolor=color, linewidth=0, zorder=3), autolim=False)
        ax.vlines(start + 0.1, low_edge, high_edge, INK, linewidth=onset_width, zorder=4)
    if title:
        ax.set_title(title)
    outside = int(np.sum((pitches < low) | (pitches > high)))
    if outside:
        which = f"{outside} note{'s lie' if outside > 1 else ' lies'}"
        _draw_remark(ax, f"{which} outside {pitch_name(low)} to {pitch_name(high)}, not drawn")
    if legend:
        marks = _legend_marks(names, colors)
        ax.legend(handles=marks, loc="lower right", bbox_to_anchor=(1, 1), ncols=len(names), frameon=False)
    return figure or ax


def show_pianoroll(xs, min_pitch=None, max_pitch=None, programs=(0, 0, 0, 0), save_dir=None):
    """Show the first piano roll of a batch, a subplot a track.

    The figure is displayed here and nothing is returned, so that it appears exactly once, in a loop as
    well as in the last line of a cell.

    Parameters
    ----------
    xs : array or tensor [sample, step, pitch=128, track]
        Sounds where it is above 0.
    min_pitch, max_pitch : int, optional
        MIDI pitches at the ends of the axis; by default all notes fit in.
    programs : sequence of int, one item a track
        General MIDI programs, named in the titles. As many tracks are drawn.
    save_dir : str or Path, optional
        Folder for ``pianoroll.png``.
    """
    figure = _draw_tracks(_batch(xs, "xs")[0], min_pitch, max_pitch, programs)
    if save_dir is not None:
        save_png(figure, Path(save_dir) / "pianoroll.png")
    display(figure)


@styled
def _draw_tracks(roll, min_pitch, max_pitch, programs):
    from pretty_midi import program_to_instrument_name

    tracks = min(roll.shape[-1], len(programs))
    names = voice_names(roll.shape[-1])
    voices = _notes(roll[..., :tracks], None)
    alt = f"Piano rolls, a panel a voice. {_count_notes(names, voices)}."
    figure = new_figure((11, 2.9 * -(-tracks // 2)), alt=alt)
    panels = figure.subplots(-(-tracks // 2), 2, sharex=True, sharey=True, squeeze=False).flat
    pitches = np.concatenate([notes[:, 2] for notes in voices])
    min_pitch, max_pitch = _pitch_range(pitches, min_pitch, max_pitch)
    for track, (name, program, ax) in enumerate(zip(names, programs, panels, strict=False)):
        draw_roll(
            roll[..., [track]],
            ax=ax,
            title=f"{name} · {program_to_instrument_name(program)}",
            colors=[COLORS[track]],
            min_pitch=min_pitch,
            max_pitch=max_pitch,
            legend=False,
        )
        ax.label_outer()
    for ax in panels:
        ax.set_axis_off()
    return figure


@styled
def plot_pianoroll(
    iteration,
    xs,
    fake_xs,
    min_pitch=TRAINING_RANGE[0],
    max_pitch=TRAINING_RANGE[1],
    programs=(0, 0, 0, 0),
    save_dir=None,
    axes=None,
):
    """Draw up to four real pieces beside the generated ones.

    Parameters
    ----------
    iteration : int or other
        Of the training; anything but a number stands for inference.
    xs, fake_xs : arrays or tensors [sample, step, pitch=128, track]
        Real and generated; they sound where they are above 0.
    min_pitch, max_pitch : int
        MIDI pitches at the ends of the axes.
    programs : sequence of int, one item a track
        General MIDI programs; only their number matters: as many tracks are drawn.
    save_dir : str or Path, optional
        Folder for ``sample_iteration_00050.png`` or ``sample_inference.png``, of even width and height.
        Not with ``axes``.
    axes : array of matplotlib Axes [sample, 2], optional
        Where to draw, as many samples as there are rows.

    Returns
    -------
    array of axes or Figure
        ``axes`` if they were given.
    """
    xs, fake_xs = _batch(xs, "xs"), _batch(fake_xs, "fake_xs")
    rows = min(len(xs), len(fake_xs), SAMPLES_SHOWN)
    trained = isinstance(iteration, numbers.Integral)
    figure, panels = None, axes
    if axes is None:
        figure = new_figure((10, 0.8 + 1.9 * rows), layout=None)
        height = figure.get_figheight()
        figure.subplots_adjust(
            left=0.07, right=0.985, bottom=0.5 / height, top=1 - 0.6 / height, wspace=0.06, hspace=0.12
        )
        panels = figure.subplots(rows, 2, sharex=True, sharey=True, squeeze=False)
    for row, pair in enumerate(panels):
        for ax, rolls in zip(pair, (xs, fake_xs), strict=True):
            draw_roll(
                rolls[row][..., : len(programs)],
                ax=ax,
                min_pitch=min_pitch,
                max_pitch=max_pitch,
                legend=False,
            )
            ax.label_outer()
    panels[0, 0].set_title("real")
    generated = f"generated, iteration {iteration}" if trained else "generated"
    panels[0, 1].set_title(generated)
    if figure is None:
        return axes
    names = voice_names(xs.shape[-1])[: len(programs)]
    told = [
        _count_notes(names, _notes(np.concatenate(rolls[: len(panels), ..., : len(programs)]), None))
        for rolls in (xs, fake_xs)
    ]
    figure.alt = f"Piano rolls of {len(panels)} pieces. Left, real: {told[0]}. Right, {generated}: {told[1]}."
    marks = _legend_marks(names, COLORS)
    figure.legend(handles=marks, loc="upper right", ncols=len(names), frameon=False)
    if save_dir is not None:
        numbered = pianoroll_path_for_iteration
        path = numbered(iteration, save_dir) if trained else Path(save_dir) / "sample_inference.png"
        save_png(figure, path)
    return figure


def count_notes(music, onset=None, names=None):
    """Say in words what a piano roll shows: how many notes each voice has, and how far they reach.

    Parameters
    ----------
    music, onset, names
        As in :func:`draw_roll`.

    Returns
    -------
    str
        "soprano 6 notes, F4 to D5; alto 7 notes, ..."
    """
    voices = _notes(music, onset)
    return _count_notes(names or voice_names(len(voices)), voices)


def _count_notes(names, voices):
    told = []
    for name, notes in zip(names, voices, strict=False):
        pitches = notes[:, 2]
        reach = f", {pitch_name(pitches.min())} to {pitch_name(pitches.max())}" if len(notes) else ""
        told.append(f"{name} {len(notes) or 'no'} note{'s' * (len(notes) != 1)}{reach}")
    return "; ".join(told)


def _notes(music, onset):
    """List the notes of each voice: int arrays [note, (start, end, pitch)]."""
    music = np.asarray(music)
    if music.ndim == 2:
        onset = onsets_of(music) if onset is None else np.asarray(onset)
        if onset.shape != music.shape:
            raise ValueError(f"Expected onsets of shape {music.shape}, as the grid has; found {onset.shape}.")
        return [
            np.array(grid_to_notes(music[:, voice], onset[:, voice]), int).reshape(-1, 3)
            for voice in range(music.shape[1])
        ]
    if music.ndim != 3 or music.shape[1] != PITCHES:
        raise ValueError(
            f"Expected one grid [step, voice] or one piano roll [step, pitch={PITCHES}, voice]; found shape "
            f"{music.shape}. Of a batch, take one sample: rolls[0]."
        )
    if onset is not None:
        raise ValueError("Onsets belong to a grid [step, voice]; a piano roll has none. Leave them out.")
    return [_runs(music[..., voice] > 0) for voice in range(music.shape[-1])]


def _runs(sounding):
    """Find the unbroken runs of bool [step, pitch]: int array [note, (start, end, pitch)]."""
    edge = np.diff(sounding.astype(np.int8), axis=0, prepend=0, append=0).T
    pitch, start = np.nonzero(edge == 1)
    _, end = np.nonzero(edge == -1)
    return np.stack([start, end, pitch], axis=1)


def _pitch_range(pitches, low, high):
    """Fill in what was not asked for, so that all notes fit in with air around them."""
    lowest, highest = (pitches.min(), pitches.max()) if len(pitches) else (60, 60)
    air = max(2, (FEWEST_SEMITONES - (highest - lowest)) // 2)
    return (lowest - air if low is None else low), (highest + air if high is None else high)


def _draw_paper(ax, steps, low, high, bars, steps_per_beat):
    """Draw what lies under the notes: keys, bar lines, beat lines, and their names."""
    pitches = np.arange(low, high + 1)
    black = pitches[np.isin(pitches % 12, BLACK_KEYS)]
    ax.set(xlim=(-KEYBOARD_WIDTH * steps, steps), ylim=(low - 0.5, high + 0.5), xlabel="bar")
    for pitch in black:
        ax.axhspan(pitch - 0.5, pitch + 0.5, color=BLACK_KEY_ROW, linewidth=0, zorder=0)
    width = KEYBOARD_WIDTH * steps
    keys = {"zorder": 5, "linewidth": 0.4, "edgecolor": INK}
    ax.broken_barh([(-width, width)], (low - 0.5, high + 1 - low), facecolor="white", **keys)
    for pitch in black:
        ax.broken_barh([(-width, 0.65 * width)], (pitch - 0.5, 1), facecolor=INK, **keys)

    edges = [*bars[bars <= steps], steps + 1]
    beats = [np.arange(first, last, steps_per_beat) for first, last in itertools.pairwise(edges)]
    beats = np.concatenate([np.arange(edges[0] % steps_per_beat, edges[0], steps_per_beat), *beats])
    bars = bars[bars <= steps]
    every = 2 ** max(0, int(np.ceil(np.log2(max(1, len(bars)) / MOST_BAR_LINES))))
    if every == 1:
        ax.vlines(beats, low - 0.5, high + 0.5, FAINT, linewidth=0.6, zorder=1)
    ax.vlines(bars[::every], low - 0.5, high + 0.5, "#888888", linewidth=1.0, zorder=2)
    ax.set_xticks(bars[bars < steps][::every], 1 + np.arange(np.sum(bars < steps))[::every])
    named = pitches[np.isin(pitches % 12, (0, 7) if high - low < 30 else (0,))]
    ax.set_yticks(named, [pitch_name(pitch) for pitch in named])
    ax.tick_params(length=0, colors=INK)
    for spine in ax.spines.values():
        spine.set_visible(False)


def _legend_marks(names, colors):
    """Show each voice in the color and the thickness of its notes."""
    return [
        Line2D([], [], color=color, linewidth=9 * height, solid_capstyle="butt", label=name)
        for name, color, height in zip(names, colors, NOTE_HEIGHTS, strict=False)
    ]


def _draw_remark(ax, text):
    paper = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.5}
    ax.text(0.995, 0.98, text, transform=ax.transAxes, ha="right", va="top", fontsize=9, bbox=paper, zorder=6)


def _batch(xs, name):
    xs = np.asarray(xs)
    if xs.ndim != 4 or xs.shape[2] != PITCHES or not len(xs):
        raise ValueError(f"Expected {name} [sample, step, pitch={PITCHES}, track]; found shape {xs.shape}.")
    return xs
