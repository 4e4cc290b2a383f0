"""The cheapest path through a lattice (Viterbi 1967)."""

from __future__ import annotations

import numpy as np

BLOCK = 8  # places whose moves are priced at once


def cheapest_path(local, price_moves):
    """Find the path of the least sum of prices.

    Parameters
    ----------
    local : float32 array [place, state]
        The price of each state by itself.
    price_moves : callable
        ``price_moves(first, last)`` gives the prices of the moves into the places ``first``..``last - 1``:
        float32 [place, state now, state before], which may be changed.

    Returns
    -------
    int array [place]
        The states.
    float
        Their price.
    """
    places, states = local.shape
    total, spent = local[0] - local[0].min(), float(local[0].min())
    origin = np.empty((places, states), np.int16)
    every = np.arange(states)
    for first in range(1, places, BLOCK):
        for place, move in enumerate(price_moves(first, min(places, first + BLOCK)), start=first):
            move += total
            origin[place] = move.argmin(axis=1)
            total = move[every, origin[place]] + local[place]
            spent += float(total.min())
            total -= total.min()  # a long song's price would outgrow the precision of its differences
    path = np.empty(places, np.int64)
    path[-1] = total.argmin()
    for place in range(places - 1, 0, -1):
        path[place - 1] = origin[place, path[place]]
    return path, spent
