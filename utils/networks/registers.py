"""Networks that see the register of each voice: crop at the entrance, silence behind the head."""

from __future__ import annotations

import keras

from ..music.grid import PITCHES
from ..music.registers import ROWS_PER_CELL
from .layers import CropPitches, PadPitches


def crop(inputs, registers):
    """Let a network see the registers only, or all pitches: then nothing is added to it.

    Parameters
    ----------
    inputs : tensor [sample, step, pitch=128, track]
    registers : list of range
        One a track.

    Returns
    -------
    tensor [sample, step, row, track]
    """
    if len(registers[0]) == PITCHES:
        return inputs
    return CropPitches([r.start for r in registers], len(registers[0]), dtype="float32")(inputs)


def crop_noise(noise, registers):
    """Keep the noise of as many cells as the smallest map has, or all of it.

    Parameters
    ----------
    noise : tensor [sample, bar, cell=8, channel]
    registers : list of range

    Returns
    -------
    tensor [sample, bar, cell, channel]
    """
    surplus = noise.shape[2] - len(registers[0]) // ROWS_PER_CELL
    return keras.layers.Cropping2D(((0, 0), (0, surplus)))(noise) if surplus else noise


def pad(rolls, registers):
    """Put every voice back where it sings, or leave it there if the network sees all pitches.

    Parameters
    ----------
    rolls : tensor [sample, step, row, track]
    registers : list of range

    Returns
    -------
    tensor [sample, step, pitch=128, track]
    """
    if len(registers[0]) == PITCHES:
        return rolls
    return PadPitches([r.start for r in registers], dtype="float32")(rolls)
