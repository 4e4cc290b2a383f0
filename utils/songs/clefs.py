"""Which clef a part is written in."""

from __future__ import annotations

import re

import numpy as np

CLEFS = {  # sign, line, and by how many octaves the notes sound higher than the plain clef says
    "treble 8va": ("G", 2, 1),
    "treble": ("G", 2, 0),
    "treble 8vb": ("G", 2, -1),
    "bass": ("F", 4, 0),
    "bass 8vb": ("F", 4, -1),
}
# Medians beyond which a part would live on two ledger lines and more, such as a piccolo's or a double bass's.
VERY_HIGH, VERY_LOW = 84, 38
LOWEST_IN_TREBLE = 57
LOWEST_OF_ALL_IN_TREBLE = 60  # a lowest part reads a bass clef also where it is as high as tenors
SILENT = 71  # what a part without notes is taken for
TENOR = re.compile(r"(t|ten\.?|t[eé]nore?s?|tenöre)[ .]*[\dI]*", re.IGNORECASE)
UPPER_VOICE = re.compile(r"(s|a|sopran[oe]?s?|alto?s?|tiple|contralto)[ .]*[\dI]*", re.IGNORECASE)


def choose_clef(pitches, name="", lowest=False, plain=False):
    """Choose the clef of a part.

    Tenors read a treble clef an octave lower, sopranos and altos a treble clef; nobody else is given one
    of these by name. For others the middle of their notes decides.

    Parameters
    ----------
    pitches : sequence of int
    name : str
        Of the part.
    lowest : bool
        Whether the part is the lowest of several.
    plain : bool
        Only a plain treble or bass clef.

    Returns
    -------
    str
        A name of ``CLEFS``.
    """
    median = np.median(pitches) if len(pitches) else SILENT
    if not plain:
        if median >= VERY_HIGH:
            return "treble 8va"
        if median < VERY_LOW:
            return "bass 8vb"
        if TENOR.fullmatch(name.strip()):
            return "treble 8vb"
        if UPPER_VOICE.fullmatch(name.strip()):
            return "treble"
    return "treble" if median >= (LOWEST_OF_ALL_IN_TREBLE if lowest else LOWEST_IN_TREBLE) else "bass"
