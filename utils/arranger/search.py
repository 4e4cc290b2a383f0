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

LEAST_PROBABILITY = 1e-6
CREATIVITY = 0.49  # how far takes stray from the likeliest voices, see decode
# How much the sixteenths of a beat say about its notes. Of some that were tried these name Bach's best.
WEIGHTS = (0.4, 0.3, 0.2, 0.1)


def decode(
    probability,
    melody,
    costs=None,
    creativity=0.0,
    rng=None,
    phase=None,
    place=0,
    phrase_ends=(),
    key=None,
    bars=(),
):
    costs = costs or Costs()
    melody = np.asarray(melody, np.int64)
    steps, voices = np.shape(probability)[:2]
    phase = np.arange(steps) % STEPS_PER_BEAT if phase is None else np.asarray(phase)
    start, slot, ends = find_beats(phase, phrase_ends, steps)
    beat = np.cumsum(start) - 1
    first = np.flatnonzero(start)
    noise = np.zeros((len(first), voices, np.shape(probability)[2]), np.float32)
    if creativity > 0:
        noise = rng.gumbel(scale=creativity, size=noise.shape).astype(np.float32)
    weight = np.take(WEIGHTS, slot)
    probability = np.asarray(probability, np.float32)
    pooled = np.add.reduceat(weight[:, None, None] * probability, first, axis=0)
    pooled /= np.add.reduceat(weight, first)[:, None, None]
    pooled = np.log(np.maximum(pooled, LEAST_PROBABILITY))
    # [beat, slot]: the step, or the latest before where a beat has no such slot.
    at = np.full((len(first), SLOTS), -1)
    at[beat[::-1], slot[::-1]] = np.arange(steps)[::-1]
    lacking = at < 0
    at = np.maximum.accumulate(np.where(lacking, -1, at), axis=1)
    late = np.log(np.maximum(probability[at], LEAST_PROBABILITY)) + noise[:, None]
    late[lacking] = 0
    tune = melody[at]
    phrase_end = np.isin(first, ends)
    beats = Beats(tune[:, 0], tune[:, 2], phrase_end, np.isin(first, bars), key, place)
    chosen, price = decide_beats(pooled + noise, beats, costs)
    filled, more = fill_beats(chosen, late, tune, phrase_end, costs, place)
    grid = filled[beat, slot]
    grid[:, place] = melody
    lower = np.delete(grid, place, axis=1)
    grid = np.concatenate([melody[:, None], lower], axis=1).astype(np.int8)
    return grid, (price + more) / steps


def find_beats(phase, phrase_ends, steps):
    """Divide steps into beats. The last note of a phrase is one beat, however long it is.

    Returns
    -------
    start : bool array [step]
        Where beats begin.
    slot : int array [step]
        Which sixteenth of its beat each step is, 0..3; 0 throughout at the end of a phrase.
    ends : list of int
        Where the beats at ends of phrases begin.
    """
    start, slot, ends = np.asarray(phase) == 0, np.array(phase), []
    start[0] = True
    slot[0] = 0
    for begin, end in phrase_ends:
        inside = begin + np.flatnonzero(start[begin:end])
        if len(inside):
            start[inside[0] + 1 : end] = False
            slot[inside[0] : end] = 0
            ends.append(inside[0])
            if end < steps and not start[end]:
                start[end], slot[end] = True, 0
    return start, np.where(np.maximum.accumulate(start), slot, 0), ends
