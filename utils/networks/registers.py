"""Networks that see the register of each voice: crop at the entrance, silence behind the head."""

from __future__ import annotations

from ..music.grid import PITCHES
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
