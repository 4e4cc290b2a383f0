"""Which takes are worth hearing, of more than are asked for: cheap ones that differ from one another."""

from __future__ import annotations

import numpy as np

SPARE = 0.9  # so many more takes, for each with noise that is asked for, are written than are kept
# What it is worth, in nats a step, that a take has other roots than those chosen before it, on all beats.
DIFFERENCE = 0.25


def count_spare(takes):
    """Say how many more takes with noise are written than are asked for: none beside a single one."""
    return int(SPARE * takes)


def choose(prices, roots, keep):
    """Choose takes that are cheap, and differ.

    First comes the cheapest, then again and again the one whose price, less what its difference from those
    already chosen is worth, is the least: maximal marginal relevance (Carbonell and Goldstein 1998).

    Parameters
    ----------
    prices : float array [take]
        That the search paid, in nats a step.
    roots : int array [take, beat]
        Pitch classes, NONE where there is no chord.
    keep : int
        How many are chosen, at least 1 and no more than there are.

    Returns
    -------
    list of int
        Their numbers, ascending.
    """
    differs = (roots[:, None] != roots[None]).mean(axis=-1)
    chosen, left = [], np.argsort(prices, kind="stable").tolist()
    while len(chosen) < keep:
        bargains = [prices[take] - DIFFERENCE * differs[take, chosen or take].mean() for take in left]
        chosen.append(left.pop(int(np.argmin(bargains))))
    return sorted(chosen)
