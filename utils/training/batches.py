"""Windows to batches: shuffled, transposed, expanded, without end and without memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..corpus.pieces import load_chorales
from ..corpus.roll_files import load_rolls
from ..corpus.windows import windows, windows_in_three
from ..music.grid import PITCHES, REST, STEPS_PER_WINDOW, VOICES, grid_to_roll, roll_to_grid
from ..music.registers import find_registers, histogram
from .shards import Shards

TRANSPOSITIONS = tuple(range(-6, 6))  # semitones: every key once


def load_windows(path: str | Path) -> np.ndarray | Shards:
    """Read training windows from any kind of data.

    Parameters
    ----------
    path : str or Path
        A ``.npy`` of piano rolls; a ``.npz`` of whole chorales, of which every two-bar window of the
        training split is taken, those in 3/4 as they are heard in bars of four beats; or a folder of
        shards, which stay on disk until they are needed.

    Returns
    -------
    int8 array [sample, step=32, voice] or Shards
        Pitches, -1 = rest.

    Raises
    ------
    FileNotFoundError, ValueError
        If the file is missing or malformed, or if a track of a roll sings two notes at once.
    """
    if Path(path).is_dir():
        return Shards(path)
    if str(path).endswith(".npz"):
        pieces = load_chorales(path, "train")
        return np.concatenate([windows(pieces)[0], windows_in_three(pieces)])
    rolls = load_rolls(path)
    grid = roll_to_grid(rolls)
    if not np.array_equal(grid_to_roll(grid, np.int8), rolls):
        raise ValueError(
            f"{path} has tracks that sing several notes at once; keep one note per track and step."
        )
    return grid


def count_voices(path: str | Path) -> int:
    """Count the voices of data of any kind, as :func:`load_windows` gives them."""
    if Path(path).is_dir():
        return Shards(path).voices
    if str(path).endswith(".npz"):
        return len(VOICES)
    return load_rolls(path).shape[-1]


def registers(path, transpose=False):
    """Find the register of each voice of some data: see :func:`.find_registers`.

    Parameters
    ----------
    path : str or Path
        As for :func:`load_windows`.
    transpose : bool
        Whether :func:`batches` will move the samples.

    Returns
    -------
    list of range
        One a voice: for Bach's chorales in all keys 48 pitches each, the tenor's an octave and the bass's
        two octaves below those of the soprano and the alto.
    """
    windows = load_windows(path)
    sung = windows.histogram() if isinstance(windows, Shards) else histogram(windows)
    below, above = (-TRANSPOSITIONS[0], TRANSPOSITIONS[-1]) if transpose else (0, 0)
    return find_registers(sung, below, above)


def check_alike(data, valid):
    """Make sure that networks trained on one file can be judged by another.

    Parameters
    ----------
    data, valid : str or Path
        As for :func:`load_windows`.

    Raises
    ------
    ValueError
        If they have different numbers of voices.
    """
    voices, judged = count_voices(data), count_voices(valid)
    if voices != judged:
        raise ValueError(
            f"{data} has {voices} voices, {valid} has {judged}, so the networks could not be judged by it. "
            "Name a validation file of the same music; `python -m utils.dataset_utils` makes both."
        )


def batches(grid, batch_size, seed, transpose=False, start=0, parts=1, served=range(1)):
    """Serve shuffled batches of piano rolls without end.

    Batch ``k`` depends on ``seed`` and ``k`` alone: shuffling is a keyed permutation of every epoch, not a
    buffer. So a run that resumes with ``start=k`` sees what it would have seen, and nothing has to be saved.
    Windows stay small grids until the last step.

    Parameters
    ----------
    grid : int8 array [sample, step, voice] or Shards
    batch_size : int
    seed : int
    transpose : bool
        Move every sample by a random -6..+5 semitones.
    start : int
        The first batch to serve.
    parts : int
        Cut every batch into so many, for as many replicas.
    served : range
        Which of the parts to serve, one after the other.

    Returns
    -------
    tf.data.Dataset of int8 tensors [batch_size // parts, step, pitch=128, voice] in {-1, +1}
        A quarter of the memory that float32 would take.

    Raises
    ------
    ValueError
        If a batch cannot be cut into so many equal parts.
    """
    import tensorflow as tf  # here: whoever only reads the data should not wait for it

    if batch_size % parts:
        raise ValueError(
            f"A batch of {batch_size} cannot be shared equally by {parts} replicas. "
            f"Choose a multiple of {parts} as batch_size, or use fewer devices."
        )
    last, part = len(grid) - 1, batch_size // parts
    streamed = isinstance(grid, Shards)
    if streamed:
        read, shape = grid.reader(batch_size, seed), (part, STEPS_PER_WINDOW, grid.voices)
    else:
        grid = tf.constant(grid, tf.int32)

    def choose(index):
        turn, place = index // part, index % part
        position = turn // len(served) * batch_size + (served.start + turn % len(served)) * part + place
        lowest, highest = TRANSPOSITIONS[0], TRANSPOSITIONS[-1]
        shift = tf.random.stateless_uniform((), (seed, position), lowest, highest + 1, tf.int32)
        epoch, place = position // (last + 1), position % (last + 1)
        sample = position if streamed else tf.random.experimental.index_shuffle(place, (seed, epoch), last)
        return sample, shift if transpose else 0

    def look_up(samples):
        if streamed:
            found = tf.ensure_shape(tf.numpy_function(read, [samples], tf.int8), shape)
            return tf.cast(found, tf.int32)
        return tf.gather(grid, samples)

    def expand(samples, shift):
        pitches = look_up(samples)
        pitches = tf.where(pitches == REST, REST, pitches + shift[:, None, None])
        sounding = pitches[..., None, :] == tf.range(PITCHES)[:, None]
        return tf.where(sounding, tf.constant(1, tf.int8), tf.constant(-1, tf.int8))

    indices = tf.data.Dataset.counter(start * len(served) * part)
    chosen = indices.map(choose).batch(part, drop_remainder=True)
    return chosen.map(expand, num_parallel_calls=2).prefetch(4)


def load_reference(path: str | Path, most: int = 1000) -> np.ndarray:
    """Load real windows, as piano rolls, that measures of generated ones are held against.

    Parameters
    ----------
    path : str or Path
        As for :func:`load_windows`.
    most : int
        All windows if they are no more than that, else so many of them.

    Returns
    -------
    int8 array [sample, step=32, pitch=128, voice] in {-1, +1}
    """
    grid = load_windows(path)
    return next(iter(batches(grid, min(most, len(grid)), seed=0))).numpy()
