"""Whole chorales, with their pickups and phrases: what a musician hears of whoever sets voices to them."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np

from ..arranger.proposals import CREATIVITY
from ..arranger.takes import harmonize_takes
from ..corpus.pieces import load_chorales
from ..corpus.windows import window_starts
from ..music.grid import STEPS_PER_BAR, STEPS_PER_BEAT, STEPS_PER_WINDOW
from ..music.meter import Bar
from ..music.musician import measure_musically
from ..songs.melody import Melody
from ..songs.song import DEFAULT_TEMPO, SCORE_TICKS, Key
from ..songs.write_midi import grid_to_ticks
from .rows import CORPUS


def load_whole_songs(split, path=CORPUS):
    """Read the chorales that :func:`.load_songs` cuts into windows, whole: dict of str to Chorale."""
    return {c.name: c for c in load_chorales(path, split) if window_starts(c)}


def measure_whole(grids, chorales):
    """Count what a musician hears in what somebody set to whole chorales.

    Parameters
    ----------
    grids : list of int array [step, voice=4]
    chorales : list of Chorale

    Returns
    -------
    dict of str to float [song, 2]
        How many and of how many, see :func:`.measure_musically`.
    """
    counts = [
        measure_musically(grid, c.onset, c.bars, c.tonic, c.mode, c.phrase_ends)
        for grid, c in zip(grids, chorales, strict=True)
    ]
    return {name: np.array([count[name] for count in counts]) for name in (counts[0] if counts else ())}


def in_windows(answer, chorales):
    """Let somebody answer who knows only whole windows.

    Parameters
    ----------
    answer : callable
        From a list of songs, as in :mod:`.rows`, to a list of their grids.
    chorales : list of Chorale

    Returns
    -------
    list of int array [step, voice=4]
        As long as the chorales. For the answer, the first chord began with the bar of the pickup, and the
        last one was held until the window was full.
    """
    padded, begins = [], []
    for chorale in chorales:
        begin = -int(chorale.bars[0]) % STEPS_PER_BAR
        rest = -(begin + len(chorale.grid)) % STEPS_PER_WINDOW
        padded.append(np.pad(chorale.grid, ((begin, rest), (0, 0)), mode="edge"))
        begins.append(begin)
    return [
        grid[begin : begin + len(chorale.grid)]
        for grid, begin, chorale in zip(answer(padded), begins, chorales, strict=True)
    ]


def melody_of(chorale):
    """Take the soprano of a chorale as a user's score would bring it, fermatas too.

    Parameters
    ----------
    chorale : Chorale

    Returns
    -------
    Melody
    """
    line, struck = chorale.grid[:, 0], chorale.onset[:, 0]
    edges = np.unique([0, *chorale.bars[chorale.bars < len(line)].tolist(), len(line)]).tolist()
    bars = tuple(
        Bar(Fraction(start, STEPS_PER_BEAT), Fraction(end, STEPS_PER_BEAT), 4, 4)
        for start, end in pairwise(edges)
    )
    return Melody(
        grid=line,
        onset=struck,
        tempo=DEFAULT_TEMPO,
        notes=tuple(grid_to_ticks(line, struck, SCORE_TICKS)),
        ticks_per_beat=SCORE_TICKS,
        conductor=(),
        track="Soprano",
        program=0,
        pickup=Fraction(int(chorale.bars[0]), STEPS_PER_BEAT),
        keys=(Key(Fraction(0), chorale.sharps),),
        bars=bars,
        title=chorale.name,
        phrase_ends=tuple(chorale.phrase_ends.tolist()),
    )


def arrange_whole(generator, critic, chorales, takes, seed=0, creativity=CREATIVITY):
    """Arrange the melodies of whole chorales as a user would get them.

    Parameters
    ----------
    generator : keras.Model
    critic : keras.Model or None
    chorales : list of Chorale
    takes, seed, creativity
        As for :func:`.harmonize_takes`.

    Returns
    -------
    list of lists of Arrangement
        By chorale the takes, the one that is delivered first.
    """
    return [
        harmonize_takes(melody_of(chorale), takes, seed, creativity, generator, critic)
        for chorale in chorales
    ]
