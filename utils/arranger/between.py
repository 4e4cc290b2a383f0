"""Second level of the search: what happens between the beats.

Given the notes on the beats, each voice may hold its note, move on the half of a beat, or hold the note of
the beat before and go down by step on the half. Which of them together is cheapest is a question of what the
notes on the half beat are (passing, neighbors, ...), of the network's probabilities, and of parallels.
"""

from __future__ import annotations

from itertools import combinations, pairwise, product

import numpy as np

from ..music.beats import IS_TRIAD, KIND_OF, NONE
from ..music.theory import FIFTH, OCTAVE, parallels, perfect_intervals, voice_ranges
from .prices import (
    ANTICIPATION,
    APPROACH,
    ESCAPE,
    HELD,
    LEAPS,
    NEIGHBOR,
    PASSING,
    seventh_of,
    six_four_moves,
)
from .sonorities import find_chords_of, find_way
from .viterbi import cheapest_path

SLOTS = 4  # sixteenths of a beat
COMBINED = 216  # ways to fill a beat that are priced: six for each of three voices
FILLINGS = 32  # the cheapest of them, whose sequence is decided
LONE_FIGURES = 12  # of a single voice
AT_ONCE = 1024  # beats that are filled at once, for the memory's sake
FORBIDDEN = 1e3  # nats


def fill_beats(chosen, likelihood, melody, rests, costs, place=0):
    """Choose the notes between the beats.

    Parameters
    ----------
    chosen : int array [beat, voice]
        The notes on the beats, the melody in its place.
    likelihood : float array [beat, slot=4, voice, pitch=128]
        Logarithms of probabilities of the voices but the melody; 0 in slots that a beat lacks.
    melody : int array [beat, slot]
    rests : bool array [beat]
        Where no voice moves after the beat.
    costs : Costs
    place : int
        Which voice the melody is, counted from the top.

    Returns
    -------
    int16 array [beat, slot, voice]
    float
        The price.
    """
    after = np.concatenate([chosen[1:], chosen[-1:]])
    before = np.concatenate([chosen[:1], chosen[:-1]])
    parts = []
    for first in range(0, len(chosen), AT_ONCE):
        part = slice(first, first + AT_ONCE)
        notes = before[part], chosen[part], after[part]
        parts.append(_cheapest_fillings(notes, likelihood[part], melody[part], rests[part], costs, place))
    pitch, local = map(np.concatenate, zip(*parts, strict=True))
    path, total = cheapest_path(local, movement(pitch, chosen, costs, place))
    return pitch[np.arange(len(path)), path], total


def _cheapest_fillings(notes, likelihood, melody, rests, costs, place):
    """Pick the ways to fill each beat that are cheapest by themselves, and their prices."""
    figures, price = figures_of(*notes, likelihood, rests, costs, place)
    voices, count = figures.shape[1:3]
    which = np.array(list(product(range(count), repeat=voices)))  # [filling, voice]
    local = sum(price[:, voice, which[:, voice]] for voice in range(voices))
    lines = [figures[:, voice, which[:, voice]] for voice in range(voices)]
    lines.insert(place, np.broadcast_to(melody[:, None], lines[0].shape))
    pitch = np.stack(lines, axis=-1)  # [beat, filling, slot, voice]
    local = (local + price_fillings(pitch, costs, place)).astype(np.float32)
    if local.shape[1] <= FILLINGS:
        return pitch, local
    best = np.argpartition(local, FILLINGS - 1, axis=1)[:, :FILLINGS]
    return np.take_along_axis(pitch, best[..., None, None], axis=1), np.take_along_axis(local, best, axis=1)


def figures_of(before, chosen, after, likelihood, rests, costs, place):
    """List what each voice may do in each beat, and price it.

    Parameters
    ----------
    before, chosen, after : int array [beat, voice]
        The notes on the beat before, this one and the next.
    likelihood, rests, costs, place
        As for :func:`fill_beats`.

    Returns
    -------
    int16 array [beat, voice, figure, slot]
        Hold, hold the note before and step down, then moves to the likeliest notes on the half beat.
    float array [beat, voice, figure]
    """
    before, own, after = (np.delete(notes, place, axis=1).astype(int) for notes in (before, chosen, after))
    beats, voices = own.shape
    count = min(LONE_FIGURES, max(2, int(COMBINED ** (1 / voices) + 1e-9)))
    low, high = np.delete(voice_ranges(1 + voices), place, axis=0).T[..., None]
    pitches = np.arange(likelihood.shape[-1])
    likelihood = costs.trust_between * likelihood
    here, late = likelihood[:, 0] + likelihood[:, 1], likelihood[:, 2] + likelihood[:, 3]

    def of(table, pitch):
        return np.take_along_axis(table, pitch[..., None], axis=-1)[..., 0]

    bass = np.arange(voices) == voices - 1 if place < voices else np.zeros(voices, bool)
    shapes = np.where(bass[:, None], costs.bass_shapes, costs.inner_shapes)  # [voice, shape]
    shape = shape_of(own[..., None], pitches, after[..., None])  # [beat, voice, pitch]
    come, go = np.abs(pitches - own[..., None]), np.abs(after[..., None] - pitches)
    price = np.take_along_axis(np.broadcast_to(shapes, (beats, *shapes.shape)), shape, axis=-1) - late
    price += costs.wide * (((come > FIFTH) & (come != OCTAVE)) | ((go > FIFTH) & (go != OCTAVE)))
    chords = find_chords_of(chosen)
    going = pitches - own[..., None]
    seventh = np.delete(chosen % OCTAVE == seventh_of(chords.kind, chords.root)[:, None], place, axis=1)
    price += costs.seventh * (seventh[..., None] & (going != -1) & (going != -2))
    six_four = ((chords.inversion == 2) & IS_TRIAD[chords.kind])[:, None] & bass
    price += costs.stray_six_four * six_four[..., None] * six_four_moves(going)
    closed = rests[:, None, None] | (late == 0).all(axis=-1, keepdims=True)
    moving = (pitches >= low) & (pitches <= high) & (pitches != own[..., None]) & ~closed
    price = np.where(moving, price, FORBIDDEN)
    half = np.argpartition(price, max(1, count - 2) - 1, axis=-1)[..., : max(1, count - 2)]
    fall = before - own
    falls = (fall >= 1) & (fall <= 2) & ~closed[..., 0]
    suspended = np.where(falls, costs.suspension - of(here, before) - of(late, own), FORBIDDEN)
    held = shapes[:, HELD] - of(here, own) - of(late, own)
    prices = np.concatenate(
        [
            held[..., None],
            np.take_along_axis(price, half, axis=-1) - of(here, own)[..., None],
            suspended[..., None],
        ],
        axis=-1,
    )
    first = np.concatenate(
        [np.repeat(own[..., None], 1 + half.shape[-1], axis=-1), before[..., None]], axis=-1
    )
    second = np.concatenate([own[..., None], half, own[..., None]], axis=-1)
    return np.stack([first, first, second, second], axis=-1).astype(np.int16), prices


def shape_of(note, half, after):
    """Tell what the note on the half of a beat is: int array of ``SHAPES``."""
    come, go = half - note, after - half
    in_step, out_step = np.abs(come) <= 2, np.abs(go) <= 2
    return np.select(
        [
            come == 0,
            go == 0,
            in_step & out_step & (come * go > 0),
            in_step & out_step,
            in_step,
            out_step,
        ],
        [HELD, ANTICIPATION, PASSING, NEIGHBOR, ESCAPE, APPROACH],
        LEAPS,
    )


def price_fillings(pitch, costs, place):
    """Price what the voices do together in a beat: float array [beat, filling]."""
    voices = pitch.shape[-1]
    half = pitch[:, :, 2]
    bits = np.bitwise_or.reduce(1 << ((half - half.min(axis=-1, keepdims=True)) % OCTAVE), axis=-1)
    moves = half != pitch[:, :, 1]
    others = np.delete(moves, place, axis=-1).sum(axis=-1)
    cost = costs.clash * (moves.any(axis=-1) & (KIND_OF[bits] == NONE))
    cost += costs.together * np.maximum(others - 1, 0)
    for upper, (one, other) in enumerate(pairwise(range(voices))):
        distance = half[..., one] - half[..., other]
        cost += costs.crossing * (distance < 0)
        if upper < voices - 2:
            cost += costs.spacing * (distance > OCTAVE)
    return cost + costs.crowd * count_parallels_between(pitch[:, :, 1], half)


def count_parallels_between(before, now):
    """Count the parallels of all pairs of voices: int array of what two arrays [..., voice] broadcast to."""
    before, now = (
        [np.ascontiguousarray(grid[..., v], np.int8) for v in range(grid.shape[-1])] for grid in (before, now)
    )
    ways = [find_way(one, other) for one, other in zip(now, before, strict=True)]
    found = 0
    for upper, lower in combinations(range(len(now)), 2):
        found = found + parallels(
            perfect_intervals(before[upper], before[lower]),
            perfect_intervals(now[upper], now[lower]),
            ways[upper],
            ways[lower],
        )
    return found


def movement(pitch, chosen, costs, place):
    """Prepare the prices of the moves from beat to beat, for :func:`.cheapest_path`."""
    voices = range(pitch.shape[-1])
    last = [np.ascontiguousarray(pitch[:, :, -1, voice], np.int8) for voice in voices]
    first = [np.ascontiguousarray(pitch[:, :, 0, voice], np.int8) for voice in voices]
    suspended = [first[voice] != chosen[:, None, voice] for voice in voices]
    pairs = list(combinations(voices, 2))
    ending = [perfect_intervals(last[upper], last[lower]) for upper, lower in pairs]
    beginning = [perfect_intervals(first[upper], first[lower]) for upper, lower in pairs]

    def price_moves(start, stop):
        now, before = slice(start, stop), slice(start - 1, stop - 1)
        here = [line[now][:, :, None] for line in first]
        ways = [find_way(one, line[before][:, None]) for one, line in zip(here, last, strict=True)]
        by_beat = [find_way(one, line[before][:, None]) for one, line in zip(here, first, strict=True)]
        steps, beats = np.zeros((2, *ways[0].shape), np.int8)
        for number, (upper, lower) in enumerate(pairs):
            goal = beginning[number][now][:, :, None]
            steps += parallels(ending[number][before][:, None], goal, ways[upper], ways[lower])
            beats += parallels(beginning[number][before][:, None], goal, by_beat[upper], by_beat[lower])
        cost = np.float32(costs.crowd) * steps + np.float32(costs.parallel) * beats
        for voice in voices:  # what is held into a beat must be there before it
            if voice != place and suspended[voice][now].any():
                cost += np.float32(FORBIDDEN) * (suspended[voice][now][:, :, None] & (ways[voice] != 0))
        return cost

    return price_moves
