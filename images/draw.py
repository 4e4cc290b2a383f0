"""Draw the pictures of the lesson from the networks that its notebook defines.

Run ``make images``. A changed network changes the pictures, and each carries in its ``Description`` what
it was drawn from.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import NamedTuple

from utils import quiet_tensorflow  # noqa: F401 isort: skip (before TensorFlow is imported)

import keras
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, PathPatch, Polygon, Rectangle
from matplotlib.path import Path as Curve
from moviepy.video.io.ffmpeg_writer import FFMPEG_VideoWriter

from utils.display_utils import draw_roll
from utils.exam.rows import cut_songs, load_songs
from utils.inference_utils import harmonize, load_melody_samples
from utils.lesson.definitions import load_lesson
from utils.midi_utils import read_grid
from utils.music.grid import STEPS_PER_BAR, STEPS_PER_BEAT, STEPS_PER_WINDOW, VOICES, grid_to_notes, onsets_of
from utils.music.measures import conditioning_gap
from utils.path_utils import atomic_write
from utils.pictures.style import COLORS, FAINT, INK
from utils.songs.engrave import engrave
from utils.songs.sound import write_audio

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 800  # of the page: all lengths here are in its pixels
DPI = 160  # 1.6 pixels of the picture for each of the page
FPS = 10
POINT = 0.72  # points to a pixel of the page, of which an inch has 100
QUIET = "#666666"
EDGE = "#888888"
GENERATOR, ENCODER, CRITIC, NOISE = COLORS[4], "#F6D9A0", COLORS[5], "#999999"
DASHES = (0, (4, 3))
AWAY = np.array([0.8, 0.5])  # where a pile of channels leads to
BEGINNINGS = {"given": STEPS_PER_WINDOW, "noise": STEPS_PER_WINDOW // STEPS_PER_BAR}  # lengths for two bars


# --------------------------------------------------------------------------------- what is to be drawn
class Level(NamedTuple):
    """A layer that changes the shape of its input, and the layers after it that keep it.

    Attributes
    ----------
    name : str
        Of the layer.
    kind : str
        Its class and the size of its kernel.
    shape : tuple of int
        (time, pitch, channels) or (features,), for two bars.
    sources : tuple of int
        The levels that it reads, by their places in the list.
    followers : tuple of str
        Kinds of the layers after it.
    """

    name: str
    kind: str
    shape: tuple
    sources: tuple
    followers: tuple = ()


def read_levels(model):
    """List the levels of a network in the order of its layers.

    Parameters
    ----------
    model : keras.Model
        With the inputs ``given`` and ``noise``, of any length, or with inputs of fixed length.

    Returns
    -------
    list of Level
    """
    inputs = [(1, x.shape[1] or BEGINNINGS[x.name], *x.shape[2:]) for x in model.inputs]
    whole = keras.Model(model.inputs, [layer.output for layer in model.layers])
    levels, place = [], {}  # place: of the level that a tensor belongs to
    for layer, shape in zip(model.layers, whole.compute_output_shape(inputs), strict=True):
        read = layer.input if isinstance(layer.input, list) else [layer.input]
        sources = () if layer.output is layer.input else tuple(place[id(tensor)] for tensor in read)
        level = Level(layer.name, _kind(layer), tuple(shape[1:]), sources)
        if len(sources) == 1 and levels[sources[0]].shape == level.shape:
            source = levels[sources[0]]
            levels[sources[0]] = source._replace(followers=(*source.followers, level.kind))
            place[id(layer.output)] = sources[0]
        else:
            place[id(layer.output)] = len(levels)
            levels.append(level)
    return levels


def describe(levels):
    """Write levels as one line of text."""
    return ", ".join(f"{level.kind} ({_times(level.shape)})" for level in levels)


def _kind(layer):
    if isinstance(layer, keras.layers.Activation):
        return layer.activation.__name__
    kernel = getattr(layer, "kernel", None)
    size = "" if kernel is None or len(kernel.shape) < 4 else f" {_times(kernel.shape[:2])}"
    return type(layer).__name__ + size


def _times(shape):
    return " × ".join(map(str, shape))


# ------------------------------------------------------------------------------------------ primitives
class Box(NamedTuple):
    """What a drawn thing covers, in pixels of the page."""

    left: float
    right: float
    bottom: float
    top: float


def _page(height):
    """Make a white page, 800 pixels wide, with the origin in its lower left corner."""
    figure = Figure(figsize=(WIDTH / 100, height / 100), facecolor="white")
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, WIDTH), ylim=(0, height))
    ax.set_axis_off()
    return figure, ax


def _tint(color, strength):
    """Mix a color with white, below 1, or with black, above 1."""
    other = np.ones(3) if strength < 1 else np.zeros(3)
    share = min(strength, 2 - strength)
    return tuple(share * np.array(to_rgb(color)) + (1 - share) * other)


def _text(ax, x, y, text, ha="center", va="center", size=12, color=INK, **style):
    ax.text(x, y, text, ha=ha, va=va, fontsize=size * POINT, color=color, linespacing=1.4, zorder=6, **style)


def _arrow(ax, *points, color=QUIET, line="-"):
    """Draw an arrow along straight stretches with rounded corners."""
    points = np.array(points, float)
    vertices, codes = [points[0]], [Curve.MOVETO]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        start, end = (
            corner + (other - corner) * min(10 / np.hypot(*(other - corner)), 0.5)
            for other in (before, after)
        )
        vertices += [start, corner, end]
        codes += [Curve.LINETO, Curve.CURVE3, Curve.CURVE3]
    path = Curve([*vertices, points[-1]], [*codes, Curve.LINETO])
    style = {"color": color, "linewidth": 1.3 * POINT, "capstyle": "butt", "joinstyle": "miter", "zorder": 2}
    ax.add_patch(PathPatch(path, fill=False, linestyle=line, **style))
    head = {"arrowstyle": "-|>,head_length=4,head_width=2.2", "shrinkA": 0, "shrinkB": 0, "mutation_scale": 1}
    direction = points[-1] - points[-2]
    tail = points[-1] - 4 * direction / np.hypot(*direction)
    ax.add_patch(FancyArrowPatch(tail, points[-1], **head, **style))


def _size(shape):
    """Width, height and depth on the page for time, pitch and channels."""
    time, pitch, channels = shape
    return 105 * (time / 32) ** 0.75, 105 * (pitch / 128) ** 0.75, 1.4 * channels**0.5


def _block(ax, x, y, shape, parts):
    """Draw a feature map around (x, y): time to the right, pitch up, channels away.

    ``parts`` lists (channels, color), the front first.
    """
    width, height, depth = _size(shape)
    x, y = np.array([x, y]) - AWAY * depth / 2
    front = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * (width / 2, height / 2) + (x, y)
    edge = {"edgecolor": "white", "linewidth": 0.9 * POINT, "joinstyle": "round", "zorder": 3}
    near = np.zeros(2)
    for channels, color in parts:
        far = near + AWAY * depth * channels / shape[2]
        side = [front[1] + near, front[1] + far, front[2] + far, front[2] + near]
        top = [front[3] + near, front[2] + near, front[2] + far, front[3] + far]
        ax.add_patch(Polygon(side, facecolor=_tint(color, 1.2), **edge))
        ax.add_patch(Polygon(top, facecolor=_tint(color, 0.7), **edge))
        near = far
    ax.add_patch(Polygon(front, facecolor=parts[0][1], **edge))
    return Box(front[0, 0], front[1, 0] + far[0], front[0, 1], front[2, 1] + far[1])


def _sheets(ax, x, y, width, height, grid, sheets):
    """Draw a pile of piano rolls around (x, y), with the notes of all of its voices on the first sheet."""
    away = 5 * AWAY * (sheets - 1)
    left, bottom = np.array([x - width / 2, y - height / 2]) - away / 2
    frame = {"edgecolor": EDGE, "linewidth": POINT}
    for depth in np.linspace(1, 0, sheets):
        corner = (left, bottom) + away * depth
        ax.add_patch(Rectangle(corner, width, height, facecolor="white", zorder=3, **frame))
    low, high = grid[grid >= 0].min() - 2, grid.max() + 2
    step, semitone = width / len(grid), height / (high - low)
    for beat in range(STEPS_PER_BEAT, len(grid), STEPS_PER_BEAT):
        at = left + step * beat
        ax.vlines(at, bottom + 0.8, bottom + height - 0.8, FAINT, linewidth=0.8 * POINT, zorder=3)
    onset = onsets_of(grid)
    for voice in range(min(sheets, grid.shape[1])):
        for start, end, pitch in grid_to_notes(grid[:, voice], onset[:, voice]):
            corner = left + step * start + 0.7, bottom + semitone * (pitch - low - 0.7)
            size = step * (end - start) - 1.4, 1.4 * semitone
            note = Rectangle(corner, *size, facecolor=COLORS[voice], linewidth=0, snap=False, zorder=4)
            ax.add_patch(note)
    return Box(left, left + width + away[0], bottom, bottom + height + away[1])


def _column(ax, x, y, features):
    """Draw numbers without time and pitch as a column around (x, y)."""
    height = max(14, features**0.5)
    style = {"boxstyle": "round,pad=0,rounding_size=6", "facecolor": CRITIC, "linewidth": 0, "zorder": 3}
    ax.add_patch(FancyBboxPatch((x - 7, y - height / 2), 14, height, **style))
    return Box(x - 7, x + 7, y - height / 2, y + height / 2)


def _noise(ax, x, y, cells):
    """Draw noise [time, pitch] as cells in shades of gray around (x, y)."""
    shades = np.random.default_rng(0).uniform(0.45, 0.95, cells).T
    height, width = 8 * np.array(shades.shape)
    box = Box(x - width / 2, x + width / 2, y - height / 2, y + height / 2)
    ax.imshow(shades, cmap="gray", vmin=0, vmax=1, extent=box, aspect="auto", zorder=3)
    return box


def _network(ax, x, y, name, outline, color):
    """Draw a network around (x, y); ``outline``, from left to right, says how large its pictures are."""
    width, height = 116, 104
    across, up = np.array(outline).T * [[width / 2], [height / 2]]
    corners = zip(x + np.append(across, across[::-1]), y + np.append(up, -up[::-1]), strict=True)
    ax.add_patch(Polygon([*corners], facecolor=color, linewidth=0, zorder=3))
    _text(ax, x, y, name, size=13, weight="bold")
    return Box(x - width / 2, x + width / 2, y - height / 2, y + height / 2)


def _named(level):
    return f"{level.name}\n{_times(level.shape)}"


def _layers(level):
    return "\n".join((level.kind, ", ".join(level.followers)))


def _parts(join, levels, *colors):
    return [(levels[source].shape[2], color) for source, color in zip(join.sources, colors, strict=True)]


def _sum(join, levels):
    channels = " + ".join(str(levels[source].shape[2]) for source in join.sources)
    return f"{_times(join.shape[:2])} × ({channels})"


def _axes_key(ax, x, y):
    """Say which way time, pitch and channels go."""
    for tip, name, ha, va in (
        ((44, 0), "time", "left", "center"),
        ((0, 40), "pitch", "center", "bottom"),
        (tuple(30 * AWAY), "channels", "left", "bottom"),
    ):
        end = np.array([x, y]) + tip
        _arrow(ax, (x, y), end)
        _text(ax, *(end + np.sign(tip) * 4), name, ha, va, color=QUIET)


# -------------------------------------------------------------------------------------------- pictures
def draw_generator(levels, grid, caption=""):
    """Draw the U-Net: down on the left, noise at the bottom, up on the right, bridges between.

    Parameters
    ----------
    levels : list of Level
    grid : int array [step, voice]
        The piece on the sheets at both ends.
    caption : str
        Which network it is.

    Returns
    -------
    Figure
    """
    figure, ax = _page(572)
    left, middle, right = 258, WIDTH / 2, WIDTH - 258
    noise = next(i for i, level in enumerate(levels) if level.name == "noise")
    ups = [i for i, level in enumerate(levels) if i > noise and len(level.sources) == 1]
    joins = {level.sources[0]: level for level in levels if level.kind == "Concatenate"}
    row, edge = {}, 560  # the height of the middle of all blocks of one size
    for level in levels[:noise]:
        _, height, depth = _size((*level.shape[:2], 2 * level.shape[2]))
        row[level.shape[:2]] = edge - (height + AWAY[1] * depth) / 2
        edge -= height + AWAY[1] * depth + 42

    downs = []
    for level in levels[:noise]:
        y = row[level.shape[:2]]
        if not level.sources:
            box = _sheets(ax, left, y, *_size(level.shape)[:2], grid, level.shape[2])
            _text(ax, box.left - 14, y, _named(level), "right")
        else:
            box = _block(ax, left, y, level.shape, [(level.shape[2], ENCODER)])
            _text(ax, box.left - 14, y, _times(level.shape), "right")
            _arrow(ax, (left, downs[-1].bottom - 5), (left, box.top + 4))
            _text(ax, left - 14, (downs[-1].bottom + box.top) / 2, _layers(level), "right", color=QUIET)
        downs.append(box)

    join = joins[noise - 1]
    box = _block(ax, middle, y, join.shape, _parts(join, levels, ENCODER, NOISE))
    source = _block(ax, middle, y - 58, levels[noise].shape, [(levels[noise].shape[2], NOISE)])
    _text(ax, middle, box.top + 18, _sum(join, levels))
    _text(ax, source.right + 14, y - 58, _named(levels[noise]), "left")
    _arrow(ax, (downs[-1].right + 7, y), (box.left - 7, y))
    _arrow(ax, (middle, source.top + 4), (middle, box.bottom - 5))

    below, way = y, [(box.right + 7, y), (right, y)]
    for i in ups:
        y, join = row[levels[i].shape[:2]], joins.get(i)
        if join:
            box = _block(ax, right, y, join.shape, _parts(join, levels, GENERATOR, ENCODER))
            skipped = downs[join.sources[1]]
            _arrow(ax, (skipped.right + 7, y), (box.left - 7, y), line=DASHES)
            _text(ax, box.right + 14, y, _sum(join, levels), "left")
        else:
            box = _sheets(ax, right, y, *_size(levels[i].shape)[:2], grid, levels[i].shape[2])
            _text(ax, box.right + 14, y, f"voices\n{_times(levels[i].shape)}", "left")
        _arrow(ax, *way, (right, box.bottom - 5))
        _text(ax, right + 14, (below + box.bottom) / 2, _layers(levels[i]), "left", color=QUIET)
        below, way = box.top, [(right, box.top + 4)]
    _text(ax, middle, row[levels[1].shape[:2]] + 12, "skip connection", color=QUIET)
    _axes_key(ax, 60, 34)
    _text(ax, WIDTH - 14, 14, caption, "right", "bottom", color=QUIET)
    return figure


def draw_critic(levels, grid, caption=""):
    """Draw the critic from left to right, from the sheets to the score.

    Parameters
    ----------
    levels : list of Level
    grid : int array [step, voice]
        The piece on the sheets.
    caption : str
        Which network it is.

    Returns
    -------
    Figure
    """
    figure, ax = _page(240)
    _text(ax, WIDTH - 14, 8, caption, "right", "bottom", color=QUIET)
    inputs = sum(not level.sources for level in levels)
    y, join, x = 128, 126, 184
    for level, middle in zip(levels[:inputs], (y + 60, y - 42), strict=True):
        box = _sheets(ax, 62, middle, 80, 56, grid, level.shape[2])
        _text(ax, 62, box.bottom - 21, _named(level))
        _arrow(ax, (box.right + 6, middle), (join, middle), (join, y), (join + 14, y))
    for level in levels[inputs:]:
        if level.kind == "Concatenate":
            box = _sheets(ax, x, y, 72, 84, grid, level.shape[2])
        else:
            tail = box.right + 6, y
            if len(level.shape) == 3:
                x += 106
                box = _block(ax, x, y, level.shape, [(level.shape[2], CRITIC)])
            else:
                x += 74
                box = _column(ax, x, y, *level.shape)
            _arrow(ax, tail, (box.left - 6, y))
        layers = "\n".join((*level.kind.split(" ", 1), *level.followers))
        _text(ax, x, 182, layers, va="bottom", color=QUIET)
        _text(ax, x, 74, _times(level.shape), va="top")
    _text(ax, x, 50, level.name, va="top", weight="bold")
    return figure


def caption_of(config, tour):
    """Say whose sizes a drawing shows, and those of the network that the lesson trains."""
    return f"the classic recipe, {config.filters} filters (the tour has {tour.filters})"


def draw_architecture(config, generator, critic, real, generated, caption=""):
    """Draw the game of generator and critic.

    Parameters
    ----------
    config : Config
        Of the lesson.
    generator, critic : list of Level
    real, generated : int arrays [step, voice]
        A chorale, and what the generator makes of its soprano.
    caption : str
        Which networks they are.

    Returns
    -------
    Figure
    """
    figure, ax = _page(440)
    _text(ax, 540, 8, caption, "right", "bottom", color=QUIET)
    inputs = {level.name: level for level in generator if not level.sources}
    left, maker_x, right, judge_x, end = 74, 246, 420, 572, 690
    height, upper, line, lower = 342, 296, 206, 84  # of the noise, the generator, the melody, the chorales
    sheet = (92, 64)

    noise = _noise(ax, left, height, inputs["noise"].shape[:2])
    melody = _sheets(ax, left, line, *sheet, real, inputs["given"].shape[2])
    chorale = _sheets(ax, left, lower, *sheet, real, critic[0].shape[2])
    voices = _sheets(ax, right, upper, *sheet, generated, generator[-1].shape[2])
    _text(ax, left, noise.top + 22, _named(inputs["noise"]))
    _text(ax, left, melody.top + 22, _named(inputs["given"]))
    _text(ax, left, chorale.bottom - 22, f"real chorales\n{_times(critic[0].shape)}")
    _text(ax, right, voices.top + 22, f"generated voices\n{_times(generator[-1].shape)}")
    _arrow(ax, (left, chorale.top + 4), (left, melody.bottom - 6))
    _text(ax, left + 12, (chorale.top + melody.bottom) / 2, "soprano", "left", color=QUIET)

    maker = _network(ax, maker_x, upper, "generator", ((-1, 1), (0, 0.45), (1, 1)), GENERATOR)
    fork = melody.right + 24
    _arrow(ax, (noise.right + 8, height), (fork, height), (fork, upper + 16), (maker.left - 6, upper + 16))
    _arrow(ax, (melody.right + 8, line), (fork, line), (fork, upper - 16), (maker.left - 6, upper - 16))
    _arrow(ax, (maker.right + 6, upper), (voices.left - 8, upper))

    judge = _network(ax, judge_x, line, "critic", ((-1, 1), (1, 0.35)), CRITIC)
    turn = judge.left - 26
    _arrow(ax, (voices.right + 8, upper), (turn, upper), (turn, line + 24), (judge.left - 6, line + 24))
    _arrow(ax, (melody.right + 8, line), (judge.left - 6, line))
    _arrow(ax, (chorale.right + 8, lower), (turn, lower), (turn, line - 24), (judge.left - 6, line - 24))

    _arrow(ax, (judge.right + 6, line), (end - 14, line))
    ax.vlines(end, line - 58, line + 58, QUIET, linewidth=1.3 * POINT)
    for score, name, color in ((38, "real", INK), (-38, "generated", GENERATOR)):
        ax.add_patch(Circle((end, line + score), 7, facecolor=color, edgecolor="white", zorder=3))
        _text(ax, end + 15, line + score, name, "left")
    _text(ax, end + 15, line, "score", "left", weight="bold")

    back = {"line": DASHES}
    _text(ax, end, 404, "generator loss", weight="bold")
    _text(ax, end, 26, "critic loss", weight="bold")
    _arrow(ax, (end, line + 64), (end, 390), **back)
    _arrow(ax, (end, line - 64), (end, 40), **back)
    _arrow(ax, (end - 56, 404), (maker_x, 404), (maker_x, upper + 30), **back)
    _arrow(ax, (end - 44, 26), (judge_x, 26), (judge_x, line - 42), **back)
    _text(ax, (right + judge_x) / 2, 416, "1 update", color=QUIET)
    _text(ax, judge_x - 12, 90, f"{config.critic_steps} updates", "right", color=QUIET)
    return figure


def draw_pianoroll(grid, onset):
    """Draw the piano roll of each voice: a panel a voice, time steps to the right, pitches upward.

    Parameters
    ----------
    grid : int array [step, voice]
    onset : bool array [step, voice]

    Returns
    -------
    Figure
    """
    figure = Figure(figsize=(WIDTH / 100, 5.4), facecolor="white")
    figure.set_layout_engine("constrained", w_pad=0.1, h_pad=0.1)
    low, high = grid.min() - 3, grid.max() + 3
    steps = np.arange(0, len(grid) + 1, STEPS_PER_BEAT)
    octaves = [pitch for pitch in range(low, high + 1) if pitch % 12 == 0]
    panels = figure.subplots(2, -(-grid.shape[1] // 2), sharex=True, sharey=True)
    for voice, (ax, name) in enumerate(zip(panels.flat, VOICES, strict=True)):
        draw_roll(
            grid[:, [voice]],
            onset[:, [voice]],
            ax,
            title=name,
            colors=[COLORS[voice]],
            min_pitch=low,
            max_pitch=high,
            legend=False,
        )
        ax.set_xticks(steps, steps)
        ax.set_yticks(octaves, [f"C{octave // 12 - 1} = {octave}" for octave in octaves])
        ax.set(xlabel="time step", ylabel="pitch")
        ax.label_outer()
    return figure


def train_tour(lesson):
    """Train the network that ``make run`` trains, or take it from the experiments if it is there.

    Returns
    -------
    keras.Model
        The generator.
    """
    gan, run = lesson.start_run("tour", lesson.TOUR)
    samples = load_melody_samples(n_sample=10, seed=lesson.TOUR.seed, path=lesson.TOUR.valid)
    lesson.train(gan, run, lesson.TOUR, *samples)
    return gan.generator


def draw_beside(arrangements):
    """Draw piano rolls of several arrangements below one another.

    Parameters
    ----------
    arrangements : dict of str to inference_utils.Arrangement
        By title.

    Returns
    -------
    Figure
    """
    figure = Figure(figsize=(WIDTH / 100, 2.7 * len(arrangements)), facecolor="white", layout="constrained")
    panels = figure.subplots(len(arrangements), sharex=True, sharey=True)
    low = min(one.grid[one.grid >= 0].min() for one in arrangements.values()) - 2
    high = max(one.grid.max() for one in arrangements.values()) + 2
    for number, (ax, (title, one)) in enumerate(zip(panels, arrangements.items(), strict=True)):
        reach = {"min_pitch": low, "max_pitch": high, "legend": number == 0}
        draw_roll(one.grid, one.onset, ax, title=title, **reach)
        ax.label_outer()
    return figure


def draw_arrangement(arrangement):
    """Draw the piano roll of an arrangement, all voices together.

    Parameters
    ----------
    arrangement : inference_utils.Arrangement

    Returns
    -------
    Figure
    """
    figure = Figure(figsize=(WIDTH / 100, 3.8), facecolor="white", layout="constrained")
    draw_roll(arrangement.grid, arrangement.onset, figure.subplots())
    return figure


def film_arrangement(figure, midi_path, seconds, path):
    """Write a film of a piano roll with a line that goes along with the sound.

    Parameters
    ----------
    figure : Figure
        Of :func:`draw_arrangement`.
    midi_path : str or Path
    seconds : float
        From the first step to the last.
    path : str or Path
        ``.mp4``
    """
    figure.set_dpi(DPI)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = np.array(canvas.buffer_rgba())[..., :3]
    picture = np.pad(picture, [(0, picture.shape[0] % 2), (0, picture.shape[1] % 2), (0, 0)], mode="edge")
    (ax,) = figure.axes
    first, last = ax.transData.transform([(0, 0), (ax.get_xlim()[1], 0)])[:, 0]

    def write(name):
        with tempfile.TemporaryDirectory() as folder:
            sound = write_audio(midi_path, Path(folder) / "sound.mp3")
            encoding = ["-crf", "28", "-tune", "animation", "-movflags", "+faststart"]
            size = picture.shape[1::-1]
            with FFMPEG_VideoWriter(name, size, FPS, audiofile=str(sound), ffmpeg_params=encoding) as writer:
                for frame in range(round(seconds * FPS)):
                    now = picture.copy()
                    place = round(first + (last - first) * frame / (seconds * FPS))
                    now[:, place : place + 2] = 0
                    writer.write_frame(now)

    atomic_write(path, write)


# ------------------------------------------------------------------------------------ how soon it listens
def draw_speedrun(results, bach):
    """Draw how soon recipes listen: the conditioning gap and the accuracy against seconds of training.

    Parameters
    ----------
    results : dict of str to dict
        Of ``pretrained/speedrun.py``: the ``recipe`` and the ``evaluations`` of every run.
    bach : float
        His own conditioning gap on the same songs.

    Returns
    -------
    Figure
    """
    runs = [
        {"recipe": run["recipe"], "run": name, **one, "accuracy": np.mean([one[v] for v in VOICES[1:]])}
        for name, run in results.items()
        for one in run["evaluations"]
    ]
    figure = Figure((8, 3.2), dpi=DPI, layout="constrained")
    panels = figure.subplots(1, 2, sharex=True)
    recipes = list(dict.fromkeys(run["recipe"] for run in runs))
    lines = {"hue": "recipe", "style": "recipe", "hue_order": recipes, "palette": COLORS[: len(recipes)]}
    for ax, (measure, label) in zip(
        panels,
        {"gap": "conditioning gap", "accuracy": "accuracy, mean of the lower voices"}.items(),
        strict=True,
    ):
        sns.lineplot(
            pd.DataFrame(runs),
            x="seconds",
            y=measure,
            units="run",
            estimator=None,
            ax=ax,
            linewidth=1.5,
            **lines,
        )
        ax.set(xscale="log", xlabel="seconds of training", ylabel=label, ylim=(0, None))
        ax.xaxis.set_major_formatter("{x:g}")
        ax.xaxis.set_minor_formatter("")
        ax.set_xticks([seconds for seconds in (5, 10, 30, 60, 120, 300, 600) if seconds < ax.get_xlim()[1]])
        ax.spines[["top", "right"]].set_visible(False)
        ax.get_legend().remove()
    panels[0].axhline(bach, color=INK, ls=":", lw=1)
    panels[0].text(0.01, bach + 0.01, "Bach", color=INK, transform=panels[0].get_yaxis_transform())
    panels[0].legend(frameon=False, loc="center left")
    return figure


# ------------------------------------------------------------------------------------------------ all
def main():
    """Draw all pictures into this folder."""
    lesson = load_lesson()
    generator = read_levels(lesson.build_generator(lesson.CLASSIC))
    critic = read_levels(lesson.build_critic(lesson.CLASSIC))
    first = ROOT / "original_midi" / "MIDI-0.mid"
    grid, onset, _ = read_grid(first)
    _save("pianoroll", draw_pianoroll(grid, onset), "MIDI-0, a piano roll for each voice")
    caption = caption_of(lesson.CLASSIC, lesson.TOUR)
    _save("generator", draw_generator(generator, grid, caption), describe(generator))
    _save("critic", draw_critic(critic, grid, caption), describe(critic))

    songs = list(load_songs("valid").values())
    bach = conditioning_gap(*cut_songs(songs))
    results = json.loads((ROOT / "pretrained" / "speedrun.json").read_text())
    results = {name: run for name, run in results.items() if " " not in run["recipe"]}  # no variants
    _save("speedrun", draw_speedrun(results, bach), "How soon four recipes listen to the melody")

    generated = harmonize(first, takes=1).grid
    updates = f"the classic recipe (the tour updates both by turns, {lesson.TOUR.critic_steps} to 1)"
    figure = draw_architecture(lesson.CLASSIC, generator, critic, grid, generated, updates)
    _save("architecture", figure, f"{describe(generator)}; {describe(critic)}")
    song = ROOT / "input_twinkle_twinkle.mid"
    arrangement = harmonize(song)
    figure = draw_arrangement(arrangement)
    _save("arrangement", figure, "Twinkle, twinkle, little star in four voices")
    own = harmonize(song, generator=train_tour(lesson))
    beside = {
        f"your own network, {lesson.TOUR.iterations:,} iterations": own,
        f"the shipped network, {lesson.BEST.iterations:,} iterations": arrangement,
    }
    _save("own", draw_beside(beside), "Twinkle in four voices, by the tour's network and the shipped one")
    with tempfile.TemporaryDirectory() as folder:
        midi, score = (arrangement.write(Path(folder) / f"song.{ending}") for ending in ("mid", "musicxml"))
        seconds = len(arrangement.grid) / STEPS_PER_BEAT * 60 / arrangement.melody.tempo
        film_arrangement(figure, midi, seconds, ROOT / "images" / "arrangement.mp4")
        write_audio(midi, ROOT / "images" / "arrangement.mp3")
        write_audio(own.write(Path(folder) / "own.mid"), ROOT / "images" / "own.mp3")
        page, *_ = engrave(score, "choir", bars=6)
    paper = page.replace("<svg ", '<svg style="background:white" ', 1)
    atomic_write(ROOT / "images" / "score.svg", lambda name: Path(name).write_text(paper))


def _save(name, figure, description):
    # Without the version of matplotlib, so that the same picture is the same file.
    options = {"dpi": DPI, "metadata": {"Software": None, "Description": description}}
    atomic_write(ROOT / "images" / f"{name}.png", lambda path: figure.savefig(path, **options))


if __name__ == "__main__":
    main()
