"""Whether a tune would fit its bars better if it began with a pickup."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ..music.grid import STEPS_PER_BEAT
from ..music.meter import beat_length

FEWEST_NOTES = 12
LONGEST_BAR = 16  # quarter notes
# How far a note in that place of a bar carries the meter, and the most beats that count of a note.
DOWNBEAT, HALF_BAR, BEAT, LONGEST = 1.0, 0.5, 0.25, 3
# By so much more of the notes' time must begin on accents. Of 138 chorales and folk songs with a pickup that
# were written without it this finds 61, in 13 another one, and of 61 tunes without a pickup it suspects none.
CLEARLY = 0.15


def guess_pickup(notes, meters, ticks_per_beat):
    """Find a pickup with which long notes would begin on accents far more often.

    Long notes are where listeners hear accents (Povel and Essens 1985, "Perception of temporal patterns").

    Parameters
    ----------
    notes : sequence of Note
        Of one line.
    meters : sequence of Meter
    ticks_per_beat : int

    Returns
    -------
    Fraction or None
        Quarter notes; None if the bars as they are do as well, or if there is too little to go by.
    """
    if len(notes) < FEWEST_NOTES or len(meters) != 1 or notes[0].start >= ticks_per_beat:
        return None  # a rest before the tune fills the bar of its pickup
    _, over, under = meters[0]
    bar, beat = Fraction(4 * over, under), beat_length(over, under)
    if bar > LONGEST_BAR:
        return None
    half = Fraction(1, 2) if over % 3 or beat.denominator > 1 else None  # 3/4 has no middle
    start = np.round(STEPS_PER_BEAT * np.array([note.start for note in notes]) / ticks_per_beat)
    end = STEPS_PER_BEAT * notes[-1].end / ticks_per_beat
    weight = np.clip(np.diff(start, append=end), 0, float(LONGEST * beat * STEPS_PER_BEAT))
    if not weight.any():
        return None

    def accented(pickup):
        in_bar = (start / STEPS_PER_BEAT - float(pickup)) % float(bar)
        accents = DOWNBEAT * (in_bar == 0) + BEAT * (in_bar % float(beat) == 0)
        if half:
            accents += HALF_BAR * (in_bar == float(half * bar))
        return weight @ accents / weight.sum()

    unit = Fraction(1, 2)
    pickups = [unit * place for place in range(int(bar / unit))]
    best = max(pickups, key=accented, default=None)
    return best if best and accented(best) > accented(0) + CLEARLY else None
