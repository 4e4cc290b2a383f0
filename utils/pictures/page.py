"""What stands inside a page: players and scores."""

from __future__ import annotations

import base64
import html
from pathlib import Path

import numpy as np
from IPython.display import HTML

from ..music.grid import REST, STEPS_PER_BEAT
from ..songs.engrave import engrave, read_notes
from .rolls import draw_roll
from .style import embed_picture, to_png

SCORE_WIDTH = 1000  # pixels
BARS_SHOWN = 16
PLAYER_WIDTH = 420  # pixels: half of them are the bar to seek with


def playmidi(filename: str | Path, seconds: float | None = None) -> HTML:
    """Make a player for a MIDI file, with the sound inside the page.

    Parameters
    ----------
    filename : str or Path
    seconds : float, optional
        Play no more than that, and fade out.

    Returns
    -------
    IPython.display.HTML
        A labeled ``<audio>`` element that holds an MP3, as wide as the page.

    Raises
    ------
    FileNotFoundError
        No such file.
    ValueError
        Not a readable MIDI file.
    """
    return players({Path(filename).name: filename}, seconds)


def players(files: dict[str, str | Path], seconds: float | None = None) -> HTML:
    """Make players, to compare by ear: side by side where the page is wide enough.

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
    from ..songs.sound import SAMPLE_RATE, encode_mp3, render  # here: pictures need no sound

    sound = render(midi_path, seconds=seconds)
    clip = base64.b64encode(encode_mp3(sound)).decode()
    if seconds is not None and len(sound) >= round(seconds * SAMPLE_RATE):
        label = f"{label} (first {seconds:g} s)"
    label = html.escape(str(label))
    # Of a notebook that is not trusted yet Jupyter shows no aria-label; the title is the name then.
    return (
        f'<figure style="margin:0; flex:1 1 {PLAYER_WIDTH}px; max-width:100%">'
        f"<figcaption>{label}</figcaption>"
        f'<audio controls preload="metadata" title="{label}" aria-label="{label}" style="width:100%"'
        f' src="data:audio/mpeg;base64,{clip}"></audio>'
        "</figure>"
    )


def show_score(musicxml_path, layout="staves", bars=BARS_SHOWN, width=SCORE_WIDTH, label=None):
    """Show a score, engraved by verovio; without that package, its piano roll.

    Parameters
    ----------
    musicxml_path : str or Path
        As :func:`.write_musicxml` writes it.
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
        As :func:`.engrave`.
    """
    if label is None:
        total = len(read_notes(musicxml_path)[2]) - 1
        shown = f"{total} bars" if bars is None or total <= bars else f"the first {bars} of {total} bars"
        label = f"Score of {Path(musicxml_path).stem}, {shown}"
    try:
        pages = [page.encode() for page in engrave(musicxml_path, layout, width, bars)]
        kind = "svg+xml"
    except ImportError:
        pages, kind = [_roll_of_score(musicxml_path, bars)], "png"
    return HTML("".join(embed_picture(page, kind, label, width) for page in pages))


def _roll_of_score(musicxml_path, bars):
    """Draw a score as a piano roll: the bytes of a PNG."""
    names, parts, lines = read_notes(musicxml_path, bars)
    steps = max(1, round(lines[-1] * STEPS_PER_BEAT))
    grid = np.full((steps, len(parts)), REST)
    onset = np.zeros(grid.shape, bool)
    for voice, notes in enumerate(parts):
        for start, end, pitch in notes:
            first = min(round(start * STEPS_PER_BEAT), steps - 1)
            grid[first : max(round(end * STEPS_PER_BEAT), first + 1), voice] = pitch
            onset[first, voice] = True
    figure = draw_roll(grid, onset, names=names, bars=[round(line * STEPS_PER_BEAT) for line in lines])
    return to_png(figure)
