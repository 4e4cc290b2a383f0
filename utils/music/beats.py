"""What chord a beat has: harmony as a listener follows it, above the sixteenth notes."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from .grid import REST, STEPS_PER_BEAT, as_pitches
from .theory import CHORDS, OCTAVE

# Kinds of chords by their exact pitch classes above the root. The first are those of ``CHORDS``.
INCOMPLETE = {
    "major without fifth": (0, 4),
    "minor without fifth": (0, 3),
    "open fifth": (0, 7),
    "dominant seventh without fifth": (0, 4, 10),
    "minor seventh without fifth": (0, 3, 10),
    "major seventh without fifth": (0, 4, 11),
}
KINDS = CHORDS | INCOMPLETE
NAMES = tuple(KINDS)
NONE = -1  # the kind, root and bass of what is no chord
# Where a beat's chord is looked for: on the beat, on its half, then on the other sixteenths.
WHERE = (0, 2, 1, 3)


def _mark(*words, tones=()):
    """Mark the kinds whose tones include some: bool [kind + 1], False for no chord, which comes last."""
    return np.array([name in words or any(tone in KINDS[name] for tone in tones) for name in NAMES] + [False])


SEVENTH_OF = np.array([max([tone for tone in KINDS[name] if tone > 8] or [0]) for name in NAMES] + [0])
IS_SEVENTH = SEVENTH_OF > 0
IS_TRIAD = ~IS_SEVENTH
IS_TRIAD[-1] = False
IS_COMPLETE = np.array([name in CHORDS for name in NAMES] + [False])
HAS_THIRD = _mark(tones=(3, 4))
IS_MAJOR = _mark("major", "major without fifth")
IS_MINOR = _mark("minor", "minor without fifth")
IS_DOMINANT = IS_MAJOR | _mark("dominant seventh", "dominant seventh without fifth")
IS_LEADING = _mark("diminished", "half-diminished seventh", "diminished seventh")
IS_MINOR_OR_MINOR_SEVENTH = IS_MINOR | _mark("minor seventh", "minor seventh without fifth")


def _table():
    """Name every set of pitch classes above the bass, given as 12 bits: kind and root above the bass."""
    kind, root = np.full(1 << OCTAVE, NONE), np.full(1 << OCTAVE, NONE)
    for number, tones in reversed(list(enumerate(KINDS.values()))):
        for above in reversed(range(OCTAVE)):  # of a chord with several roots, the bass is the root
            bits = sum(1 << (above + tone) % OCTAVE for tone in tones)
            if bits & 1:
                kind[bits], root[bits] = number, above
    return kind, root


KIND_OF, ROOT_OF = _table()


class Chords(NamedTuple):
    """Chords, one array each. What is no chord has the kind and root ``NONE``, silence the bass ``NONE`` too.

    ``kind`` counts in ``NAMES``, ``root`` and ``bass`` are pitch classes. ``step`` is where the chord sounds.
    """

    step: np.ndarray
    kind: np.ndarray
    root: np.ndarray
    bass: np.ndarray

    @property
    def found(self):
        """Whether there is a chord: bool array."""
        return self.kind != NONE

    @property
    def in_root_position(self):
        """Whether the bass has the root: bool array."""
        return self.found & (self.root == self.bass)

    def take(self, index):
        """Pick some of them."""
        return Chords(*(array[index] for array in self))


def name_chords(grid):
    """Name the chord of each step by exactly what sounds, incomplete ones included.

    Parameters
    ----------
    grid : int array [step, voice]

    Returns
    -------
    Chords
        One a step. The chord is told from triads and sevenths, complete (``theory.CHORDS``) or
        incomplete (``INCOMPLETE``). Of augmented triads and diminished sevenths the bass is the root.
    """
    grid = as_pitches(grid)
    sounding = grid != REST
    lowest = np.where(sounding, grid, np.iinfo(int).max).min(axis=-1, initial=np.iinfo(int).max)
    silent = ~sounding.any(axis=-1)
    bass = np.where(silent, NONE, lowest % OCTAVE)
    tones = np.where(sounding, 1 << (grid - bass[:, None]) % OCTAVE, 0)
    bits = np.bitwise_or.reduce(tones, axis=-1)
    kind = KIND_OF[bits]
    root = np.where(kind == NONE, NONE, (ROOT_OF[bits] + bass) % OCTAVE)
    return Chords(np.arange(len(grid)), kind, root, bass)


def find_beats(steps, bars):
    """List the steps where beats begin, whole or cut short by the end: int array [beat].

    Parameters
    ----------
    steps : int
        Length of the piece.
    bars : int array [bar]
        Where bars begin. Each begins a beat; so does the piece, unless the first bar line comes within the
        first beat. Without bars, beats are counted from the beginning.
    """
    bars = np.asarray(bars, int)
    bars = bars[bars < steps]  # a score may end in bars of rests
    edges = np.concatenate([[bars[0] % STEPS_PER_BEAT if len(bars) else 0], bars, [steps]])
    beats = [np.arange(a, b, STEPS_PER_BEAT) for a, b in pairwise(edges)]
    return np.concatenate(beats)


def chords_of_beats(chords, beats):
    """Find the chord of each beat: that of its first step, else of its half, else of a step between.

    Parameters
    ----------
    chords : Chords
        One a step, of :func:`name_chords`.
    beats : int array [beat]
        Steps, ascending.

    Returns
    -------
    Chords
        One a beat. Of a beat without a chord, what sounds on its first step.
    """
    end = len(chords.kind)
    until = np.append(beats[1:], end)[: len(beats)]
    chosen = beats.copy()
    for place in reversed(WHERE):
        step = beats + place
        is_one = chords.found[np.minimum(step, end - 1)] & (step < until)
        chosen = np.where(is_one, step, chosen)
    return chords.take(chosen)
