"""The states of a lattice: what the voices may do in a beat, those together that are free in it.

Where the user wrote what a voice sings, it has one choice and costs nothing, so the others may have more.
"""

from __future__ import annotations

from itertools import product

import numpy as np


def alike(free, at_once):
    """Put together the beats in which equally many voices are free.

    Parameters
    ----------
    free : bool array [beat, voice]
    at_once : int
        The most beats to put together, for the memory's sake.

    Yields
    ------
    beats : int array [beat]
        Their numbers.
    lines : int array [beat, line]
        Which voices are free in each, from the top.
    """
    count = free.sum(axis=1)
    first_free = np.argsort(~free, axis=1, kind="stable")
    for lines in np.unique(count):
        beats = np.flatnonzero(count == lines)
        for first in range(0, len(beats), at_once):
            part = beats[first : first + at_once]
            yield part, first_free[part, :lines]


def share(budget, lines, most):
    """Tell how many choices each free voice may have, so that all combinations stay within a budget: int."""
    return min(most, max(2, int(budget ** (1 / lines) + 1e-9))) if lines else 1


def combine(kept, lines, choices, price):
    """List what all voices may do together.

    Parameters
    ----------
    kept : int array [beat, ..., voice]
        What the other voices do; ignored where a voice is free.
    lines : int array [beat, line]
        The free voices.
    choices : int array [beat, line, choice, ...]
    price : float array [beat, line, choice]

    Returns
    -------
    int16 array [beat, state, ..., voice]
    float array [beat, state]
        The sum of the prices.
    """
    which = np.array(list(product(range(choices.shape[2]), repeat=lines.shape[1])))  # [state, line]
    states = np.empty((len(kept), len(which), *kept.shape[1:]), np.int16)
    states[:] = kept[:, None]
    total = np.zeros((len(kept), len(which)), price.dtype)
    beats = np.arange(len(kept))
    for line, voice in enumerate(lines.T):
        chosen = choices[:, line, which[:, line]]
        if (voice == voice[0]).all():
            states[..., voice[0]] = chosen
        else:
            states[beats, ..., voice] = chosen
        total += price[:, line, which[:, line]]
    return states, total


def cheapest(price, most, *states):
    """Pick the cheapest states of each beat: their prices and whatever else there is of them, in order."""
    if price.shape[1] <= most:
        return price, *states
    best = np.argpartition(price, most - 1, axis=1)[:, :most]
    beats = np.arange(len(price))[:, None]
    return price[beats, best], *(array[beats, best] for array in states)


def unite(parts):
    """Put beats in order again.

    Parameters
    ----------
    parts : list of (int array [beat], float32 array [beat, state], array [beat, state, ...], ...)
        The numbers of some beats, the prices of their states, and whatever else there is of them.

    Returns
    -------
    list of array [beat, state, ...]
        The prices and the rest. Beats that had fewer states than others repeat one at an infinite price.
    """
    beats = np.concatenate([part[0] for part in parts])
    order = np.argsort(beats)
    most = max(part[1].shape[1] for part in parts)
    prices = (part[1] for part in parts)
    filled = [np.pad(own, ((0, 0), (0, most - own.shape[1])), constant_values=np.inf) for own in prices]
    united = [np.concatenate(filled)[order]]
    for arrays in zip(*(part[2:] for part in parts), strict=True):
        filled = [array[:, np.minimum(np.arange(most), array.shape[1] - 1)] for array in arrays]
        united.append(np.concatenate(filled)[order])
    return united
