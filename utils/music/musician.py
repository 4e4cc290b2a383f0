"""What a musician hears: phrases, chords and lines of a whole piece, counted.

What each measure says of Bach's own chorales is held by ``tests/test_musician.py``.
"""

from __future__ import annotations

import numpy as np

from .cadences import measure_cadences
from .counting import share
from .harmony import measure_harmony
from .hearing import hear
from .lines import measure_lines


def measure_musically(grid, onset, bars, tonic, mode, phrase_ends=()):
    """Count all that a musician hears in a whole piece.

    Parameters
    ----------
    grid : int array [step, voice]
        MIDI pitches, -1 = rest; voice 0 is the melody, the last one the bass. With its pickup.
    onset : bool array [step, voice]
    bars : int array [bar]
        The steps where full bars begin.
    tonic, mode
        The key of the piece: pitch class 0..11, "major" or "minor".
    phrase_ends : int array [phrase]
        The steps where the last notes of phrases begin in the melody.

    Returns
    -------
    dict of str to (float, float)
        By measure, how many and of how many. They add up over pieces, see :func:`pool`. Nothing to measure
        is 0 of 0.

    Raises
    ------
    ValueError
        As for :func:`.hear`.
    """
    hearing = hear(grid, onset, bars, tonic, mode, phrase_ends)
    counted = measure_cadences(hearing) | measure_harmony(hearing) | measure_lines(hearing)
    return {name: (float(part), float(whole)) for name, (part, whole) in counted.items()}


def pool(counts):
    """Sum up the counts of some pieces: all events over all occasions, so that long pieces count for more.

    Parameters
    ----------
    counts : sequence of dict of str to (float, float)
        Of :func:`measure_musically`.

    Returns
    -------
    dict of str to float
        NaN where there is nothing to measure.
    """
    names = dict.fromkeys(name for piece in counts for name in piece)
    sums = {name: np.sum([piece[name] for piece in counts if name in piece], axis=0) for name in names}
    return {name: float(share(part, whole)) for name, (part, whole) in sums.items()}
