"""How phrases end and pieces begin: cadences, rest, the tonic."""

from __future__ import annotations

import numpy as np

from .beats import IS_DOMINANT, IS_LEADING, IS_MAJOR, IS_TRIAD, NONE, Chords, chords_of_beats
from .grid import REST, STEPS_PER_BEAT
from .theory import OCTAVE

CADENCES = ("authentic", "half", "plagal", "deceptive", "none")
AUTHENTIC, HALF, PLAGAL, DECEPTIVE, NO_CADENCE = range(len(CADENCES))


def measure_cadences(hearing):
    """Count how phrases end, and how the piece begins and ends.

    Parameters
    ----------
    hearing : Hearing

    Returns
    -------
    dict of str to (float, float)
        By measure, how many and of how many.
    """
    last = final_chords(hearing)
    cadence = name_cadences(hearing)
    (at_ends, elsewhere), (through_ends, _) = (moves_under_melody(hearing, late) for late in (False, True))
    begins, ends = _edges(hearing)
    home = [int(IS_TRIAD[c.kind] and c.root == c.bass == hearing.tonic) for c in (begins, ends)]
    minor = int(hearing.mode == "minor")
    phrases = len(cadence)
    in_root_position = IS_TRIAD[last.kind] & last.in_root_position
    return {
        "phrases end on a root-position triad": (in_root_position.sum(), phrases),
        "authentic cadences": ((cadence == AUTHENTIC).sum(), phrases),
        "half cadences": ((cadence == HALF).sum(), phrases),
        "no cadence": ((cadence == NO_CADENCE).sum(), phrases),
        "phrases end in major": (IS_MAJOR[last.kind].sum(), phrases),
        "voices move at phrase ends": (at_ends.sum(), len(at_ends)),
        "voices move at phrase ends, however late": (through_ends.sum(), len(through_ends)),
        "voices move elsewhere": (elsewhere.sum(), len(elsewhere)),
        "begins on the tonic": (home[0], 1),
        "ends on the tonic": (home[1], 1),
        "minor ends in major": (minor * int(IS_MAJOR[ends.kind]), minor),
    }


def final_chords(hearing):
    """Give the chord on the step where the last note of each phrase begins: Chords [phrase]."""
    return hearing.by_step.take(hearing.phrase_ends)


def name_cadences(hearing):
    """Name the cadence at each phrase end, in whatever key it is.

    Authentic: from V, V7 or vii° to a triad in root position. Half: to a major triad in root position, the
    key's V or what follows its own I, IV or ii. Plagal: IV to I of the piece. Deceptive: V to VI. The chord
    before is that of the last beat before, or what sounds last before the end.

    Parameters
    ----------
    hearing : Hearing

    Returns
    -------
    int array [phrase]
        Counted in ``CADENCES``.
    """
    last, ends = final_chords(hearing), hearing.phrase_ends
    candidates = _chords_before(hearing)
    authentic = np.zeros(len(ends), bool)
    other = Chords(*(np.full(len(ends), NONE) for _ in Chords._fields))
    for chord in candidates:
        above = (chord.root - last.root) % OCTAVE
        authentic |= (IS_DOMINANT[chord.kind] & (above == 7)) | (IS_LEADING[chord.kind] & (above == 11))
        differs = chord.found & (chord.root != last.root)
        other = Chords(*(np.where(differs, new, old) for new, old in zip(chord, other, strict=True)))
    above = np.where(other.found, (other.root - last.root) % OCTAVE, NONE)
    dominant, major = IS_DOMINANT[other.kind], IS_MAJOR[last.kind]
    fifth_of_key = last.root == (hearing.tonic + 7) % OCTAVE
    at_home = last.root == hearing.tonic
    follows = np.isin(above, (1, 2, 7, 10)) | ((above == 5) & ~at_home)
    half = major & (follows | (fifth_of_key & (above != NONE)))
    plagal = (above == 5) & at_home
    deceptive = dominant & np.where(major, above == 11, above == 10)
    cadence = np.select([authentic, half, plagal, deceptive], range(NO_CADENCE), NO_CADENCE)
    return np.where(IS_TRIAD[last.kind] & last.in_root_position, cadence, NO_CADENCE)


def _chords_before(hearing):
    """Give the chord of the last beat before each phrase end, and the one that sounds last before it."""
    steps, ends = hearing.by_step, hearing.phrase_ends
    beat = np.searchsorted(hearing.beats, ends) - 1
    of_beat = hearing.by_beat.take(np.maximum(beat, 0))
    latest = np.maximum.accumulate(np.where(steps.found, np.arange(len(steps.kind)), NONE))[ends - 1]
    sounding = steps.take(np.maximum(latest, 0))
    recent = (ends > 0) & (latest >= ends - STEPS_PER_BEAT)
    return (
        of_beat._replace(kind=np.where(beat >= 0, of_beat.kind, NONE)),
        sounding._replace(kind=np.where(recent, sounding.kind, NONE)),
    )


def moves_under_melody(hearing, late=False):
    """Tell whether a lower voice moves under each melody note of a beat or more.

    Parameters
    ----------
    hearing : Hearing
    late : bool
        Whether to look at the whole note, and not only at its first beat.

    Returns
    -------
    at_ends, elsewhere : bool array [note]
        Of the notes that end phrases, and of the others. To begin together with the melody is no motion
        under it, nor is to fall silent.
    """
    lower = hearing.grid[:, 1:]
    moved = (np.diff(lower, axis=0) != 0) & (lower[1:] != REST)
    so_far = np.append([0, 0], np.cumsum(moved.any(axis=1)))  # moves before each step, itself left out
    long = hearing.melody_end - hearing.melody_start >= STEPS_PER_BEAT
    start, end = hearing.melody_start[long], hearing.melody_end[long]
    moves = so_far[end if late else start + STEPS_PER_BEAT] > so_far[start + 1]
    last = np.isin(start, hearing.phrase_ends)
    return moves[last], moves[~last]


def _edges(hearing):
    """Give the first and the last chord that sound."""
    sounding = np.flatnonzero(hearing.by_step.bass != NONE)
    if not len(sounding):
        return (Chords(0, NONE, NONE, NONE),) * 2
    first = chords_of_beats(hearing.by_step, sounding[:1]).take(0)
    beats = np.flatnonzero(hearing.by_beat.bass != NONE)
    return first, hearing.by_beat.take(beats[-1]) if len(beats) else first
