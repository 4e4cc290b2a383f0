"""Which takes are worth hearing, of more than are asked for: cheap ones that differ from one another."""

from __future__ import annotations

import numpy as np

from .proposals import CREATIVITY

SPARE = 0.9  # so many more takes, for each with noise that is asked for, are written than are kept
# What it is worth, in nats a step, that a take has other roots on all beats than those chosen before it. The
# larger the noise, the more.
DIFFERENCE = 0.25


def count_spare(takes):
    """Say how many more takes with noise are written than are asked for: none beside a single one."""
    return int(SPARE * takes)


def choose(prices, roots, keep, creativity=CREATIVITY):
    """Choose takes that are cheap, and differ.

    First comes the cheapest, then again and again the one whose price, less what its average difference from
    those already chosen is worth, is the least; after the maximal marginal relevance of Carbonell and
    Goldstein (1998).

    Parameters
    ----------
    prices : float array [take]
        That the search paid, in nats a step.
    roots : int array [take, beat]
        Pitch classes, NONE where there is no chord.
    keep : int
        How many are chosen, at least 1 and no more than there are.
    creativity : float
        Size of the noise.

    Returns
    -------
    list of int
        Their numbers, ascending.
    """
    differs = (roots[:, None] != roots[None]).mean(axis=-1)
    worth = DIFFERENCE * creativity
    chosen, left = [], np.argsort(prices, kind="stable").tolist()
    while len(chosen) < keep:
        bargains = [prices[take] - worth * differs[take, chosen or take].mean() for take in left]
        chosen.append(left.pop(int(np.argmin(bargains))))
    return sorted(chosen)
