"""What the measures count: notes, intervals, pitch classes.

Leading axes are pooled: all windows are counted together. A share of nothing is NaN.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .grid import PITCHES, REST
from .theory import FIFTH, OCTAVE, parallels, perfect_intervals


class NoteArrays(NamedTuple):
    """Notes in order of window, voice and time, one array each."""

    window: np.ndarray
    voice: np.ndarray
    start: np.ndarray  # in steps
    length: np.ndarray  # in steps
    pitch: np.ndarray


def as_windows(array):
    """Pool the leading axes: [window, step, voice]."""
    return array.reshape(int(np.prod(array.shape[:-2])), *array.shape[-2:])


def find_notes(grid, onset):
    """Find the notes of a grid.

    Parameters
    ----------
    grid : int [..., step, voice]
    onset : bool [..., step, voice]

    Returns
    -------
    NoteArrays

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    onset = np.asarray(onset, dtype=bool)
    if onset.shape != grid.shape:
        raise ValueError(f"the grid is {grid.shape} and its onsets {onset.shape}: they belong together")
    line, onset = as_windows(grid).swapaxes(1, 2), as_windows(onset).swapaxes(1, 2)
    before = np.roll(line, 1, axis=2)
    before[..., :1] = REST
    sounding = line != REST
    begins = sounding & (onset | (line != before))
    goes_on = np.roll(sounding & ~begins, -1, axis=2)  # step 0, which comes round last, always begins
    window, voice, start = np.nonzero(begins)
    last = np.nonzero(sounding & ~goes_on)[2]
    return NoteArrays(window, voice, start, last - start + 1, line[window, voice, start])


def find_intervals(notes):
    """List the voices and directed intervals between notes that follow each other without a rest."""
    follows = (
        (np.diff(notes.window) == 0)
        & (np.diff(notes.voice) == 0)
        & (notes.start[1:] == (notes.start + notes.length)[:-1])
    )
    return notes.voice[1:][follows], np.diff(notes.pitch)[follows]


def mark_pitch_classes(grid):
    """Mark the pitch class: int [..., voice, pitch class], all 0 for a rest."""
    sounds = (grid % OCTAVE)[..., None] == np.arange(12)
    return (sounds & (grid != REST)[..., None]).astype(int)


def fold_octaves(counts):
    """Add the octaves up: [..., pitch] to [..., pitch class]."""
    return counts @ np.eye(12, dtype=int)[np.arange(PITCHES) % 12]


def share(part, whole):
    """Divide; NaN where there is nothing to measure."""
    with np.errstate(invalid="ignore"):  # 0 / 0: nothing to measure
        return np.true_divide(part, whole)


def count_parallels(grid):
    """Count the parallel fifths, and the parallel octaves and unisons, of a grid: int [2]."""
    upper, lower = np.triu_indices(grid.shape[-1], 1)
    motion = np.diff(grid, axis=-2)
    interval = perfect_intervals(grid[..., upper], grid[..., lower])
    before, now = interval[..., :-1, :], interval[..., 1:, :]
    found = now[parallels(before, now, motion[..., upper], motion[..., lower])]
    return np.array([(found == FIFTH).sum(), (found != FIFTH).sum()])
