"""What the network proposes for what is given: probabilities of the voices, step by step."""

from __future__ import annotations

import numpy as np

from ..music.grid import PITCHES, REST, STEPS_PER_BAR, STEPS_PER_WINDOW, grid_to_roll
from ..networks.given import CRITIC_INPUTS, hears_any_part, write_given

MIDDLE_C = 60
LEAST_PROBABILITY = 1e-6
NOISE_SHAPE = (8, 512)  # of the noise, per bar
CREATIVITY = 1.0  # the size of the noise that makes takes differ: as in training
JUDGED_AT_ONCE = 64  # windows
# Semitones to move a melody by: a generator that has to learn every key by itself hears it in several, its
# own first, and its slips are averaged out. More of them take time and change nothing
# (pretrained/EXPERIMENTS.md).
TRANSPOSITIONS = (0, -1, 1, -2)
# A long song is heard in pieces. A generator with four halvings hears no further than four bars, so pieces
# that overlap by that much give what one pass would.
PIECE = 20 * STEPS_PER_BAR
OVERLAP = 4 * STEPS_PER_BAR


def propose(generator, given, noise=None, keys=(0,)):
    """Let the network alone write the voices, in one pass where it can.

    Parameters
    ----------
    generator : callable
        See :func:`harmonize_takes`.
    given : int array [step, voice]
        MIDI pitches, REST where nothing is given. They begin with a bar, a whole number of the generator's
        windows long. A network that knows melodies only hears the first voice of it.
    noise : float array [take, bar, ...], optional
        Of :func:`draw_takes`; by default there is one take, without noise.
    keys : sequence of int
        Semitones to move by what is given. A take hears the same noise in each.

    Returns
    -------
    float32 array [take, key, step, pitch=128, voice] in [-1, 1]
        Moved back to where the given voices stand.

    Raises
    ------
    ValueError
        If the generator's output has another shape.
    """
    window, noise_shape = input_shapes(generator)
    steps = len(given)
    window = window or steps
    if noise is None:
        noise = np.zeros((1, steps // STEPS_PER_BAR, *noise_shape), np.float32)
    rolls = np.stack([_to_hear(generator, given, key) for key in keys])  # [key, step, pitch, track]
    heard = np.broadcast_to(rolls, (len(noise), *rolls.shape)).reshape(-1, window, *rolls.shape[2:])
    chance = np.repeat(noise, len(keys), axis=0).reshape(len(heard), -1, *noise_shape)
    output = np.asarray(generator((heard, chance), training=False), np.float32)
    expected = heard.shape[:3]
    if output.shape[:3] != expected or output.ndim != 4 or output.shape[3] < 2:
        raise ValueError(
            f"the generator gave {output.shape}; expected {expected} (sample, step, pitch) and two or more "
            "voices"
        )
    output = output.reshape(len(noise), len(keys), steps, *output.shape[2:])
    # What leaves at one end of the 128 pitches comes back at the other, where no voice sings.
    return np.stack([np.roll(output[:, i], -key, axis=2) for i, key in enumerate(keys)], axis=1)


def _to_hear(generator, given, key):
    """Write what is given for the generator: float32 [step, pitch, track], 0 where nothing is given."""
    given = np.asarray(given)
    moved = np.where(given == REST, REST, np.clip(given + key, 0, PITCHES - 1))
    return write_given(grid_to_roll(moved), given != REST, hears_any_part(generator))


def count_voices(generator):
    """Count the voices that a generator writes, the given ones included."""
    shape = getattr(generator, "output_shape", None)
    if shape is None:  # no Keras model: its answer tells
        shape = propose(generator, np.full((STEPS_PER_WINDOW, 1), MIDDLE_C)).shape
    return shape[-1]


def propose_probabilities(generator, given, noise, keys, voices):
    """Ask the generator for some of the voices, in pieces if the song is long.

    Parameters
    ----------
    generator, given, noise, keys
        As for :func:`propose`.
    voices : sequence of int
        Which ones are wanted.

    Returns
    -------
    float32 array [take, step, voice, pitch=128]
        Of the voices wanted.
    """
    voices = list(voices)
    if input_shapes(generator)[0] is not None or len(given) <= PIECE + 2 * OVERLAP:
        return average_over_keys(propose(generator, given, noise, keys)[..., voices])
    # Of an hour these are hundreds of megabytes: they are written once, and never joined.
    answer = np.empty((len(noise), len(given), len(voices), PITCHES), np.float32)
    for start in range(0, len(given), PIECE):
        first = max(0, start - OVERLAP)
        bars = slice(first // STEPS_PER_BAR, (start + PIECE + OVERLAP) // STEPS_PER_BAR)
        piece = propose(generator, given[first : start + PIECE + OVERLAP], noise[:, bars], keys)[..., voices]
        answer[:, start : start + PIECE] = average_over_keys(piece)[:, start - first :][:, :PIECE]
    return answer


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
        A take's noise depends on it and on its number among those with noise alone.
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
    drawn = np.zeros((takes, *shape), np.float32)
    for number, take in enumerate(drawn[sober:]):
        take[:] = size * draw_noise(shape, np.random.default_rng((seed, number)))
    return np.broadcast_to(drawn[:, None], (takes, bars, *shape))


def draw_noise(shape, rng):
    """Draw from a standard normal, cut off at two standard deviations, by its inverse: float32."""
    from scipy.special import ndtr, ndtri  # here, because the command answers --help at once

    return ndtri(rng.uniform(ndtr(-2), ndtr(2), shape)).astype(np.float32)


def critic_scores(critic, grids, hidden):
    """Ask a critic for its mean score of the two-bar windows of each take; higher is better.

    Parameters
    ----------
    critic : callable
        See :func:`harmonize_takes`.
    grids : list of int array [step, voice]
        All of one length, a whole number of windows, beginning with a bar.
    hidden : bool array [step, voice]
        What the generator was not given. A critic that knows melodies only is shown the first voice.

    Returns
    -------
    list of float
    """
    any_part = hears_any_part(critic, CRITIC_INPUTS)
    windows = np.clip(np.stack(grids), REST, PITCHES - 1).reshape(-1, STEPS_PER_WINDOW, grids[0].shape[-1])
    known = np.tile(~hidden, (len(grids), 1)).reshape(windows.shape)
    scores = []
    for first in range(0, len(windows), JUDGED_AT_ONCE):
        part = slice(first, first + JUDGED_AT_ONCE)
        rolls = grid_to_roll(windows[part])
        given = write_given(rolls, known[part], any_part)
        scores.append(np.asarray(critic((rolls, given), training=False), np.float32).ravel())
    return np.concatenate(scores).reshape(len(grids), -1).mean(axis=1).tolist()
