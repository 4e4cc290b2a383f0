"""The register of each voice: the pitches that the networks see of it, with silence around them.

A bass sings two octaves below the melody. In a picture of all pitches a network has to carry what it finds
in the melody over two dozen rows. Draw the bass two octaves higher, as a choir's score writes the tenor one
octave higher, and the notes that go together stand side by side. Then few rows are needed as well.
"""

from __future__ import annotations

import numpy as np

from .grid import PITCHES, REST
from .theory import OCTAVE

ROWS_PER_CELL = 16  # that four halvings unite in one cell of the networks' smallest map


def all_pitches(tracks):
    """Give every voice all pitches: a list of ranges, one a voice."""
    return [range(PITCHES)] * tracks


def histogram(grid):
    """Count the steps at which each voice sings each pitch.

    Parameters
    ----------
    grid : int array [..., voice]
        Pitches, -1 = rest.

    Returns
    -------
    int array [voice, pitch=128]
    """
    voices = np.moveaxis(grid, -1, 0).reshape(grid.shape[-1], -1)
    return np.stack([np.bincount(voice[voice != REST], minlength=PITCHES) for voice in voices])


def find_registers(sung, below=0, above=0):
    """Find the register of each voice: as many pitches for all, whole octaves apart.

    Parameters
    ----------
    sung : int array [voice, pitch=128]
        How often, as :func:`histogram` counts.
    below, above : int
        Semitones that the voices may be moved by, down and up.

    Returns
    -------
    list of range
        One a voice, each a multiple of 16 long; together with their octaves they hold all that is sung. A
        voice stands as many octaves below the first one as its mean is nearest to. All pitches, if so
        many rows are needed, or if a voice only rests.
    """
    if not sung.any(axis=1).all():
        return all_pitches(len(sung))
    means = sung @ np.arange(PITCHES) / sung.sum(axis=1)
    shifts = [OCTAVE * round((means[0] - mean) / OCTAVE) for mean in means]
    raised = [np.flatnonzero(voice) + shift for voice, shift in zip(sung, shifts, strict=True)]
    lowest = int(min(voice[0] for voice in raised)) - below
    highest = int(max(voice[-1] for voice in raised)) + above
    count = -(-(highest + 1 - lowest) // ROWS_PER_CELL) * ROWS_PER_CELL
    lowest -= (count - (highest + 1 - lowest)) // 2
    registers = [range(lowest - shift, lowest - shift + count) for shift in shifts]
    fit = all(register.start >= 0 and register.stop <= PITCHES for register in registers)
    return registers if fit else all_pitches(len(sung))
