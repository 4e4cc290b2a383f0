"""Measures of piano rolls: the three of the lesson, and validity.

A roll is ``[..., step, pitch=128, track]`` and sounds where it is above 0, so that raw outputs are
binarized here. Leading axes are pooled: all samples are counted together. A share of nothing is NaN.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from scipy.stats import wasserstein_distance

from .counting import fold_octaves, share
from .grid import PITCHES, STEPS_PER_BAR
from .theory import ACCIDENTALS, NATURALS, SCALES


def empty_bar_rate(roll: np.ndarray, steps_per_bar: int = STEPS_PER_BAR) -> np.ndarray:
    """Share of each track's bars in which nothing sounds; 0 for Bach.

    Parameters
    ----------
    roll : array [..., step, pitch=128, track]
    steps_per_bar : int

    Returns
    -------
    float [track]
        In 0..1; NaN without bars.

    Raises
    ------
    ValueError
        If the roll has another shape or its steps are not whole bars.
    """
    return share(*count_empty_bars(binarize(roll), steps_per_bar))


def pitch_histogram_distance(roll: np.ndarray, reference_roll: np.ndarray) -> np.ndarray:
    """1-Wasserstein distance between the pitch histograms of two rolls, track by track.

    A histogram counts the sounding cells of each MIDI pitch. The distance says how far the average cell
    would have to move.

    Parameters
    ----------
    roll, reference_roll : array [..., step, pitch=128, track]
        Of as many tracks; samples and steps may differ in number.

    Returns
    -------
    float [track]
        Semitones, at least 0; NaN where either track is silent.

    Raises
    ------
    ValueError
        If a roll has another shape or the tracks differ in number.
    """
    return histogram_distance(count_pitches(binarize(roll)), count_pitches(binarize(reference_roll)))


def in_scale_ratio(roll: np.ndarray, key: str | tuple = "C") -> np.ndarray:
    """Share of each track's sounding cells whose pitch class lies in the scale.

    Parameters
    ----------
    roll : array [..., step, pitch=128, track]
    key : str or (tonic, mode)
        A note name ("C", "F#", "Bb") stands for its major scale; the mode is "major" or "minor"
        (natural). "best" takes for every sample the key that all its tracks together fit best: the scale
        consistency of Mogren (2016). Relative keys share their scale, so the 24 keys are 12 scales.

    Returns
    -------
    float [track]
        In 0..1; NaN for a silent track.

    Raises
    ------
    ValueError
        If the roll has another shape or the key is unknown.
    """
    return share_in_scale(binarize(roll).sum(axis=1).swapaxes(1, 2), key)


def monophony(roll: np.ndarray) -> float:
    """Share of (step, track) at which exactly one pitch sounds; 1 for Bach.

    Parameters
    ----------
    roll : array [..., step, pitch=128, track]

    Returns
    -------
    float
        In 0..1; NaN without steps.
    """
    single = binarize(roll).sum(axis=2) == 1
    return share(single.sum(), single.size)


def melody_kept(roll: np.ndarray, melody_roll: np.ndarray) -> float:
    """Share of steps at which track 0 sounds just as in the melody; a rest must stay a rest.

    Parameters
    ----------
    roll, melody_roll : array [..., step, pitch=128, track]
        Of as many samples and steps; only track 0 is looked at.

    Returns
    -------
    float
        In 0..1; NaN without steps.

    Raises
    ------
    ValueError
        If samples or steps differ in number.
    """
    track, melody = binarize(roll)[..., 0], binarize(melody_roll)[..., 0]
    if track.shape != melody.shape:
        raise ValueError(
            f"the roll is {track.shape} and the melody {melody.shape} [sample, step, pitch]: "
            "compare a roll with the melody that it was made for"
        )
    kept = (track == melody).all(axis=2)
    return share(kept.sum(), kept.size)


def binarize(roll):
    """Binarize, with the leading axes as one: bool [sample, step, pitch, track]."""
    roll = np.asarray(roll)
    if roll.ndim < 3 or roll.shape[-2] != PITCHES:
        raise ValueError(
            f"expected a piano roll [sample, step, pitch={PITCHES}, track], found the shape {roll.shape}"
        )
    return roll.reshape(int(np.prod(roll.shape[:-3])), *roll.shape[-3:]) > 0


def count_empty_bars(sounding, steps_per_bar=STEPS_PER_BAR):
    """Count the empty bars [track] and all bars."""
    samples, steps, _, tracks = sounding.shape
    bars, rest = divmod(steps, steps_per_bar)
    if rest:
        raise ValueError(f"{steps} steps are not whole bars of {steps_per_bar}: trim the roll or its bars")
    filled = sounding.any(axis=2).reshape(samples, bars, steps_per_bar, tracks).any(axis=2)
    return (~filled).sum(axis=(0, 1)), samples * bars


def count_pitches(sounding):
    """Count the cells of each pitch: int [track, pitch]."""
    return sounding.sum(axis=(0, 1)).T


def histogram_distance(counts, reference):
    """Tell :func:`pitch_histogram_distance` from counts of cells: int [track, pitch=128] each."""
    if counts.shape != reference.shape:
        raise ValueError(f"{len(counts)} tracks cannot be compared with a reference of {len(reference)}")
    pitches = np.arange(PITCHES)
    return np.array(
        [
            wasserstein_distance(pitches, pitches, ours, theirs) if ours.any() and theirs.any() else np.nan
            for ours, theirs in zip(counts, reference, strict=True)
        ]
    )


def share_in_scale(cells, key):
    """Tell :func:`in_scale_ratio` from counts of cells: int [sample, track, pitch=128] to float [track]."""
    cells, scales = fold_octaves(cells), find_scales(key)
    best = (cells.sum(axis=1) @ scales.T).argmax(axis=1)
    inside = (cells * scales[best, None]).sum(axis=(0, 2))
    return share(inside, cells.sum(axis=(0, 2)))


def find_scales(key):
    """List the scales of a key, or of all: int [scale, pitch class], 1 inside."""
    if isinstance(key, str):
        key = [*product(range(12), SCALES)] if key == "best" else [(key, "major")]
    else:
        key = [key]
    scales = np.zeros((len(key), 12), dtype=int)
    for scale, (tonic, mode) in zip(scales, key, strict=True):
        try:
            root = NATURALS[tonic[0]] + ACCIDENTALS[tonic[1:]] if isinstance(tonic, str) else int(tonic)
            scale[(root + np.array(SCALES[mode])) % 12] = 1
        except (KeyError, IndexError):
            raise ValueError(
                f"unknown key {(tonic, mode)}: give a note name such as 'F#', (tonic, 'minor') or 'best'"
            ) from None
    return scales
