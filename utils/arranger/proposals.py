"""What the network proposes for a line: probabilities of the lower voices, step by step."""

from __future__ import annotations

import numpy as np

from ..music.grid import PITCHES, STEPS_PER_BAR, STEPS_PER_WINDOW, grid_to_roll

LEAST_PROBABILITY = 1e-6
NOISE_SHAPE = (8, 512)  # of the noise, per bar
CREATIVITY = 1.0  # the size of the noise that makes takes differ: as in training
# Semitones to move a melody by: a generator that has to learn every key by itself hears it in several, its
# own first, and its slips are averaged out. More of them take time and change nothing
# (pretrained/EXPERIMENTS.md).
TRANSPOSITIONS = (0, -1, 1, -2)
# A long song is heard in pieces. A generator with four halvings hears no further than four bars, so pieces
# that overlap by that much give what one pass would.
PIECE = 48 * STEPS_PER_BAR
OVERLAP = 4 * STEPS_PER_BAR


def propose(generator, line, noise=None, keys=(0,)):
    """Let the network alone set voices to a line, in one pass where it can.

    Parameters
    ----------
    generator : callable
        See :func:`harmonize_takes`.
    line : int array [step]
        MIDI pitches without rests that begin with a bar, a whole number of the generator's windows long.
    noise : float array [take, bar, ...], optional
        Of :func:`draw_takes`; by default there is one take, without noise.
    keys : sequence of int
        Semitones to move the line by. A take hears the same noise in each.

    Returns
    -------
    float32 array [take, key, step, pitch=128, voice] in [-1, 1]
        Moved back to where the line stands.

    Raises
    ------
    ValueError
        If the generator's output has another shape.
    """
    window, noise_shape = input_shapes(generator)
    window = window or len(line)
    if noise is None:
        noise = np.zeros((1, len(line) // STEPS_PER_BAR, *noise_shape), np.float32)
    moved = np.clip(np.add.outer(keys, line), 0, PITCHES - 1)
    melody = grid_to_roll(np.broadcast_to(moved, (len(noise), *moved.shape)).reshape(-1, window, 1))
    heard = np.repeat(noise, len(keys), axis=0).reshape(len(melody), -1, *noise_shape)
    output = np.asarray(generator((melody, heard), training=False), np.float32)
    expected = melody.shape[:3]
    if output.shape[:3] != expected or output.ndim != 4 or output.shape[3] < 2:
        raise ValueError(
            f"the generator gave {output.shape}; expected {expected} (sample, step, pitch) and two or more "
            "voices"
        )
    output = output.reshape(len(noise), len(keys), len(line), *output.shape[2:])
    # What leaves at one end of the 128 pitches comes back at the other, where no voice sings.
    return np.stack([np.roll(output[:, i], -key, axis=2) for i, key in enumerate(keys)], axis=1)


def propose_probabilities(generator, line, noise, keys):
    """Ask the generator for the lower voices, in pieces if the line is long.

    Parameters
    ----------
    generator, line, noise, keys
        As for :func:`propose`.

    Returns
    -------
    float32 array [take, step, voice, pitch=128]
    """
    if input_shapes(generator)[0] is not None or len(line) <= PIECE + 2 * OVERLAP:
        return average_over_keys(propose(generator, line, noise, keys))[:, :, 1:]
    answers = []
    for start in range(0, len(line), PIECE):
        first = max(0, start - OVERLAP)
        bars = slice(first // STEPS_PER_BAR, (start + PIECE + OVERLAP) // STEPS_PER_BAR)
        piece = propose(generator, line[first : start + PIECE + OVERLAP], noise[:, bars], keys)
        answers.append(average_over_keys(piece)[:, start - first :][:, :PIECE, 1:])
    return np.concatenate(answers, axis=1)


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
    output : float array [take, key, step, pitch, voice] in [-1, 1]

    Returns
    -------
    float32 array [take, step, voice, pitch]
        The geometric mean of the probabilities; sums to 1 over pitch.
    """
    keys = output.shape[1]
    if keys == 1:
        return to_probability(output[:, 0])
    pooled = np.exp(sum(np.log(to_probability(output[:, key])) for key in range(keys)) / keys)
    return pooled / pooled.sum(axis=-1, keepdims=True)


def keys_to_ask_in(generator):
    """Tell in which keys to ask a generator, as semitones to move the melody by.

    One that slides over the pitches one by one answers alike in every key, so its own is enough. What its
    layers do is not known of a callable that is no Keras model.
    """
    layers = getattr(generator, "layers", ())
    strides = [layer.strides[1] for layer in layers if len(getattr(layer, "strides", ())) == 2]
    return (0,) if strides and max(strides) == 1 else TRANSPOSITIONS


def input_shapes(generator):
    """Ask a generator for its window, None if any length will do, and its noise per bar."""
    shapes = getattr(generator, "input_shape", None)
    if shapes is None:
        return STEPS_PER_WINDOW, NOISE_SHAPE
    melody, noise = shapes
    return melody[1], tuple(noise[2:])


def draw_takes(generator, takes, seed, bars, size=CREATIVITY, sober=0):
    """Draw the noise of several takes.

    Each keeps one noise for all its bars: so it has a character, and the best of several is better than where
    every bar is drawn anew (``pretrained/EXPERIMENTS.md``).

    Parameters
    ----------
    generator : callable
        See :func:`harmonize_takes`; it says how much noise it hears in a bar.
    takes, bars : int
    seed : int
        A take's noise depends on it and on the take's number alone.
    size : float
        Times a standard normal, cut off at two standard deviations.
    sober : int
        So many takes, the first ones, have no noise.

    Returns
    -------
    float32 array [take, bar, ...]
        To be read only: all bars are one.
    """
    shape = input_shapes(generator)[1]
    drawn = np.stack([draw_noise(shape, np.random.default_rng((seed, take))) for take in range(takes)])
    drawn *= np.float32(size)
    drawn[:sober] = 0
    return np.broadcast_to(drawn[:, None], (takes, bars, *shape))


def draw_noise(shape, rng):
    """Draw from a standard normal, cut off at two standard deviations, by its inverse: float32."""
    from scipy.special import ndtr, ndtri  # here, because the command answers --help at once

    return ndtri(rng.uniform(ndtr(-2), ndtr(2), shape)).astype(np.float32)
