"""From the network's probabilities to four voices: the network proposes, voice leading disposes.

The network judges each step and voice by itself. Here the lower voices of all steps are chosen
together: of all paths through their likeliest pitches, a Viterbi search finds the one whose
improbability plus the price of its faults in voice leading is least.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np

from ..music.grid import PITCHES, STEPS_PER_BEAT
from ..music.theory import (
    CHORD_OF,
    CONSONANCE,
    FIFTH,
    NO_CHORD,
    OCTAVE,
    parallels,
    perfect_intervals,
    voice_ranges,
)

LEAST_PROBABILITY = 1e-6
CREATIVITY = 0.49  # how far takes stray from the likeliest voices, see decode
WHOLE_TONE = 2
SONORITIES = 128  # that the search weighs at a step: five pitches for each of three voices, two for seven
MOST_SORTED = 4096  # steps whose likeliest pitches are found at once
BLOCK = 16  # steps whose moves are priced at once


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


def decode(probability, melody, costs=None, creativity=0.0, rng=None, phase=None, place=0):
    """Find the cheapest other voices for a melody.

    The price of a path is the sum of -log probability of its pitches and of :class:`Costs`. The
    search is exact over the likeliest singable pitches of each voice and step (Viterbi 1967): as many
    as keep the sonorities of a step near ``SONORITIES``.

    Parameters
    ----------
    probability : float array [step, voice, pitch=128]
        Of the voices below the melody, from the top; one to seven.
    melody : int array [step]
        MIDI pitches, without rests.
    costs : Costs, optional
    creativity : float
        Scale of the Gumbel noise, one draw a beat, added to the log-probabilities. At 0 the answer
        is the likeliest; at 1, and without costs, it would be a sample (Gumbel-max).
    rng : numpy.random.Generator, optional
        Where the noise comes from; needed if ``creativity`` is above 0.
    phase : int array [step], optional
        Which sixteenth of a beat each step is, 0..3; by default the song begins with a beat and has
        four in each.
    place : int
        Which voice the melody is, counted from the top; so many of the others lie above it.

    Returns
    -------
    grid : int8 array [step, voice + 1]
        The melody and the other voices, each within its range in :func:`.theory.voice_ranges`.
    price : float
        Of the path, without the noise, per step.
    """
    costs = costs or Costs()
    melody = np.asarray(melody, np.int64)
    steps, voices = np.shape(probability)[:2]
    phase = np.arange(steps) % STEPS_PER_BEAT if phase is None else np.asarray(phase)
    candidates = max(2, int(SONORITIES ** (1 / voices) + 1e-9))
    likelihood = np.log(np.maximum(np.asarray(probability, np.float32), LEAST_PROBABILITY))
    noise = np.zeros_like(likelihood)
    if creativity > 0:
        beat = np.cumsum(phase == 0) - (phase[0] == 0)
        drawn = rng.gumbel(scale=creativity, size=(beat[-1] + 1, *likelihood.shape[1:]))
        noise = drawn.astype(np.float32)[beat]
    # In parts, because sorting a long song's pitches all at once takes a multiple of their memory.
    parts = np.array_split(likelihood + noise, -(-steps // MOST_SORTED))
    pitch, score = map(
        np.concatenate, zip(*(_likeliest(part, candidates, place) for part in parts), strict=True)
    )
    local = _local_costs(pitch, score, melody, costs, phase, place).reshape(steps, -1)

    total, spent = local[0] - local[0].min(), float(local[0].min())
    origin = np.empty((steps, local.shape[1]), np.uint8)
    every = np.arange(local.shape[1])
    for first in range(1, steps, BLOCK):
        block = slice(first - 1, first + BLOCK)
        moves = _transition_costs(pitch[block], melody[block], costs, phase[block])
        for step, move in enumerate(moves, start=first):
            move += total
            origin[step] = move.argmin(axis=1)
            total = move[every, origin[step]] + local[step]
            spent += total.min()
            total -= total.min()  # a long song's price would outgrow the precision of its differences

    state = np.empty(steps, np.int64)
    state[-1] = total.argmin()
    for step in range(steps - 1, 0, -1):
        state[step - 1] = origin[step, state[step]]
    chosen = np.stack(np.unravel_index(state, (candidates,) * voices), axis=-1)
    lower = np.take_along_axis(pitch, chosen[..., None], axis=-1)[..., 0]
    price = spent + np.take_along_axis(noise, lower[..., None], axis=-1).sum(dtype=np.float64)
    return np.concatenate([melody[:, None], lower], axis=-1).astype(np.int8), float(price / steps)


def _likeliest(score, candidates, place):
    """Pick the best singable pitches, with their scores: two arrays [step, voice, candidate]."""
    low, high = np.delete(voice_ranges(1 + score.shape[1]), place, axis=0).T[..., None]
    singable = (np.arange(PITCHES) >= low) & (np.arange(PITCHES) <= high)
    score = np.where(singable, score, -np.inf)
    pitch = np.argpartition(-score, candidates - 1, axis=-1)[..., :candidates]
    return pitch, np.take_along_axis(score, pitch, axis=-1)


def _local_costs(pitch, score, melody, costs, phase, place):
    """Price each sonority by itself: float32 [step, candidate of each voice ...]."""
    lower = [_on_axes(pitch[:, voice], voice, pitch.shape[1]) for voice in range(pitch.shape[1])]
    soprano = _on_axes(melody[:, None], 0, len(lower))
    cost = -sum(_on_axes(score[:, voice], voice, len(lower)) for voice in range(len(lower)))
    sonority = 1 << soprano % OCTAVE
    for number, voice in enumerate(lower):
        # The likeliest note is sweeter than Bach's: where he bites is hard to foresee.
        interval = voice - soprano if number < place else soprano - voice
        cost = cost + costs.sweetness * CONSONANCE[interval % OCTAVE]
        sonority = sonority | 1 << voice % OCTAVE
    neighbors = list(pairwise([*lower[:place], soprano, *lower[place:]]))
    for upper, under in neighbors:
        cost = cost + costs.crossing * (upper < under)
    for upper, under in neighbors[:-1]:  # the bass may stand apart
        cost = cost + costs.spacing * (upper - under > OCTAVE)
    by_step = _on_axes(np.take(costs.non_chord, phase, mode="wrap")[:, None], 0, len(lower))
    return (cost + by_step * (CHORD_OF[sonority] == NO_CHORD)).astype(np.float32)


def _on_axes(values, voice, voices):
    """Give [step, candidate] of one voice its axis among those of all voices."""
    return values.reshape(len(values), *(values.shape[1] if v == voice else 1 for v in range(voices)))


def _transition_costs(pitch, melody, costs, phase):
    """Price each move: float32 [step - 1, sonority now, sonority before].

    The step comes last until the end, so that NumPy adds long rows instead of ``candidates`` at a time.
    """
    pitch = np.ascontiguousarray(np.moveaxis(pitch, 0, -1), np.int16)  # [voice, candidate, step]
    melody = melody.astype(np.int16)
    voices, candidates, _ = pitch.shape
    now, before = pitch[..., 1:], pitch[..., :-1]
    motion = now[:, :, None] - before[:, None]  # [voice, now, before, step - 1]
    size = np.abs(motion)
    alone = np.take(costs.move, phase[1:], mode="wrap") * (size > 0) + costs.skip * (size > WHOLE_TONE)
    alone += costs.leap * ((size > FIFTH) & (size != OCTAVE))
    perfect = perfect_intervals(melody, pitch)
    parallel = parallels(
        perfect[:, None, :, :-1], perfect[:, :, None, 1:], (melody[1:] - melody[:-1]), motion
    )
    alone = (alone + costs.parallel * parallel).astype(np.float32)

    def spread(table, *of):
        """Place [now of each in ``of``, before of each, step - 1] on the axes of all voices."""
        sides = [candidates if voice in of else 1 for voice in range(voices)]
        return table.reshape(*sides, *sides, -1)

    tables = [] if voices > 1 else [spread(alone[0], 0)]
    for upper, lower in combinations(range(voices), 2):
        perfect = perfect_intervals(pitch[upper, :, None], pitch[lower, None])
        parallel = parallels(
            perfect[None, None, ..., :-1],
            perfect[:, :, None, None, 1:],
            motion[upper][:, None, :, None],
            motion[lower][None, :, None],
        )
        table = np.float32(costs.parallel) * parallel
        if upper == 0:  # every voice is in one such pair, the first in several
            table += alone[lower][None, :, None]
            table += alone[upper][:, None, :, None] * (lower == 1)
        tables.append(spread(table, upper, lower))
    price = sum(tables[1:], start=tables[0])
    price = np.broadcast_to(price, (candidates,) * 2 * voices + price.shape[-1:])
    sonorities = candidates**voices
    # A copy always: of a single move the broadcast view would be contiguous, and so stay read-only.
    return np.array(price.reshape(sonorities, sonorities, -1).transpose(2, 0, 1), order="C")
