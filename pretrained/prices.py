"""Fit the prices of the search, so that its arrangements do what each price names as often as Bach does.

``python -m pretrained.prices`` arranges the validation chorales, counts everything that has a price in them and
in Bach's own settings of the same melodies, moves each price by a part of the logarithm of the ratio of both
counts, and so on for some rounds. What is counted is what is priced: the same functions do both.
"""

from __future__ import annotations

from dataclasses import asdict, fields, replace

import numpy as np

from utils.arranger import between, sonorities
from utils.arranger.prices import HELD, SHAPES, Costs
from utils.arranger.sonorities import Beats, find_chords_of
from utils.music.beats import KIND_OF, NONE
from utils.music.cadences import name_cadences
from utils.music.harmony import parallels_between_beats, sevenths_resolve, stray_six_four
from utils.music.theory import OCTAVE

FREE = Costs(**{name: (0.0,) * len(v) if isinstance(v, tuple) else 0.0 for name, v in asdict(Costs()).items()})
BETWEEN = ("inner_shapes", "bass_shapes", "suspension", "clash", "together", "crowd", "wide")
# Faults that a teacher marks in any pupil but Bach: how often they are to be, as a share of his.
AIMS = {"parallel": 0.5, "stray_six_four": 0.3, "minor_dominant": 0.8, "crowd": 0.7}
REWARDED = ("contrary", "together", "bass_stays")
NOT_FITTED = ("trust", "trust_between", "sweetness")


def analyze(grid, first, at):
    """Find the notes on the beats of a piece: where its first chord is, on the beat, the half, or after.

    Returns
    -------
    chosen : int array [beat, voice]
    pitch : int array [beat, slot, voice]
    """
    pitch = grid[at].astype(np.int16)
    bits = np.bitwise_or.reduce(1 << ((pitch - pitch.min(axis=-1, keepdims=True)) % OCTAVE), axis=-1)
    is_chord = KIND_OF[bits] != NONE
    chosen = pitch[:, 0].copy()
    for slot in (3, 1, 2, 0):
        chosen[is_chord[:, slot]] = pitch[is_chord[:, slot], slot]
    return chosen, pitch


def count(grid, first, at, phrase_end, downbeat, key, hearing=None):
    """Count what has a price: dict of str to float or float array, by the fields of Costs."""
    chosen, pitch = analyze(grid, first, at)
    beats = Beats(pitch[:, 0, 0], pitch[:, 2, 0], phrase_end, downbeat, key)
    chords = find_chords_of(chosen[:, None])
    counts = {}
    for field in fields(Costs):
        if field.name in BETWEEN or field.name in NOT_FITTED:
            continue
        default = getattr(FREE, field.name)
        if isinstance(default, tuple):
            counts[field.name] = np.array(
                [
                    _spend(chords, beats, replace(FREE, **{field.name: tuple(np.eye(len(default))[n])}))
                    for n in range(len(default))
                ]
            )
        else:
            counts[field.name] = _spend(chords, beats, replace(FREE, **{field.name: 1.0}))
    after = np.concatenate([chosen[1:], chosen[-1:]])
    shape = between.shape_of(pitch[:, 0], pitch[:, 2], after)
    suspended = (pitch[1:, 0] == pitch[:-1, 3]) & (pitch[1:, 0] - chosen[1:] >= 1)
    suspended &= pitch[1:, 0] - chosen[1:] <= 2
    counts["suspension"] = suspended[:, 1:].sum()
    plain = np.ones(shape.shape, bool)
    plain[1:] = ~suspended
    for name, voices in (("inner_shapes", slice(1, -1)), ("bass_shapes", slice(-1, None))):
        counts[name] = np.bincount(shape[:, voices][plain[:, voices]], minlength=len(SHAPES)).astype(float)
    for name in ("clash", "together", "crowd", "wide"):
        counts[name] = between.price_fillings(pitch[:, None], replace(FREE, **{name: 1.0}), 0).sum()
    counts["crowd"] += between.count_parallels_between(pitch[:-1, 3], pitch[1:, 0]).sum()
    if hearing is not None:
        counts["parallel"] = parallels_between_beats(hearing).sum()
        counts["seventh"] = (~sevenths_resolve(hearing)).sum()
        counts["stray_six_four"] = stray_six_four(hearing).sum()
        moves = np.abs(hearing.lines.after[hearing.lines.voice > 0])
        counts["wide"] = ((moves > 7) & (moves != OCTAVE)).sum()
        cadences = name_cadences(hearing)
        counts["cadence"] = np.bincount(cadences, minlength=5).astype(float)
    return counts


def _spend(chords, beats, costs):
    spent = sonorities.price_sonorities(chords, beats, costs).sum()
    moves = sonorities.movement(chords, beats, costs)
    return spent + moves(1, len(beats.melody)).sum()


def adjust(costs, ours, bach, rate):
    """Move each price by a part of the logarithm of how much too often its fault is committed."""
    changed = {}
    for name, counted in ours.items():
        step = rate * np.log((np.asarray(counted) + 0.5) / (AIMS.get(name, 1) * np.asarray(bach[name]) + 0.5))
        price = np.asarray(getattr(costs, name)) + step
        price = np.clip(price, -4 if name in REWARDED or price.ndim else 0, 9)
        changed[name] = tuple(price.round(3).tolist()) if price.ndim else round(float(price), 3)
    return replace(costs, **changed)
