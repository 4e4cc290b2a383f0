"""From the network's probabilities to four voices: the network proposes, voice leading disposes.

The network judges each sixteenth and each voice by itself; musicians hear beats, phrases and lines. So the
search first decides the notes of all voices on the beats (:mod:`.sonorities`), then what happens between
them (:mod:`.between`). Both are Viterbi searches for the least sum of improbability and of the prices of
:class:`.prices.Costs`.
"""

from __future__ import annotations

import numpy as np

from ..music.grid import STEPS_PER_BEAT
from .between import SLOTS, fill_beats
from .prices import Costs
from .sonorities import Beats, decide_beats

FLOOR = 1e-4  # how likely every pitch is at least: networks are surer than they have reason to be
# How much the sixteenths of a beat say about its notes. Of some that were tried these name Bach's best.
WEIGHTS = (0.4, 0.3, 0.2, 0.1)


def decode(
    probability,
    melody,
    costs=None,
    phase=None,
    place=0,
    phrase_ends=(),
    key=None,
    bars=(),
    whole=False,
):
    """Find the cheapest other voices for a melody.

    Parameters
    ----------
    probability : float array [step, voice, pitch=128]
        Of the voices below the melody, from the top; one to seven.
    melody : int array [step]
        MIDI pitches, without rests.
    costs : Costs, optional
    phase : int array [step], optional
        Which sixteenth of a beat each step is, 0..3; by default the song begins with a beat and has
        four in each.
    place : int
        Which voice the melody is, counted from the top; so many of the others lie above it.
    phrase_ends : int array [phrase, 2]
        The steps where the last note of each phrase begins in the melody, and where it ends.
    key : (int, {"major", "minor"}), optional
        The tonic's pitch class and the mode. Without it, what depends on the key has no price.
    bars : int array [bar]
        The steps where bars begin.
    whole : bool
        Whether the melody begins and ends its song, so that the voices should begin and end on the tonic.

    Returns
    -------
    grid : int8 array [step, voice + 1]
        The melody and the other voices, each within its range in :func:`.theory.voice_ranges`.
    price : float
        Of the path, per step.
    """
    costs = costs or Costs()
    melody = np.asarray(melody, np.int64)
    probability = np.asarray(probability, np.float32)
    steps = len(melody)
    phase = np.arange(steps) % STEPS_PER_BEAT if phase is None else np.asarray(phase)
    start, slot, ends = find_beats(phase, phrase_ends)
    first, beat = np.flatnonzero(start), np.cumsum(start) - 1
    at, lacking = steps_of_slots(beat, slot)
    tune = melody[at]
    number = np.arange(len(first))
    opens, closes = (number == 0) & whole, (number == len(first) - 1) & whole
    beats = Beats(
        tune[:, 0], tune[:, 2], np.isin(first, ends), np.isin(first, bars), opens, closes, key, place
    )
    chosen, price = decide_beats(_log(_pool(probability, slot, first)), beats, costs)
    between = _log(probability[at])
    between[lacking] = 0
    filled, more = fill_beats(chosen, between, tune, beats.phrase_end, costs, place)
    lower = np.delete(filled[beat, slot], place, axis=1)
    return np.column_stack([melody, lower]).astype(np.int8), float((price + more) / steps)


def _log(probability):
    return np.log(np.maximum(probability, FLOOR))


def _pool(probability, slot, first):
    """Average the probabilities over the steps of each beat: float32 [beat, voice, pitch]."""
    weight = np.take(WEIGHTS, slot).astype(np.float32)
    pooled = np.add.reduceat(weight[:, None, None] * probability, first, axis=0)
    return pooled / np.add.reduceat(weight, first)[:, None, None]


def find_beats(phase, phrase_ends=()):
    """Divide steps into beats. The last note of a phrase is one beat, however long it is.

    Parameters
    ----------
    phase : int array [step]
    phrase_ends : int array [phrase, 2]
        As for :func:`decode`.

    Returns
    -------
    start : bool array [step]
        Where beats begin.
    slot : int array [step]
        Which sixteenth of its beat each step is, 0..3; 0 throughout at the end of a phrase.
    ends : list of int
        The steps where the beats begin that are ends of phrases.
    """
    start, slot, ends = np.asarray(phase) == 0, np.array(phase), []
    start[0], slot[0] = True, 0
    for begin, end in phrase_ends:
        inside = begin + np.flatnonzero(start[begin:end])
        if len(inside):  # else it is shorter than a beat, and within one
            begin = inside[0]
            start[begin + 1 : end] = False
            slot[begin:end] = 0
            ends.append(begin)
            if end < len(start):
                start[end], slot[end] = True, 0
    return start, slot, ends


def steps_of_slots(beat, slot):
    """List the steps of the sixteenths of each beat.

    Parameters
    ----------
    beat, slot : int array [step]

    Returns
    -------
    int array [beat, slot=4]
        The first step of each, or the step of the slot before where a beat has none.
    bool array [beat, slot=4]
        Where it has none.
    """
    at = np.full((beat[-1] + 1, SLOTS), -1)
    at[beat[::-1], slot[::-1]] = np.arange(len(beat))[::-1]
    return np.maximum.accumulate(at, axis=1), at < 0
