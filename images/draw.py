"""Draw the pictures of the lesson from the networks that its notebook defines.

Run ``make images``, or ``python -m images.draw``. A changed network changes the picture.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path as FilePath
from typing import NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # before TensorFlow is imported: no start-up notes
FOLDER = FilePath(__file__).resolve().parent
sys.path[:0] = [str(FOLDER.parent), str(FOLDER.parent / "tests")]  # utils, and where the lesson is lifted

import keras  # noqa: E402
import numpy as np  # noqa: E402
from lesson import load_lesson  # noqa: E402
from matplotlib import rc_context  # noqa: E402
from matplotlib.colors import to_rgb  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, PathPatch, Polygon, Rectangle  # noqa: E402
from matplotlib.path import Path  # noqa: E402

from utils import inference_utils, midi_utils, path_utils, training_utils  # noqa: E402
from utils.display_utils import COLOURS, FAINT, INK, STYLE, draw_roll  # noqa: E402

ROOT = FOLDER.parent
WIDTH = 800  # of a notebook page in pixels: the unit of all lengths here
DPI = 200  # of an inch, which takes 100 pixels of the page
POINT = 0.72  # points a pixel of the page
GENERATOR, CRITIC, NOISE = COLOURS[4], COLOURS[5], "#999999"
QUIET = "#666666"
DEPTH = np.array([0.8, 0.5])  # where a stack of channels leads to
MELODY_ONLY = (0,)
ALL_VOICES = range(4)


class Level(NamedTuple):
    """A layer that gives its input another shape, with the layers after it that keep it."""

    name: str
    shape: tuple  # (time, pitch, channels), (features,)
    kind: str
    sources: tuple  # the levels that it reads, by their place in the list
    followers: tuple  # kinds of the layers after it


# --------------------------------------------------------------------------------- what is to be drawn
def read_levels(model, steps=midi_utils.STEPS_PER_WINDOW):
    """List the layers of a network that change the shape, in the order of the data.

    Parameters
    ----------
    model : keras.Model
        With a melody of any or of ``steps`` steps among its inputs; noise has a step for each bar.
    steps : int
        For two bars 32.

    Returns
    -------
    list of Level
        Shapes without the sample axis.
    """
    whole = keras.Model(model.inputs, [layer.output for layer in model.layers])
    bars = steps // midi_utils.STEPS_PER_BAR
    lengths = {"noise": bars}
    inputs = [(1, lengths.get(x.name, steps), *x.shape[2:]) for x in model.inputs]
    levels, level_of = [], {}
    for layer, shape in zip(model.layers, whole.compute_output_shape(inputs), strict=True):
        incoming = layer.input if isinstance(layer.input, list | tuple) else [layer.input]
        sources = tuple(level_of[id(x)] for x in incoming)
        shape = tuple(shape[1:])
        if len(sources) == 1 and levels[sources[0]].shape == shape:
            last = levels[sources[0]]
            levels[sources[0]] = last._replace(followers=(*last.followers, _kind(layer)))
            level_of[id(layer.output)] = sources[0]
        else:
            level_of[id(layer.output)] = len(levels)
            levels.append(Level(layer.name, shape, _kind(layer), sources, ()))
    return levels


def _kind(layer):
    """Name what a layer does, kernel and activation included."""
    if isinstance(layer, keras.layers.Activation):
        return layer.activation.__name__
    kind = type(layer).__name__
    kernel = getattr(layer, "kernel", None)
    return kind if kernel is None or len(kernel.shape) != 4 else f"{kind} {_times(kernel.shape[:2])}"


def describe(levels):
    """Say in one line what a picture of these levels shows; it is stored inside the PNG."""
    return "; ".join(f"{level.kind} {_times(level.shape, 'x')}" for level in levels).replace("×", "x")


def _times(shape, sign=" × "):
    return sign.join(map(str, shape))


# ------------------------------------------------------------------------------------------ primitives
def _page(height):
    """Make a white page, 800 pixels wide, with the origin in its lower left corner."""
    figure = Figure(figsize=(WIDTH / 100, height / 100), dpi=DPI, facecolor="white")
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, WIDTH), ylim=(0, height))
    ax.set_axis_off()
    return figure, ax


def _tint(colour, strength):
    """Mix a colour with white, 0, or with itself, 1, or with black, 2."""
    end = np.ones(3) if strength <= 1 else np.zeros(3)
    share = strength if strength <= 1 else 2 - strength
    return tuple(share * np.array(to_rgb(colour)) + (1 - share) * end)


def _text(ax, x, y, text, size=12, colour=INK, ha="center", va="center", **style):
    ax.text(x, y, text, fontsize=size * POINT, color=colour, ha=ha, va=va, linespacing=1.35, **style)


def _arrow(ax, *points, colour=QUIET, line="-", head=True, width=1.3):
    """Draw an arrow along straight stretches with rounded corners."""
    points = np.array(points, float)
    vertices, codes = [points[0]], [Path.MOVETO]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        for neighbour in (before, after):
            away = neighbour - corner
            vertices.append(corner + away * min(10 / np.hypot(*away), 0.5))
        vertices.insert(-1, corner)
        codes += [Path.LINETO, Path.CURVE3, Path.CURVE3]
    path = Path([*vertices, points[-1]], [*codes, Path.LINETO])
    style = "-|>,head_length=4.5,head_width=2.4" if head else "-"
    ax.add_patch(
        FancyArrowPatch(
            path=path,
            arrowstyle=style,
            color=colour,
            linestyle=line,
            linewidth=width * POINT,
            capstyle="butt",
            joinstyle="miter",
            zorder=2,
        )
    )


def _size(shape):
    """Width, height and depth of a block on the page, for time, pitch and channels."""
    time, pitch, channels = shape
    return 3.2 * 32 * (time / 32) ** 0.8, 0.8 * 128 * (pitch / 128) ** 0.8, 1.3 * channels**0.5


def _block(ax, x, y, shape, colours, parts=None):
    """Draw a feature map whose front is centred at (x, y): time right, pitch up, channels away.

    ``parts`` are the channels of each colour, the front first. Returns the corners (left, right, bottom,
    top) of all that was drawn.
    """
    width, height, depth = _size(shape)
    parts = parts or [shape[2]]
    front = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * (width / 2, height / 2) + (x, y)
    begin = np.zeros(2)
    edge = {"edgecolor": "white", "linewidth": 0.8 * POINT, "joinstyle": "round", "zorder": 3}
    for colour, part in zip(colours, parts, strict=True):
        end = begin + DEPTH * depth * part / shape[2]
        side = [front[1] + begin, front[1] + end, front[2] + end, front[2] + begin]
        top = [front[3] + begin, front[2] + begin, front[2] + end, front[3] + end]
        ax.add_patch(Polygon(side, facecolor=_tint(colour, 1.25), **edge))
        ax.add_patch(Polygon(top, facecolor=_tint(colour, 0.75), **edge))
        begin = end
    ax.add_patch(Polygon(front, facecolor=_tint(colours[0], 1.0), **edge))
    return front[0, 0], front[1, 0] + end[0], front[0, 1], front[2, 1] + end[1]


def _sheets(ax, x, y, width, height, grid, voices=ALL_VOICES, gap=5):
    """Draw a pile of piano rolls, a sheet a voice, whose front is centred at (x, y)."""
    low, high = grid.min() - 3, grid.max() + 3
    voices = list(voices)
    for layer in reversed(range(len(voices))):
        left, bottom = np.array([x - width / 2, y - height / 2]) + DEPTH * gap * layer
        ax.add_patch(
            Rectangle(
                (left, bottom),
                width,
                height,
                facecolor="white",
                edgecolor="#888888",
                linewidth=POINT,
                zorder=3,
            )
        )
    left, bottom = x - width / 2, y - height / 2
    step, semitone = width / len(grid), height / (high - low)
    for line in range(4, len(grid), 4):
        ax.plot(
            [left + step * line] * 2, [bottom, bottom + height], color=FAINT, linewidth=0.7 * POINT, zorder=3
        )
    for voice in voices:
        for start, end, pitch in midi_utils.grid_to_notes(
            grid[:, voice], midi_utils.onsets_of(grid)[:, voice]
        ):
            corner = left + step * start + 0.6, bottom + semitone * (pitch - low - 0.8)
            note = Rectangle(
                corner,
                step * (end - start) - 1.2,
                1.6 * semitone,
                color=COLOURS[voice],
                linewidth=0,
                zorder=4,
            )
            ax.add_patch(note)


def _noise(ax, x, y, width, height, cells):
    """Draw noise as shades of grey."""
    shades = np.random.default_rng(0).standard_normal(cells)
    extent = (x - width / 2, x + width / 2, y - height / 2, y + height / 2)
    ax.imshow(shades, cmap="gray", vmin=-3.5, vmax=2.5, extent=extent, aspect="auto", zorder=4)
    ax.add_patch(
        Rectangle(
            (extent[0], extent[2]), width, height, fill=False, edgecolor="#888888", linewidth=POINT, zorder=5
        )
    )


# -------------------------------------------------------------------------------------------- pictures
def draw_generator(levels, grid):
    """Draw the U-Net: down on the left, noise at the bottom, up on the right, bridges between."""
    encoder_colour, decoder_colour = _tint(GENERATOR, 0.45), GENERATOR
    noise = next(i for i, level in enumerate(levels) if level.name == "noise")
    merges = [i for i, level in enumerate(levels) if level.kind == "Concatenate"]
    bottom, *joins = merges
    down = levels[:noise]
    rows = {}
    y = 548
    for level in down:
        _, height, depth = _size(level.shape)
        y -= height / 2 + DEPTH[1] * depth
        rows[level.shape[:2]] = y
        y -= height / 2 + 36
    figure, ax = _page(610)
    return figure
