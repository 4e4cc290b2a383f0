"""How all pictures look, and how figures are made, stored and put into a page."""

from __future__ import annotations

import base64
import html
import io
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

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


class Picture(Figure):
    """A figure that says in words what it shows, wherever a notebook displays it.

    Attributes
    ----------
    alt : str
        What is drawn, and what to see in it.
    """

    alt = ""

    def _ipython_display_(self):
        """Show the figure; IPython calls this."""
        show_png(to_png(self), self.alt)


def new_figure(figsize, layout="constrained", alt=""):
    """Make a figure that pyplot does not know, so that a notebook shows it once.

    Parameters
    ----------
    figsize : (float, float)
        Inches.
    layout : str or None
        Of matplotlib.
    alt : str
        What it shows, for readers who cannot see it.

    Returns
    -------
    Picture
    """
    figure = Picture(figsize=figsize, dpi=DPI, layout=layout)
    figure.alt = alt
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
    """Write a PNG of even width and height, which a video needs, and the figure's words into it."""
    width, height = (2 * round(inches * DPI / 2) / DPI for inches in figure.get_size_inches())
    figure.set_size_inches(width, height)
    words = {"Description": figure.alt}
    return atomic_write(path, lambda name: figure.savefig(name, dpi=DPI, metadata=words))


def show_picture(path, width=None):
    """Show a PNG file in a page, with the words that were written into it.

    Parameters
    ----------
    path : str or Path
    width : int, optional
        Pixels; by default those of the picture.
    """
    from PIL import Image  # matplotlib stands on it

    with Image.open(path) as picture:
        alt = picture.info.get("Description", Path(path).stem)
    show_png(Path(path).read_bytes(), alt, width)


def show_png(png, alt, width=None):
    """Show a picture in a page, with words for readers who cannot see it."""
    from IPython.display import display

    data, metadata = png_outputs(png, alt, width)
    display(data, metadata=metadata, raw=True)


def png_outputs(png, alt, width=None):
    """Give what a page needs of a picture: data and metadata, by MIME type.

    JupyterLab reads no words from metadata, so it gets a piece of HTML; GitHub is sure to show a PNG.

    Parameters
    ----------
    png : bytes
    alt : str
    width : int, optional
        Pixels on the page; by default those of the picture.

    Returns
    -------
    dict, dict
    """
    own_width, own_height = (int.from_bytes(png[place : place + 4], "big") for place in (16, 20))
    width = width or own_width
    height = round(own_height * width / own_width)
    size = {"width": width, "height": height}
    data = {
        "text/html": embed_picture(png, "png", alt, width, height),
        "image/png": base64.b64encode(png).decode(),
        "text/plain": alt,
    }
    return data, {"image/png": {"alt": alt, **size}}


def embed_picture(picture, kind, label, width, height=None):
    """Put a picture inside the page, on white paper. With its height, the page does not jump."""
    source = f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"
    style = f"display:block; background:white; width:{width}px; max-width:100%; height:auto"
    size = f' width="{width}" height="{height}"' if height else ""
    return f'<img alt="{html.escape(label)}"{size} style="{style}" src="{source}">'
