"""From the network's probabilities to four voices: the network proposes, voice leading disposes.

The network judges each step and voice by itself. Here the three lower voices of all steps are chosen
together: of all paths through their likeliest pitches, a Viterbi search finds the one whose
improbability plus the price of its faults in voice leading is least.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from utils.harmony_utils import CHORD_OF, CONSONANCE, FIFTH, NO_CHORD, OCTAVE, VOICE_RANGES
from utils.midi_utils import PITCHES, STEPS_PER_BEAT

LEAST_PROBABILITY = 1e-6
WHOLE_TONE = 2


@dataclass(frozen=True)
class Costs:
    """The price of a fault, in nats: what one unit of log-probability is worth.

    Found by a random search on the validation chorales (``pretrained/EXPERIMENTS.md``). A negative price
    is a reward: without one, the likeliest path moves less than Bach.
    """

    parallel: float = 6.0  # fifths, octaves or unisons that two voices reach together from the same
    crossing: float = 3.0  # a voice below the next lower one, per step
    sweetness: float = 0.14  # times the consonance with the melody (-1..1, as in the PCS), per voice and step
    spacing: float = 0.5  # over an octave between soprano and alto or alto and tenor, per step
    skip: float = 1.3  # a third or more
    leap: float = 1.25  # over a fifth, octaves excepted, besides
    move: tuple[float, ...] = (-0.2, 3.5, -0.85, 3.5)  # a new pitch, at each sixteenth of a beat
    non_chord: tuple[float, ...] = (1.2, 0.25, 0.25, 0.25)  # a sonority that is no chord, likewise


def to_probability(output):
    """Read the output of a generator as probabilities.

    Each cell in [-1, 1] is 2p - 1: exactly so for a softmax over the pitches of a voice, by
    convention for tanh, whose cells are normalised here.

    Parameters
    ----------
    output : float array [..., step, pitch, voice] in [-1, 1]

    Returns
    -------
    float32 array [..., step, voice, pitch]
        Sums to 1 over pitch.
    """
    p = np.moveaxis(np.asarray(output, np.float32), -1, -2)
    p = np.clip((p + 1) / 2, LEAST_PROBABILITY, 1)
    return p / p.sum(axis=-1, keepdims=True)


def vote(output):
    """Unite what a generator proposed in several keys.

    Parameters
    ----------
    output : float array [key, step, pitch, voice] in [-1, 1]

    Returns
    -------
    float32 array [step, voice, pitch]
        The geometric mean of the probabilities; sums to 1 over pitch.
    """
    pooled = np.exp(np.mean([np.log(to_probability(one)) for one in output], axis=0))
    return pooled / pooled.sum(axis=-1, keepdims=True)


def decode(probability, melody, costs=None, candidates=5, creativity=0.0, rng=None):
    """Find the cheapest three voices below a melody.

    The price of a path is the sum of -log probability of its pitches and of :class:`Costs`. The
    search is exact over the ``candidates`` likeliest singable pitches of each voice and step
    (Viterbi 1967), so over ``candidates`` ** 3 sonorities a step.

    Parameters
    ----------
    probability : float array [step, voice=3, pitch=128]
        Of alto, tenor and bass.
    melody : int array [step]
        MIDI pitches, without rests.
    costs : Costs, optional
    candidates : int
        Pitches tried for each voice and step.
    creativity : float
        Scale of the Gumbel noise, one draw a beat, added to the log-probabilities. At 0 the answer
        is the likeliest; at 1, and without costs, it would be a sample (Gumbel-max).
    rng : numpy.random.Generator, optional
        Where the noise comes from; needed if ``creativity`` is above 0.

    Returns
    -------
    grid : int8 array [step, voice=4]
        The melody and the three voices, each within its range in ``harmony_utils.VOICE_RANGES``.
    price : float
        Of the path, without the noise, per step.
    """
    costs = costs or Costs()
    melody = np.asarray(melody, np.int64)
    steps = len(melody)
    likelihood = np.log(np.maximum(np.asarray(probability, np.float64), LEAST_PROBABILITY))
    noise = np.zeros_like(likelihood)
    if creativity > 0:
        per_beat = rng.gumbel(scale=creativity, size=(-(-steps // STEPS_PER_BEAT), *likelihood.shape[1:]))
        noise += np.repeat(per_beat, STEPS_PER_BEAT, axis=0)[:steps]
    pitch, score = _likeliest(likelihood + noise, candidates)
    local = _local_costs(pitch, score, melody, costs)
    transition = _transition_costs(pitch, melody, costs)

    total = local[0]
    origin = np.empty((steps, candidates**3), np.int32)
    for step in range(1, steps):
        alto_tenor, alto_bass, tenor_bass = (table[step - 1] for table in transition)
        # axes: alto, tenor, bass before; alto, tenor, bass now
        paths = (
            total[:, :, :, None, None, None]
            + alto_tenor[:, :, None, :, :, None]
            + alto_bass[:, None, :, :, None, :]
            + tenor_bass[None, :, :, None, :, :]
        ).reshape(candidates**3, candidates**3)
        origin[step] = paths.argmin(axis=0)
        total = paths.min(axis=0).reshape(local[step].shape) + local[step]

    state = np.empty(steps, np.int64)
    state[-1] = total.argmin()
    for step in range(steps - 1, 0, -1):
        state[step - 1] = origin[step, state[step]]
    chosen = np.stack(np.unravel_index(state, (candidates,) * 3), axis=-1)
    lower = np.take_along_axis(pitch, chosen[..., None], axis=-1)[..., 0]
    price = total.min() + np.take_along_axis(noise, lower[..., None], axis=-1).sum()
    return np.concatenate([melody[:, None], lower], axis=-1).astype(np.int8), float(price / steps)


def _likeliest(score, candidates):
    """Pick the best singable pitches, with their scores: two arrays [step, voice, candidate]."""
    low, high = np.array(VOICE_RANGES[1:]).T[..., None]
    singable = (np.arange(PITCHES) >= low) & (np.arange(PITCHES) <= high)
    score = np.where(singable, score, -np.inf)
    pitch = np.argpartition(-score, candidates - 1, axis=-1)[..., :candidates]
    return pitch, np.take_along_axis(score, pitch, axis=-1)


def _local_costs(pitch, score, melody, costs):
    """Price each sonority by itself: float [step, alto, tenor, bass]."""
    soprano = melody[:, None, None, None]
    alto, tenor, bass = _spread(pitch)
    cost = -sum(_spread(score))
    for voice in (alto, tenor, bass):
        # The likeliest note is sweeter than Bach's: where he bites is hard to foresee.
        cost = cost + costs.sweetness * CONSONANCE[(soprano - voice) % OCTAVE]
    for upper, lower in ((soprano, alto), (alto, tenor), (tenor, bass)):
        cost = cost + costs.crossing * (upper < lower)
    for upper, lower in ((soprano, alto), (alto, tenor)):
        cost = cost + costs.spacing * (upper - lower > OCTAVE)
    sonority = 1 << soprano % OCTAVE | 1 << alto % OCTAVE | 1 << tenor % OCTAVE | 1 << bass % OCTAVE
    no_chord = CHORD_OF[sonority] == NO_CHORD
    return cost + _by_step(costs.non_chord, len(pitch))[:, None, None, None] * no_chord


def _spread(values):
    """Give each voice an axis of its own: [step, voice, candidate] to three of [step, a, t, b]."""
    return values[:, 0, :, None, None], values[:, 1, None, :, None], values[:, 2, None, None, :]


def _transition_costs(pitch, melody, costs):
    """Price each move, per pair of lower voices: [step - 1, upper, lower, next upper, next lower].

    What concerns a single voice, or a voice and the melody, is counted in the first two tables.
    """
    motion = pitch[:, :, None, :][1:] - pitch[:, :, :, None][:-1]  # [step - 1, voice, before, now]
    moves = _by_step(costs.move, len(pitch))[1:, None, None, None]
    size = np.abs(motion)
    alone = moves * (size > 0) + costs.skip * (size > WHOLE_TONE)
    alone = alone + costs.leap * ((size > FIFTH) & (size != OCTAVE))
    with_melody = _parallel(
        melody[:-1, None, None, None] - pitch[:-1, :, :, None],
        melody[1:, None, None, None] - pitch[1:, :, None, :],
        motion,
    )
    alone = alone + costs.parallel * with_melody
    tables = []
    for upper, lower in combinations(range(3), 2):
        before = pitch[:-1, upper, :, None] - pitch[:-1, lower, None, :]
        now = pitch[1:, upper, :, None] - pitch[1:, lower, None, :]
        parallel = _parallel(
            before[:, :, :, None, None], now[:, None, None, :, :], motion[:, lower][:, None, :, None, :]
        )
        tables.append(costs.parallel * parallel)
    alto, tenor, bass = np.moveaxis(alone, 1, 0)
    tables[0] = tables[0] + alto[:, :, None, :, None] + tenor[:, None, :, None, :]
    tables[1] = tables[1] + bass[:, None, :, None, :]
    return tables


def _parallel(before, now, motion):
    """Whether two voices go in parallel perfect intervals, given the lower one's motion."""
    upper_motion = motion + now - before
    same_way = motion * upper_motion > 0
    perfect = (before % OCTAVE == 0) | (before % OCTAVE == FIFTH)
    return same_way & perfect & (before % OCTAVE == now % OCTAVE)


def _by_step(values, steps):
    """Repeat one value per sixteenth of a beat along the steps."""
    return np.resize(values, steps)
