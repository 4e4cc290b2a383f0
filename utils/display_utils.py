"""Pictures, players and the training video: what a reader sees and hears.

Every function that draws takes ``ax``: given axes are drawn into and handed back, otherwise a figure is
made and handed back. Such a figure is closed for pyplot, so that Jupyter shows it once, as the last line
of a cell, and never a second time by itself. Nothing changes matplotlib's global settings.
"""

from __future__ import annotations

import base64
import html
import io
import itertools
import numbers
import tempfile
from pathlib import Path

import imageio_ffmpeg
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pretty_midi
from IPython.display import HTML, Video, display
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from scipy.signal import lfilter

from utils import path_utils, score_utils
from utils.audio_utils import SAMPLE_RATE, encode_mp3, render
from utils.midi_utils import (
    PITCHES,
    REST,
    STEPS_PER_BAR,
    STEPS_PER_BEAT,
    VOICES,
    grid_to_notes,
    onsets_of,
)

# Okabe and Ito 2008, "Color Universal Design": told apart by colour-blind readers too. And a grey.
COLOURS = ("#D55E00", "#009E73", "#0072B2", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442", "#999999")
INK = "#222222"
FAINT = "#DDDDDD"
BLACK_KEY_ROW = "#F4F4F6"
STYLE = {
    # Opaque paper and dark ink: readable in light and dark themes, whatever style the reader has set.
    **{f"{part}.facecolor": "white" for part in ("figure", "axes", "savefig")},
    **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), INK),
    "axes.edgecolor": "#888888",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 12,
    "axes.grid": False,
    "font.size": 11,
    "savefig.bbox": "standard",
}
BLACK_KEYS = (1, 3, 6, 8, 10)  # pitch classes
# Of a semitone, from the first voice down: each is thinner than the one before and lies on top of it, so
# that both notes of a unison show and voices differ in more than colour.
NOTE_HEIGHTS = (1.0, 0.82, 0.64, 0.46, 0.4, 0.34, 0.28, 0.22, 0.18)
PANELS_A_LINE = 4  # of the evaluation
FEWEST_SEMITONES = 16  # on the pitch axis, when it follows the notes
MOST_BAR_LINES = 20  # longer pieces show every second, fourth ... bar line
ONSET_WIDTH = 1.4  # points, up to ten bars; then thinner as notes get shorter
KEYBOARD_WIDTH = 0.022  # of the music
SAMPLES_SHOWN = 4
DPI = 100
SCORE_WIDTH = 1000  # pixels
BARS_SHOWN = 16

FPS = 8  # of the video
FADING_FRAMES = 5
SECONDS_HEARD = 4.8  # two bars at tempo 100
VIDEO_SAMPLE_RATE = 44100  # Hz; at lower rates MP3 inside MP4 is not known everywhere
CHART_HEIGHT = 2.2  # inches
MARKER = "#000000"

_styled = mpl.rc_context(STYLE)


# ---------------------------------------------------------------------------------------------- sound
def playmidi(filename, seconds=None):
    """Make a player for a MIDI file, with the sound inside the page.

    Parameters
    ----------
    filename : str or Path
    seconds : float, optional
        Play no more than that, and fade out.

    Returns
    -------
    IPython.display.HTML
        A labelled ``<audio>`` element that holds an MP3.

    Raises
    ------
    FileNotFoundError
        No such file.
    ValueError
        Not a readable MIDI file.
    """
    return players({Path(filename).name: filename}, seconds)


def players(files, seconds=None):
    """Make players side by side, to compare by ear.

    Parameters
    ----------
    files : dict of str to (str or Path)
        What to write above each player, and its MIDI file.
    seconds : float, optional
        Play no more than that of each, and fade out; a minute takes 0.4 MB of the page.

    Returns
    -------
    IPython.display.HTML
    """
    boxes = "".join(_player(label, path, seconds) for label, path in files.items())
    return HTML(f'<div style="display:flex; flex-wrap:wrap; gap:1em">{boxes}</div>')


def _player(label, midi_path, seconds):
    sound = render(midi_path, seconds=seconds)
    clip = base64.b64encode(encode_mp3(sound)).decode()
    if seconds is not None and len(sound) >= round(seconds * SAMPLE_RATE):
        label = f"{label} (first {seconds:g} s)"
    label = html.escape(str(label))
    return (
        '<figure style="margin:0">'
        f"<figcaption>{label}</figcaption>"
        f'<audio controls preload="metadata" aria-label="{label}" style="width:18em; max-width:100%"'
        f' src="data:audio/mpeg;base64,{clip}"></audio>'
        "</figure>"
    )


# --------------------------------------------------------------------------------------------- score
def show_score(musicxml_path, layout="staves", bars=BARS_SHOWN, width=SCORE_WIDTH, label=None):
    """Show a score, engraved by verovio; without that package, its piano roll.

    Parameters
    ----------
    musicxml_path : str or Path
        As :func:`utils.score_utils.write_musicxml` writes it.
    layout : {"staves", "choir"}
        A staff a part, or two parts on each.
    bars : int, optional
        No more than the first so many, a pickup not counted; None for all. Eight in four parts take some
        80 kB of the page.
    width : int
        Pixels.
    label : str, optional
        For readers who cannot see it; made from the file's name by default.

    Returns
    -------
    IPython.display.HTML
        Black on white paper, whatever the theme.

    Raises
    ------
    FileNotFoundError, ValueError
        As :func:`utils.score_utils.engrave`.
    """
    if label is None:
        total = len(score_utils.read_musicxml(musicxml_path)[2]) - 1
        shown = f"{total} bars" if bars is None or total <= bars else f"the first {bars} of {total} bars"
        label = f"Score of {Path(musicxml_path).stem}, {shown}"
    try:
        pages = [page.encode() for page in score_utils.engrave(musicxml_path, layout, width, bars)]
        kind = "svg+xml"
    except ImportError:
        pages, kind = [_roll_of_score(musicxml_path, bars)], "png"
    return HTML("".join(_img(page, kind, label, width) for page in pages))


def _img(picture, kind, label, width):
    """Put a picture inside the page, on white paper."""
    source = f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"
    style = f"display:block; background:white; width:{width}px; max-width:100%"
    return f'<img alt="{html.escape(label)}" style="{style}" src="{source}">'


def _roll_of_score(musicxml_path, bars):
    """Draw a score as a piano roll: the bytes of a PNG."""
    names, parts, lines = score_utils.read_musicxml(musicxml_path, bars)
    steps = max(1, round(lines[-1] * STEPS_PER_BEAT))
    grid = np.full((steps, len(parts)), REST)
    onset = np.zeros(grid.shape, bool)
    for voice, notes in enumerate(parts):
        for start, end, pitch in notes:
            first = min(round(start * STEPS_PER_BEAT), steps - 1)
            grid[first : max(round(end * STEPS_PER_BEAT), first + 1), voice] = pitch
            onset[first, voice] = True
    figure = draw_roll(grid, onset, names=names, bars=[round(line * STEPS_PER_BEAT) for line in lines])
    return _png(figure)


# --------------------------------------------------------------------------------------- piano rolls
@_styled
def draw_roll(
    music,
    onset=None,
    ax=None,
    *,
    title=None,
    names=None,
    colours=COLOURS,
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
    names, colours : sequences, one item a voice, optional
    min_pitch, max_pitch : int, optional
        MIDI pitches at the ends of the axis; by default all notes fit in. Notes outside are counted in
        a remark.
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
    if len(voices) > len(colours):
        raise ValueError(f"Expected at most {len(colours)} voices, one colour each; found {len(voices)}.")
    steps = len(np.asarray(music))
    names = list(names or _voice_names(len(voices)))
    figure, ax = _figure_and_axes(ax, figsize)

    pitches = np.concatenate([notes[:, 2] for notes in voices])
    low, high = _pitch_range(pitches, min_pitch, max_pitch)
    if bars is None:
        bars = range(pickup % steps_per_bar, steps + 1, steps_per_bar)
    _draw_paper(ax, steps, low, high, np.asarray(bars, int), steps_per_beat)
    onset_width = ONSET_WIDTH * min(1, 10 * STEPS_PER_BAR / steps)
    for notes, colour, height in zip(voices, colours, NOTE_HEIGHTS, strict=False):
        start, end, pitch = notes.T
        low_edge, high_edge = pitch - height / 2, pitch + height / 2
        corners = [(start, low_edge), (end, low_edge), (end, high_edge), (start, high_edge)]
        blocks = np.array(corners, float).transpose(2, 0, 1)
        ax.add_collection(PolyCollection(blocks, facecolor=colour, linewidth=0, zorder=3), autolim=False)
        ax.vlines(start + 0.1, low_edge, high_edge, INK, linewidth=onset_width, zorder=4)
    if title:
        ax.set_title(title)
    outside = int(np.sum((pitches < low) | (pitches > high)))
    if outside:
        _draw_remark(ax, f"{outside} note{'s' * (outside > 1)} outside")
    if legend:
        marks = _legend_marks(names, colours)
        ax.legend(handles=marks, loc="lower right", bbox_to_anchor=(1, 1), ncols=len(names), frameon=False)
    return figure or ax


@_styled
def draw_rolls(pieces, axes=None, *, figsize=(11, 3.2), **options):
    """Draw pieces below one another on the same axes, to compare by eye: before and after, takes.

    Parameters
    ----------
    pieces : dict of str to (music or (music, onset))
        What to write above each, and what :func:`draw_roll` takes.
    axes : sequence of matplotlib Axes, optional
        One a piece.
    figsize : (float, float)
        Inches of one piece, if a figure is made.
    **options
        As for :func:`draw_roll`.

    Returns
    -------
    axes or Figure
        ``axes`` if they were given.
    """
    figure, panels = None, axes
    if axes is None:
        figure = _new_figure((figsize[0], figsize[1] * len(pieces)))
        panels = figure.subplots(len(pieces), sharex=True, squeeze=False)[:, 0]
    pieces = {name: piece if isinstance(piece, tuple) else (piece, None) for name, piece in pieces.items()}
    pitches = [notes[:, 2] for piece in pieces.values() for notes in _notes(*piece)]
    low, high = _pitch_range(
        np.concatenate(pitches), options.pop("min_pitch", None), options.pop("max_pitch", None)
    )
    longest = max(len(np.asarray(music)) for music, _ in pieces.values())
    voices = [len(_notes(*piece)) for piece in pieces.values()]
    fullest = voices.index(max(voices)) if options.pop("legend", True) else None  # one legend is enough
    for place, ((name, (music, onset)), ax) in enumerate(zip(pieces.items(), panels, strict=True)):
        options["legend"] = place == fullest
        draw_roll(music, onset, ax, title=name, min_pitch=low, max_pitch=high, **options)
        ax.set_xlim(-KEYBOARD_WIDTH * len(np.asarray(music)), longest)
    for ax in panels[:-1]:
        ax.set_xlabel("")
    return figure or axes


def show_pianoroll(xs, min_pitch=45, max_pitch=85, programs=(0, 0, 0, 0), save_dir=None):
    """Show the first piano roll of a batch, a subplot a track.

    The figure is displayed here and nothing is returned, so that it appears exactly once, in a loop as
    well as in the last line of a cell.

    Parameters
    ----------
    xs : array or tensor [sample, step, pitch=128, track]
        Sounds where it is above 0.
    min_pitch, max_pitch : int
        MIDI pitches at the ends of the axis.
    programs : sequence of int, one item a track
        General MIDI programs, named in the titles. As many tracks are drawn.
    save_dir : str or Path, optional
        Folder for ``pianoroll.png``.
    """
    figure = _draw_tracks(_batch(xs, "xs")[0], min_pitch, max_pitch, programs)
    if save_dir is not None:
        _save(figure, Path(save_dir) / "pianoroll.png")
    display(figure, metadata={"image/png": {"alt": "Piano roll, one panel a voice"}})


@_styled
def _draw_tracks(roll, min_pitch, max_pitch, programs):
    tracks = min(roll.shape[-1], len(programs))
    figure = _new_figure((11, 2.9 * -(-tracks // 2)))
    panels = figure.subplots(-(-tracks // 2), 2, sharex=True, sharey=True, squeeze=False).flat
    names = _voice_names(roll.shape[-1])
    for track, (name, program, ax) in enumerate(zip(names, programs, panels, strict=False)):
        draw_roll(
            roll[..., [track]],
            ax=ax,
            title=f"{name} · {pretty_midi.program_to_instrument_name(program)}",
            colours=[COLOURS[track]],
            min_pitch=min_pitch,
            max_pitch=max_pitch,
            legend=False,
        )
        ax.label_outer()
    for ax in panels:
        ax.set_axis_off()
    return figure


@_styled
def plot_pianoroll(
    iteration, xs, fake_xs, min_pitch=45, max_pitch=85, programs=(0, 0, 0, 0), save_dir=None, axes=None
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
        figure = _new_figure((10, 0.8 + 1.9 * rows), layout=None)
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
    panels[0, 1].set_title(f"generated, iteration {iteration}" if trained else "generated")
    if figure is None:
        return axes
    names = _voice_names(len(programs))
    marks = _legend_marks(names, COLOURS)
    figure.legend(handles=marks, loc="upper right", ncols=len(names), frameon=False)
    if save_dir is not None:
        numbered = path_utils.pianoroll_path_for_iteration
        path = numbered(iteration, save_dir) if trained else Path(save_dir) / "sample_inference.png"
        _save(figure, path)
    return figure


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
    ax.set_yticks(named, [pretty_midi.note_number_to_name(pitch) for pitch in named])
    ax.tick_params(length=0, colors=INK)
    for spine in ax.spines.values():
        spine.set_visible(False)


def _legend_marks(names, colours):
    """Show each voice in the colour and the thickness of its notes."""
    return [
        Line2D([], [], color=colour, linewidth=9 * height, solid_capstyle="butt", label=name)
        for name, colour, height in zip(names, colours, NOTE_HEIGHTS, strict=False)
    ]


def _draw_remark(ax, text):
    paper = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.5}
    ax.text(0.995, 0.98, text, transform=ax.transAxes, ha="right", va="top", fontsize=9, bbox=paper, zorder=6)


def _batch(xs, name):
    xs = np.asarray(xs)
    if xs.ndim != 4 or xs.shape[2] != PITCHES or not len(xs):
        raise ValueError(f"Expected {name} [sample, step, pitch={PITCHES}, track]; found shape {xs.shape}.")
    return xs


def _voice_names(voices):
    return VOICES if voices == len(VOICES) else [f"voice {1 + voice}" for voice in range(voices)]


# -------------------------------------------------------------------------------------------- curves
@_styled
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
    figure, ax = _figure_and_axes(ax, figsize)
    curves = {"generator": (G_loss, COLOURS[0], "-"), "critic": (D_loss, COLOURS[2], "--")}
    for name, (loss, colour, line) in curves.items():
        loss = np.asarray(loss, float)
        ax.plot(loss, color=colour, alpha=0.25, linewidth=0.8)
        ax.plot(_smooth(loss, smoothing), line, color=colour, linewidth=2.2, label=name)
    _label_curves(ax, "loss", "Losses of the generator and the critic")
    return figure or ax


@_styled
def plot_runs(histories, loss="critic_loss", figsize=(12, 4), smoothing=0.05, ax=None):
    """Lay one loss of several runs over one another.

    Parameters
    ----------
    histories : dict of str to dict
        By the name of the run: lists of losses, one item an iteration.
    loss : str
        Which of the lists.
    figsize, smoothing, ax
        As in :func:`plot_loss_logs`.

    Returns
    -------
    Axes or Figure
    """
    figure, ax = _figure_and_axes(ax, figsize)
    lines = itertools.product(("-", "--", ":", "-."), COLOURS[:7])  # more runs than colours: other strokes
    for (name, history), (line, colour) in zip(histories.items(), lines, strict=False):
        values = np.asarray(history[loss], float)
        ax.plot(_smooth(values, smoothing), line, color=colour, linewidth=2, label=f"{name} ({len(values)})")
    _label_curves(ax, loss.replace("_", " "), "Runs compared")
    return figure or ax


@_styled
def plot_evaluation(summary, measures, figsize=(12, 2.2), axes=None):
    """Draw measures of several players beside one another, with their uncertainty.

    Parameters
    ----------
    summary : dict of str to dict of str to (mean, lower, upper)
        By row, then measure: :func:`utils.evaluation_utils.summarize`.
    measures : sequence of str
        A panel each, four in a line.
    figsize : tuple of float
        Width, and height of a line of panels, in inches, if a figure is made.
    axes : array of matplotlib Axes, optional
        At least one a measure.

    Returns
    -------
    array of axes or Figure
        ``axes`` if they were given. Dots are means over songs, bars 95% intervals; the grey band is
        that of real Bach.
    """
    figure, panels = None, np.ravel(axes)
    if axes is None:
        lines = -(-len(measures) // PANELS_A_LINE)
        figure = _new_figure((figsize[0], figsize[1] * lines))
        panels = figure.subplots(lines, PANELS_A_LINE, squeeze=False, sharey=True).ravel()
    for ax, name in itertools.zip_longest(panels, measures):
        if name is None:
            ax.set_axis_off()
            continue
        for place, (row, answers) in enumerate(summary.items()):
            value, low, high = answers.get(name, (np.nan,) * 3)
            if row == "real Bach":
                ax.axvspan(low, high, color=FAINT, zorder=0)
            ax.plot([low, high], [place, place], color=COLOURS[place % 7], linewidth=2)
            ax.plot(value, place, "o", color=COLOURS[place % 7])
        ax.set_title(name)
        ax.set_yticks(range(len(summary)), summary)
        ax.xaxis.set_major_locator(MaxNLocator(4))
        ax.set_ylim(len(summary) - 0.5, -0.5)
    return figure or axes


@_styled
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
        Where those of a few real samples lie, drawn in grey.
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
        figure = _new_figure(figsize)
        panels = figure.subplots(len(labels), tracks, sharex=True, sharey="row", squeeze=False)
    for row, (measure, label) in zip(panels, labels.items(), strict=True):
        row[0].set_ylabel(label)
        for track, ax in enumerate(row):
            if band:
                ax.axhspan(*band[measure][:, track], color=FAINT, linewidth=0, zorder=0, label="real, 90%")
            values = metrics[measure][:, track]
            ax.plot(metrics["iteration"], values, ".-", color=COLOURS[2], ms=4, lw=1, label="generated")
            if reference:
                ax.axhline(reference[measure][track], color=INK, ls="--", lw=1, label="real")
            ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
            ax.tick_params(colors=INK)
        # A limit set before all tracks are drawn would keep the later ones from widening it.
        top = max(ax.get_ylim()[1] for ax in row) if "distance" in measure else 1.0
        for ax in row:
            ax.set_ylim(-0.05 * top, 1.05 * top)
    for first, last, name in zip(panels[0], panels[-1], names, strict=True):
        first.set_title(name)
        last.set_xlabel("iteration")
    panels[0][0].legend(frameon=False, fontsize=9)
    return figure or axes


def _label_curves(ax, ylabel, title):
    """Draw what curves over iterations stand on: the zero line, axes, legend."""
    ax.axhline(0, color=FAINT, linewidth=1, zorder=0)
    ax.set(xlabel="iteration", ylabel=ylabel, title=title)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    ax.tick_params(colors=INK)
    ax.legend(frameon=False, loc="best")


def _smooth(values, weight):
    """Average exponentially, as a mean of what has been seen so far; NaN weighs nothing."""
    seen = np.isfinite(values)
    recursion = ([1.0], [1.0, weight - 1.0])
    total, mass = lfilter(*recursion, np.where(seen, values, 0.0)), lfilter(*recursion, seen.astype(float))
    return np.divide(total, mass, out=np.full(len(values), np.nan), where=mass > 0)


# --------------------------------------------------------------------------------------------- video
def make_training_video(
    folder_dir, movie_path="movie.mp4", history=None, sample_dir=None, seconds=None, smoothing=0.05
):
    """Make a film of a training: its samples turn into one another, one picture after the other.

    Parameters
    ----------
    folder_dir : str or Path
        With ``sample_iteration_*.png`` of one size, as :func:`plot_pianoroll` writes them.
    movie_path : str or Path
        H.264 in the pixel format that browsers play, with MP3 sound, which VS Code plays too; an odd width
        or height is padded by one pixel.
    history : dict of str to list of float, optional
        ``generator_loss`` and ``critic_loss``, one item an iteration: drawn below the samples, with a
        marker that moves along.
    sample_dir : str or Path, optional
        With ``iteration-*.mid`` beside the pictures: heard from its beginning while a picture is seen.
    seconds : float, optional
        Of each picture; by default 4.8 with sound, two bars at tempo 100, and 1 without.
    smoothing : float in (0, 1]
        Of the losses, as in :func:`plot_loss_logs`.

    Returns
    -------
    IPython.display.Video
        With the video inside the page.

    Raises
    ------
    ValueError
        The folder holds no such picture, or pictures of different sizes.
    FileNotFoundError
        ``sample_dir`` lacks the MIDI file of a picture.
    """
    found = Path(folder_dir).glob("sample_iteration_*.png")
    files = sorted(found, key=lambda path: (len(path.name), path.name))  # 99950 before 100000
    if not files:
        raise ValueError(
            f"No sample_iteration_*.png in {folder_dir}. Train until the first samples are drawn, or give "
            "the folder where they are."
        )
    pictures = [np.uint8(np.round(255 * plt.imread(file)[..., :3])) for file in files]
    sizes = {picture.shape[:2] for picture in pictures}
    if len(sizes) > 1:
        raise ValueError(
            f"The pictures in {folder_dir} have different sizes: {sizes}. Keep those of one run."
        )
    iterations = [int(file.stem.rpartition("_")[2]) for file in files]
    seconds = seconds or (SECONDS_HEARD if sample_dir is not None else 1.0)
    sound = None if sample_dir is None else _sound_of_samples(iterations, sample_dir, seconds)
    chart = None if history is None else _loss_chart(history, smoothing, pictures[0].shape[1])
    frames = _film(pictures, iterations, round(seconds * FPS), chart)
    movie = path_utils.write_whole(movie_path, lambda name: _write_film(name, frames, sound))

    label = f"Samples of the training, {len(pictures)} pictures"
    attributes = f'controls aria-label="{label}" style="max-width:100%"'
    return Video(str(movie), embed=True, mimetype="video/mp4", html_attributes=attributes)


def _film(pictures, iterations, frames, chart):
    """Yield the frames of a film, uint8 [height, width, 3] of even size.

    Each picture stands still and then fades into the next, while the marker moves on to its iteration.
    """
    fading = min(FADING_FRAMES, frames - 1)
    last = len(pictures) - 1
    for number, (picture, iteration) in enumerate(zip(pictures, iterations, strict=True)):
        following = min(number + 1, last)
        for frame in range(frames):
            share = max(0, frame - (frames - 1 - fading)) / (fading + 1) if number < last else 0
            blend = picture
            if share:
                blend = np.uint8(np.round((1 - share) * picture + share * pictures[following].astype(float)))
            if chart is not None:
                blend = np.concatenate(
                    [blend, chart((1 - share) * iteration + share * iterations[following])]
                )
            odd = [(0, size % 2) for size in blend.shape[:2]]
            yield np.pad(blend, (*odd, (0, 0)), constant_values=255)


@_styled
def _loss_chart(history, smoothing, width):
    """Draw the losses once; the answer, called with an iteration, draws the marker into a copy."""
    figure = _new_figure((width / DPI, CHART_HEIGHT))
    ax = figure.subplots()
    plot_loss_logs(history["generator_loss"], history["critic_loss"], smoothing=smoothing, ax=ax)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = np.array(canvas.buffer_rgba())[..., :3]
    (_, bottom), (_, top) = np.round(ax.bbox.get_points()).astype(int)
    rows = slice(len(picture) - top, len(picture) - bottom)
    red, green, blue = (round(255 * part) for part in to_rgb(MARKER))

    def marked(iteration):
        column = round(ax.transData.transform((iteration, 0))[0])
        copy = picture.copy()
        copy[rows, max(column - 1, 0) : column + 2] = red, green, blue
        return copy

    return marked


def _sound_of_samples(iterations, sample_dir, seconds):
    """Play the samples one after the other, each for so long: MP3."""
    paths = [path_utils.generated_midi_path_for_iteration(number, sample_dir) for number in iterations]
    length = round(seconds * VIDEO_SAMPLE_RATE)
    parts = []
    for path in paths:
        heard = render(path, VIDEO_SAMPLE_RATE, seconds=seconds)
        parts.append(np.pad(heard, ((0, length - len(heard)), (0, 0))))
    return encode_mp3(np.concatenate(parts), VIDEO_SAMPLE_RATE)


def _write_film(name, frames, sound):
    """Encode frames and join the sound as it is."""
    first = next(frames)
    with tempfile.TemporaryDirectory() as folder:
        options = {}
        if sound is not None:
            clip = Path(folder) / "sound.mp3"
            clip.write_bytes(sound)
            options = {"audio_path": str(clip), "audio_codec": "copy"}
        writer = imageio_ffmpeg.write_frames(
            name,
            first.shape[1::-1],
            fps=FPS,
            codec="libx264",
            pix_fmt_out="yuv420p",
            macro_block_size=2,
            ffmpeg_log_level="error",
            output_params=[
                "-crf",
                "30",
                "-preset",
                "medium",
                "-tune",
                "animation",
                "-movflags",
                "+faststart",
            ],
            **options,
        )
        writer.send(None)
        for frame in itertools.chain([first], frames):
            writer.send(np.ascontiguousarray(frame))
        writer.close()


# ------------------------------------------------------------------------------------------- figures
def show_figure(figure, label):
    """Show a figure with a text for readers who cannot see it, which Jupyter's own pictures lack.

    Parameters
    ----------
    figure : matplotlib Figure
    label : str
        What there is to see.

    Returns
    -------
    IPython.display.HTML
    """
    return HTML(_img(_png(figure), "png", label, round(figure.get_figwidth() * DPI)))


@_styled
def _png(figure):
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=DPI)
    return picture.getvalue()


def _new_figure(figsize, layout="constrained"):
    """Open a figure and close it at once: it can be drawn, saved and shown, but pyplot forgets it.

    It is made through pyplot because Jupyter learns to show figures only when pyplot makes the first.
    """
    figure = plt.figure(figsize=figsize, dpi=DPI, layout=layout)
    plt.close(figure)
    return figure


def _figure_and_axes(ax, figsize):
    """Give the axes to draw into, and the figure to hand back if they had to be made."""
    if ax is not None:
        return None, ax
    figure = _new_figure(figsize)
    return figure, figure.subplots()


@_styled
def _save(figure, path):
    """Write a PNG of even width and height, which a video needs."""
    width, height = (2 * round(inches * DPI / 2) / DPI for inches in figure.get_size_inches())
    figure.set_size_inches(width, height)
    return path_utils.write_whole(path, lambda name: figure.savefig(name, dpi=DPI))
