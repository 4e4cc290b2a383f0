"""What faults cost in the search, and rewards: in nats, found on Bach.

Every price is a unit of log-probability for each time that the search does what the price names. They were
fitted so that its arrangements do so as often as Bach (:mod:`pretrained.prices`). A negative one is a reward.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import lru_cache

import numpy as np

from ..music.beats import IS_DOMINANT, IS_LEADING, IS_MAJOR, IS_TRIAD, KINDS, NONE, SEVENTH_OF
from ..music.theory import OCTAVE

CHORD_CODES = OCTAVE * len(KINDS) + 1  # of kind and root, no chord last
MOTIONS = 2 * 128  # numbers for the semitones that a voice moves by
ROLES = 3
PLAIN, SEVENTH, SIX_FOUR = range(ROLES)  # what a note is in its chord, for where it goes from there
# Sizes of a move: none, steps, thirds, fourths and fifths, tritone, sixths, octave, any other.
SIZES = ((0,), (1, 2), (3, 4), (5, 7), (6,), (8, 9), (12,))
SIZE_OF = np.full(MOTIONS, len(SIZES))
for _size, _motions in enumerate(SIZES):
    for _motion in _motions:
        SIZE_OF[MOTIONS // 2 + _motion] = SIZE_OF[MOTIONS // 2 - _motion] = _size
BY_STEP = 0.3  # of the price of a stray 6/4: the bass may be passing
# What a note on the half of a beat is, by how the voice comes and goes.
SHAPES = ("held", "passing", "neighbor", "anticipation", "step then leap", "leap then step", "leaps")
HELD, PASSING, NEIGHBOR, ANTICIPATION, ESCAPE, APPROACH, LEAPS = range(len(SHAPES))


@dataclass(frozen=True)
class Costs:
    """The price of each fault, in nats; see the module."""

    # A sonority on a beat.
    trust: float = 0.7  # how much the improbability of its notes counts
    kinds: tuple[float, ...] = (
        -0.05,
        -0.26,
        -0.08,
        12.0,
        -0.38,
        0.15,
        0.06,
        0.12,
        -0.57,
        0.58,
        0.41,
        5.47,
        -0.84,
        -0.13,
        -0.32,
        0.87,
    )  # of chords in KINDS, none last
    inversions: tuple[float, ...] = (0.06, -0.01, -0.75, -0.55)  # root in the bass, third, fifth, seventh
    crossing: float = 1.0  # each pair of neighbors with the upper voice below the lower
    spacing: float = 1.0  # over an octave between neighbors, the lowest voice left out
    sweetness: float = 0.0  # times the consonance with the melody (-1..1, as in the PCS), each voice
    leading_tone: float = 0.86  # doubled in a dominant of the key
    minor_dominant: float = 2.2  # a minor chord on the fifth degree, in minor
    melody_clash: float = 0.0  # the melody's note on the half beat makes no chord with it
    opening: float = 9.0  # the first chord is not the tonic in root position
    closing: float = 30.0  # the last chord is not, where the melody lets it
    minor_ending: float = 12.0  # the last chord is minor
    phrase_end: float = 1.57  # a phrase ends on anything but a triad in root position
    cadence: tuple[float, ...] = (-0.47, 0.76, -2.76, 4.03, 1.77)  # by CADENCES
    # Where the user wants a chord, times how closely it is to be kept to:
    # Each voice with a note foreign to it, its third or root missing, voices that move to another one.
    given_chord: float = 4.0
    given_bass: float = 4.0  # another bass than wanted
    # From beat to beat.
    parallel: float = 1.57  # fifths, octaves or unisons that two voices reach together from the same
    inner_moves: tuple[float, ...] = (0.51, 0.34, 0.12, 0.84, 1.22, 1.41, 0.0, 0.66)  # by SIZES
    bass_moves: tuple[float, ...] = (0.28, 0.14, -0.15, 0.76, 0.85, 1.34, 0.42, 2.2)
    bass_stays: float = 0.45  # over a bar line
    contrary: float = -0.3  # outer voices in contrary motion
    seventh: float = 1.46  # of a chord, in a lower voice, that does not go down by step
    doubled_third: float = 1.22  # of a dominant that goes to its tonic
    stray_six_four: float = 12.0  # a leap of the bass to or from a 6/4 chord, by step a part
    restless: float = 3.0  # a voice that moves under the last note of a phrase, where another one is given
    roots: tuple[float, ...] = (
        -0.13,
        -0.07,
        0.03,
        -0.15,
        -0.18,
        0.01,
        -0.22,
        -0.5,
        0.12,
        0.15,
        -0.23,
        -0.51,
    )  # the root moves up by so many semitones
    # Between beats.
    trust_between: float = 0.1  # how much the improbability of each sixteenth counts
    wide: float = 6.68  # a move to or from a note on the half beat by over a fifth, octaves excepted
    inner_shapes: tuple[float, ...] = (0.33, -0.69, 0.2, 0.02, -0.05, 0.06, 0.22)  # by SHAPES
    bass_shapes: tuple[float, ...] = (-0.14, -1.71, -0.46, 0.06, -0.59, -0.26, -0.17)
    suspension: float = 0.0  # a voice holds its note into the beat and goes down by step on the half
    clash: float = 0.23  # the half beat makes no chord
    together: float = 0.33  # each voice but one that moves on a half beat
    late_leading_tone: float = 0.26  # doubled in a dominant of the key on the half beat
    crowd: float = 12.0  # parallels from step to step


FREE = Costs(
    **{name: (0.0,) * len(v) if isinstance(v, tuple) else 0.0 for name, v in asdict(Costs()).items()}
)  # nothing has a price, not even improbability


def without_prices():
    """Give the Costs of a search that goes by the network alone: Costs."""
    return replace(FREE, trust=1.0, trust_between=1.0)


def move_table(sizes, costs, lowest):
    """Price the moves of a voice from beat to beat, by what its notes are: float32 [now * before * motion].

    Parameters
    ----------
    sizes : tuple of float
        By ``SIZES``.
    costs : Costs
    lowest : bool
        Whether the voice is the bass, for which 6/4 chords count.
    """
    motion = np.arange(MOTIONS) - MOTIONS // 2
    table = np.zeros((2, ROLES, MOTIONS))  # [is a stray 6/4 now, what it is before, motion]
    table += np.asarray(sizes)[SIZE_OF]
    table[:, SEVENTH] += costs.seventh * ((motion != -1) & (motion != -2))
    if lowest:
        stray = costs.stray_six_four * six_four_moves(motion)
        table[:, SIX_FOUR] += stray
        table[1] += stray
    return table.astype(np.float32).ravel()


def six_four_moves(motion):
    """Weigh how the bass comes to a 6/4 chord or leaves it: held it is explained, by step perhaps."""
    return np.where(motion == 0, 0, np.where(np.abs(motion) <= 2, BY_STEP, 1))


@lru_cache(maxsize=8)  # all takes of a song ask for the same
def chord_table(costs):
    """Price the steps from chord to chord: float32 [before + CHORD_CODES if its third is doubled, now]."""
    before, now = np.meshgrid(np.arange(CHORD_CODES), np.arange(CHORD_CODES), indexing="ij")
    both = (before < CHORD_CODES - 1) & (now < CHORD_CODES - 1)
    up = (now - before) % OCTAVE
    table = np.where(both, np.asarray(costs.roots)[up], 0)
    resolves = both & IS_DOMINANT[before // OCTAVE] & (up == 5)
    return np.concatenate([table, table + costs.doubled_third * resolves]).astype(np.float32)


@lru_cache(maxsize=8)
def cadence_table(costs, key):
    """Price the last step of a phrase, by ``CADENCES``: float32 [before (twice), now]."""
    before, now = np.meshgrid(np.arange(CHORD_CODES), np.arange(CHORD_CODES), indexing="ij")
    kind, goal = before // OCTAVE, now // OCTAVE
    above = (before - now) % OCTAVE  # the root before
    triad, major, known = IS_TRIAD[goal], IS_MAJOR[goal], before < CHORD_CODES - 1
    authentic = (IS_DOMINANT[kind] & (above == 7)) | (IS_LEADING[kind] & (above == 11))
    at_home = now % OCTAVE == key[0] if key else np.zeros_like(triad)
    fifth_of_key = now % OCTAVE == (key[0] + 7) % OCTAVE if key else np.zeros_like(triad)
    follows = np.isin(above, (1, 2, 7, 10)) | ((above == 5) & ~at_home)
    half = known & major & (follows | (fifth_of_key & (above != 0)))
    plagal = known & at_home & (above == 5)
    deceptive = IS_DOMINANT[kind] & np.where(major, above == 11, above == 10)
    cadence = np.select([~triad, authentic, half, plagal, deceptive], [4, 0, 1, 2, 3], 4)
    table = np.asarray(costs.cadence)[cadence]
    return np.concatenate([table, table]).astype(np.float32)


def seventh_of(kind, root):
    """Name the pitch class of the seventh of chords, NONE where there is none: int array."""
    above = SEVENTH_OF[kind]
    return np.where(above > 0, (root + above) % OCTAVE, NONE)
