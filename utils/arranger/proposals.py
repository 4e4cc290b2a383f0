"""What the network proposes for a line: probabilities of the lower voices, step by step."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtr, ndtri

from ..music.grid import PITCHES, STEPS_PER_BAR, STEPS_PER_WINDOW, grid_to_roll
from ..music.theory import OCTAVE

LEAST_PROBABILITY = 1e-6
NOISE_SHAPE = (8, 512)  # of the noise, per bar
# Semitones to move a melody by: the generator hears it in several keys, its own first. More of them
# take time and change nothing (pretrained/EXPERIMENTS.md).
TRANSPOSITIONS = (0, -1, 1, -2)
# A long song is heard in pieces. A generator with four halvings hears no further than four bars, so pieces
# that overlap by that much give what one pass would.
PIECE = 48 * STEPS_PER_BAR
OVERLAP = 4 * STEPS_PER_BAR


def propose(generator, line, seed=0, keys=(0,), bar=0):
    """Let the network alone set voices to a line, in one pass where it can.

    Parameters
    ----------
    generator : callable
        See :func:`harmonize_takes`.
    line : int array [step]
        MIDI pitches without rests that begin with a bar, a whole number of the generator's windows long.
    seed : int
        Of the noise, which differs from key to key and bar to bar.
    keys : sequence of int
        Semitones to move the line by.
    bar : int
        The number of the line's first bar in its song.

    Returns
    -------
    float32 array [key, step, pitch=128, voice] in [-1, 1]
        Moved back to where the line stands.

    Raises
    ------
    ValueError
        If the generator's output has another shape.
    """
    window, noise_shape = input_shapes(generator)
    window = window or len(line)
    moved = np.clip(np.add.outer(keys, line), 0, PITCHES - 1)
    melody = grid_to_roll(moved.reshape(-1, window, 1))
    bars = range(bar, bar + len(line) // STEPS_PER_BAR)
    # Each bar's noise is its own, in whatever piece of the song it is heard.
    draws = [np.random.default_rng((seed, key % OCTAVE, number)) for key in keys for number in bars]
    noise = np.reshape([draw_noise(noise_shape, rng) for rng in draws], (len(melody), -1, *noise_shape))
    output = np.asarray(generator((melody, noise), training=False), np.float32)
    expected = melody.shape[:3]
    if output.shape[:3] != expected or output.ndim != 4 or output.shape[3] < 2:
        raise ValueError(
            f"the generator gave {output.shape}; expected {expected} (sample, step, pitch) and two or more "
            "voices"
        )
    output = output.reshape(len(keys), len(line), *output.shape[2:])
    # What leaves at one end of the 128 pitches comes back at the other, where no voice sings.
    return np.stack([np.roll(heard, -key, axis=1) for heard, key in zip(output, keys, strict=True)])


def propose_probabilities(generator, line, seed, keys):
    """Ask the generator for the lower voices, in pieces if the line is long: float32 [step, voice, pitch]."""
    if input_shapes(generator)[0] is not None or len(line) <= PIECE + 2 * OVERLAP:
        return average_over_keys(propose(generator, line, seed, keys))[:, 1:]
    answers = []
    for start in range(0, len(line), PIECE):
        first = max(0, start - OVERLAP)
        piece = propose(generator, line[first : start + PIECE + OVERLAP], seed, keys, first // STEPS_PER_BAR)
        answers.append(average_over_keys(piece)[start - first :][:PIECE, 1:])
    return np.concatenate(answers)


def heard_steps(heard, window=None):
    """Tell which step of a song the model hears at each of its own steps.

    Parameters
    ----------
    heard : int array [step]
        The model's step at which it hears each step, ascending.
    window : int, optional
        A length that the model's song must be a multiple of, besides two bars.

    Returns
    -------
    int array [step of the model]
        Between two steps of the song, and after the last, it hears the note before.
    """
    window = math.lcm(window or STEPS_PER_WINDOW, STEPS_PER_WINDOW)
    length = -(-(heard[-1] + 1) // window) * window
    return np.maximum(np.searchsorted(heard, np.arange(length), side="right") - 1, 0)


def to_probability(output):
    """Read the output of a generator as probabilities.

    Each cell in [-1, 1] is 2p - 1: exactly so for a softmax over the pitches of a voice, by
    convention for tanh, whose cells are normalized here.

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


def average_over_keys(output):
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


def input_shapes(generator):
    """Ask a generator for its window, None if any length will do, and its noise per bar."""
    shapes = getattr(generator, "input_shape", None)
    if shapes is None:
        return STEPS_PER_WINDOW, NOISE_SHAPE
    melody, noise = shapes
    return melody[1], tuple(noise[2:])


def draw_noise(shape, rng):
    """Draw from a standard normal, cut off at two standard deviations, by its inverse: float32."""
    return ndtri(rng.uniform(ndtr(-2), ndtr(2), shape)).astype(np.float32)
