"""How all pictures look, and how figures are made, stored and put into a page."""

from __future__ import annotations

import base64
import html
import io

import matplotlib as mpl
import matplotlib.pyplot as plt

from ..path_utils import atomic_write

# Okabe and Ito 2008, "Color Universal Design": color-blind readers can tell them apart, too. And a gray.
COLORS = ("#D55E00", "#009E73", "#0072B2", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442", "#999999")
INK = "#222222"
FAINT = "#DDDDDD"
DPI = 100
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
styled = mpl.rc_context(STYLE)


def new_figure(figsize, layout="constrained"):
    """Open a figure and close it at once: it can be drawn, saved and shown, but pyplot forgets it.

    It is made through pyplot because Jupyter learns to show figures only when pyplot makes the first.
    """
    figure = plt.figure(figsize=figsize, dpi=DPI, layout=layout)
    plt.close(figure)
    return figure


def figure_and_axes(ax, figsize):
    """Give the axes to draw into, and the figure to hand back if they had to be made."""
    if ax is not None:
        return None, ax
    figure = new_figure(figsize)
    return figure, figure.subplots()


@styled
def to_png(figure):
    """Give the bytes of a picture."""
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=DPI)
    return picture.getvalue()


@styled
def save_png(figure, path):
    """Write a PNG of even width and height, which a video needs."""
    width, height = (2 * round(inches * DPI / 2) / DPI for inches in figure.get_size_inches())
    figure.set_size_inches(width, height)
    return atomic_write(path, lambda name: figure.savefig(name, dpi=DPI))


def embed_picture(picture, kind, label, width):
    """Put a picture inside the page, on white paper."""
    source = f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"
    style = f"display:block; background:white; width:{width}px; max-width:100%"
    return f'<img alt="{html.escape(label)}" style="{style}" src="{source}">'
