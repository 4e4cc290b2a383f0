"""The pitches that the networks see: all, or those which are sung, with silence around them."""

from __future__ import annotations

from ..music.grid import PITCHES
from ..music.theory import OCTAVE
from .layers import CropPitches, PadPitches

PITCHES_PER_CELL = 16  # that four halvings unite in one cell of the smallest map


def enclose(lowest, highest):
    """Find the pitches that networks need for music between two bounds.

    Parameters
    ----------
    lowest, highest : int
        The lowest and the highest pitch that is sung.

    Returns
    -------
    range
        From a C on, and a whole number of cells of the smallest map.
    """
    first = lowest // OCTAVE * OCTAVE
    count = -(-(highest + 1 - first) // PITCHES_PER_CELL) * PITCHES_PER_CELL
    first = min(first, PITCHES - count)
    return range(first, first + count)


def crop_pitches(inputs, pitches):
    """Let a network see some of the pitches only, or all: then nothing is added to it.

    Parameters
    ----------
    inputs : tensor [sample, step, pitch=128, channel]
    pitches : range
        Those to see.

    Returns
    -------
    tensor [sample, step, pitch, channel]
    """
    if len(pitches) == PITCHES:
        return inputs
    return CropPitches(pitches.start, len(pitches), dtype="float32")(inputs)


def crop_noise(noise, pitches):
    """Keep the noise of as many cells as the smallest map of a cropped network has, or all.

    Parameters
    ----------
    noise : tensor [sample, bar, cell=8, channel]
    pitches : range
        Those that the network sees.

    Returns
    -------
    tensor [sample, bar, cell, channel]
    """
    if len(pitches) == PITCHES:
        return noise
    return CropPitches(0, len(pitches) // PITCHES_PER_CELL, dtype="float32")(noise)


def pad_pitches(rolls, pitches):
    """Put silence around what a cropped network sings, or nothing where it sees all.

    Parameters
    ----------
    rolls : tensor [sample, step, pitch, track]
    pitches : range
        Those that it sees.

    Returns
    -------
    tensor [sample, step, pitch=128, track]
    """
    return rolls if len(pitches) == PITCHES else PadPitches(pitches.start, dtype="float32")(rolls)
