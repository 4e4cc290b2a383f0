"""From the network's probabilities to notes: the network proposes, voice leading disposes.

The network judges each sixteenth and each voice by itself; musicians hear beats, phrases and lines. So the
search first decides the notes of all voices on the beats (:mod:`.sonorities`), then what happens between
them (:mod:`.between`). Both are Viterbi searches for the least sum of improbability and of the prices of
:class:`.prices.Costs`. Whatever the user wrote stays: whole voices, bars, single notes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..music.grid import REST, STEPS_PER_BEAT
from .between import SLOTS, fill_beats
from .prices import Costs
from .sonorities import Beats, decide_beats
from .wanted import make_likelier

FLOOR = 1e-4  # how likely every pitch is at least: networks are surer than they have reason to be
# How much the sixteenths of a beat say about its notes. Of some that were tried these name Bach's best.
WEIGHTS = (0.4, 0.3, 0.2, 0.1)


class Slots(NamedTuple):
    """Where the sixteenths of the beats lie.

    Attributes
    ----------
    beat, slot : int array [step]
        The beat that each step belongs to, and which sixteenth of it the step is, 0..3.
    first : int array [beat]
        The step where each beat begins.
    at : int array [beat, slot=4]
        The last step of each slot, or the step of the slot before where a beat has none.
    lacking : bool array [beat, slot=4]
        Where it has none.
    """

    beat: np.ndarray
    slot: np.ndarray
    first: np.ndarray
    at: np.ndarray
    lacking: np.ndarray


def decode(
    probability,
    given,
    costs=None,
    phase=None,
    tune=0,
    phrase_ends=(),
    key=None,
    bars=(),
    whole=False,
    chords=None,
):
    """Find the cheapest notes for what the user left open.

    Parameters
    ----------
    probability : float array [step, voice, pitch=128]
        Of all voices from the top, two to eight; ignored where a note is given.
    given : int array [step, voice]
        The MIDI pitch that the user wrote, or REST where the search decides. A rest in a part that is kept
        is to be filled beforehand. What is given may lie outside the range of its voice and may cross others.
    costs : Costs, optional
    phase : int array [step], optional
        Which sixteenth of a beat each step is, 0..3; by default the song begins with a beat and has
        four in each.
    tune : int
        Which voice is the melody. As a rule it is given.
    phrase_ends : int array [phrase, 2]
        The steps where the last note of each phrase begins in the melody, and where it ends.
    key : (int, {"major", "minor"}), optional
        The tonic's pitch class and the mode. Without it, what depends on the key has no price.
    bars : int array [bar]
        The steps where bars begin.
    whole : bool
        Whether the music begins and ends its song, so that the voices should begin and end on the tonic.
    chords : WantedChords, optional
        The chords that the user wants, one a step; those on the beats count.

    Returns
    -------
    grid : int8 array [step, voice]
        What is given, and between it notes within the ranges of :func:`.theory.voice_ranges`; only what is
        given may be held to the end of its beat outside them.
    price : float
        Of the path, per step.
    """
    costs = costs or Costs()
    given = np.asarray(given, np.int64)
    free = given == REST
    probability = np.where(free[..., None], np.asarray(probability, np.float32), np.float32(0))
    beats, slots = lay_out_beats(given, phase, tune, phrase_ends, key, bars, whole, chords)
    if beats.wanted:
        probability = make_likelier(probability, chords)
    chosen, price = decide_beats(_log(_pool(probability, free, slots)), beats, costs)
    between = _log(probability[slots.at])
    between[slots.lacking] = 0
    between[~free[slots.at]] = 0
    closed = beats.phrase_end | beats.lingers | slots.lacking[:, SLOTS // 2 :].all(axis=1)
    filled, more = fill_beats(chosen, between, given[slots.at], closed, costs, tune, beats.wanted, key)
    # Of the steps of a triplet's slot the last one is known: what is given there alone does not begin before.
    early = free & ~free[slots.at[slots.beat, slots.slot]]
    slot = slots.slot[:, None] - early
    grid = np.where(free, filled[slots.beat[:, None], slot, np.arange(given.shape[1])], given)
    return grid.astype(np.int8), float((price + more) / len(given))


def give_line(probability, line, place=0):
    """Give the search one voice wholly, among others of which nothing is given.

    Parameters
    ----------
    probability : float array [step, voice, pitch=128]
        Of the others, from the top.
    line : int array [step]
    place : int
        How many of the others lie above it.

    Returns
    -------
    probability : float array [step, voice + 1, pitch=128]
    given : int array [step, voice + 1]
        The first two arguments of :func:`decode`.
    """
    given = np.full((len(line), 1 + probability.shape[1]), REST)
    given[:, place] = line
    return np.insert(probability, place, 0, axis=1), given


def lay_out_beats(given, phase=None, tune=0, phrase_ends=(), key=None, bars=(), whole=False, chords=None):
    """Divide a song into beats and tell what is known of each: Beats and Slots. Parameters as of `decode`."""
    given = np.asarray(given)
    phase = np.arange(len(given)) % STEPS_PER_BEAT if phase is None else phase
    chords = chords if chords and chords.closeness > 0 else None
    wishes = given if chords is None else np.column_stack([given, *chords[:3]])
    start, slot, ends, lingers = find_beats(phase, phrase_ends, wishes)
    first, beat = np.flatnonzero(start), np.cumsum(start) - 1
    at, lacking = steps_of_slots(beat, slot)
    number = np.arange(len(first))
    beats = Beats(
        given=given[first],
        half=given[at[:, SLOTS // 2]],
        late=given[at[:, -1]],
        phrase_end=np.isin(first, ends),
        downbeat=np.isin(first, bars),
        lingers=np.isin(first, lingers),
        opens=(number == 0) & whole,
        closes=(number == len(first) - 1) & whole,
        key=key,
        tune=tune,
        wanted=chords and chords.part(first),
    )
    return beats, Slots(beat, slot, first, at, lacking)


def _log(probability):
    return np.log(np.maximum(probability, FLOOR))


def _pool(probability, free, slots):
    """Average the probabilities over the free steps of each beat: float32 [beat, voice, pitch]."""
    weight = np.take(WEIGHTS, slots.slot).astype(np.float32)[:, None] * free
    pooled = np.add.reduceat(weight[..., None] * probability, slots.first, axis=0)
    total = np.add.reduceat(weight, slots.first, axis=0)
    return pooled / np.where(total > 0, total, 1)[..., None]


def find_beats(phase, phrase_ends, wishes):
    """Divide steps into beats. The last note of a phrase is one, however long, if all that is given rests.

    Parameters
    ----------
    phase : int array [step]
    phrase_ends : int array [phrase, 2]
        As for :func:`decode`.
    wishes : int array [step, any]
        All that is given. Where it changes during the last note of a phrase, its beats stay apart, so that
        the search hears how the other voices go with it.

    Returns
    -------
    start : bool array [step]
        Where beats begin.
    slot : int array [step]
        Which sixteenth of its beat each step is, 0..3; 0 throughout a last note that is one beat.
    ends : list of int
        The steps where the beats begin that are ends of phrases.
    lingers : list of int
        Those of the beats that the last notes of phrases go on in.
    """
    start, slot, ends, lingers = np.asarray(phase) == 0, np.array(phase), [], []
    start[0], slot[0] = True, 0
    for begin, end in phrase_ends:
        inside = begin + np.flatnonzero(start[begin:end])
        if len(inside):  # else it is shorter than a beat, and within one
            if (wishes[inside[0] : end] == wishes[inside[0]]).all():
                start[inside[0] + 1 : end] = False
                slot[inside[0] : end] = 0
            else:
                lingers.extend(inside[1:])
            ends.append(inside[0])
            if end < len(start):
                start[end], slot[end] = True, 0
    return start, slot, ends, lingers


def steps_of_slots(beat, slot):
    """List the steps of the sixteenths of each beat.

    Parameters
    ----------
    beat, slot : int array [step]

    Returns
    -------
    at : int array [beat, slot=4]
    lacking : bool array [beat, slot=4]
        As of :class:`Slots`.
    """
    at = np.full((beat[-1] + 1, SLOTS), -1)
    at[beat, slot] = np.arange(len(beat))
    return np.maximum.accumulate(at, axis=1), at < 0
