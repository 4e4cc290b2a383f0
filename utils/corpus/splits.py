"""Splits without leaks: pieces that share their music stay on one side."""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import replace

import numpy as np

from .roll_files import ROLL_FILES
from .windows import fingerprints, window_starts

TRAINING_CHORALES = 229
# Two harmonizations that share this much of their bars, up to transposition, are one (see README).
FAMILY_SHARE = 0.15


def shared_fingerprints(prints):
    """Find which pieces have four-voice phrases in common.

    Parameters
    ----------
    prints : dict of str to set
        From :func:`.fingerprints`, by name.

    Returns
    -------
    dict of (name, name) to float
        The share of the shorter piece that the other one has too, 0..1; pairs without any left out.
    """
    owners = defaultdict(set)
    for name, own in prints.items():
        for fingerprint in own:
            owners[fingerprint].add(name)
    common = defaultdict(int)
    for names in owners.values():
        for pair in itertools.combinations(sorted(names), 2):
            common[pair] += 1
    return {(a, b): n / min(len(prints[a]), len(prints[b])) for (a, b), n in common.items()}


def families(chorales, share=FAMILY_SHARE):
    """Group chorales that share a harmonization.

    Parameters
    ----------
    chorales : list of Piece
    share : float
        Least share of common phrases, 0..1.

    Returns
    -------
    dict of str to frozenset of str
        The family of every name; most have only themselves.
    """
    family = {c.name: frozenset([c.name]) for c in chorales}
    for (a, b), common in shared_fingerprints({c.name: fingerprints(c.grid) for c in chorales}).items():
        if common >= share:
            united = family[a] | family[b]
            family.update(dict.fromkeys(united, united))
    return family


def assign_splits(chorales, published, training=TRAINING_CHORALES):
    """Put every chorale on one side, with its whole family.

    The published test pieces and their families are the test split. Of the others with a two-bar window
    in 4/4, ``training`` train: first those of the published training split and their families, then
    those that no published split names, then as many of the published validation split as are missing.
    The rest validate. Pieces without a window follow their published split.

    Parameters
    ----------
    chorales : list of Piece
    published : dict of str to str
        ``train``, ``valid``, ``test`` or ``unmatched`` by name.
    training : int

    Returns
    -------
    list of Piece
        In the given order.
    """
    family = families(chorales)
    usable = {c.name for c in chorales if window_starts(c)}
    split = {}
    for chorale in chorales:
        if published[chorale.name] == "test":
            split.update(dict.fromkeys(family[chorale.name], "test"))
    for wanted in ("train", "unmatched", "valid"):
        for name in (c.name for c in chorales if published[c.name] == wanted and c.name not in split):
            places = training - sum(split.get(n) == "train" for n in usable)
            fits = len(family[name] & usable) <= places and (name in usable or wanted != "valid")
            split.update(dict.fromkeys(family[name], "train" if fits else "valid"))
    return [replace(c, split=split[c.name]) for c in chorales]


def split_at_random(pieces, held_out, seed):
    """Hold pieces out for validation and test, at least one of each, with all that share their music."""
    alike = list(dict.fromkeys(families(pieces).values()))
    if len(alike) < len(ROLL_FILES):
        raise ValueError(
            f"{len(pieces)} pieces, of which {len(alike)} have nothing in common: at least {len(ROLL_FILES)} "
            "are needed, to train, to validate and to test by. Add more music."
        )
    order = np.random.default_rng(seed).permutation(len(alike))
    split = dict.fromkeys((piece.name for piece in pieces), "train")
    wanted, place = max(1, round(held_out * len(pieces))), 0
    for side in ("valid", "test"):
        taken = 0
        # A family is left for each side that is still to come.
        while taken < wanted and place < len(alike) - (2 if side == "valid" else 1):
            family = alike[order[place]]
            split.update(dict.fromkeys(family, side))
            taken, place = taken + len(family), place + 1
    return [replace(piece, split=split[piece.name]) for piece in pieces]
