"""Second level of the search: what happens between the beats.

Given the notes on the beats, each voice may hold its note, move on the half of a beat, or hold the note of
the beat before and go down by step on the half. Which of them together is cheapest is a question of what the
notes on the half beat are (passing, neighbors, ...), of the network's probabilities, and of parallels.
What the user wrote stays, slot by slot.
"""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import NamedTuple

import numpy as np

from ..music.beats import IS_TRIAD, NONE
from ..music.grid import REST
from ..music.theory import FIFTH, OCTAVE, parallels, perfect_intervals, voice_ranges
from .lattice import alike, cheapest, combine, share, unite
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
from .sonorities import count_parallels, doubles_leading_tone, find_chords_of, find_way
from .viterbi import cheapest_path

SLOTS = 4  # sixteenths of a beat
COMBINED = 216  # ways to fill a beat that are priced: six for each of three free voices
FILLINGS = 32  # the cheapest of them, whose sequence is decided
LONE_FIGURES = 12  # of a single voice
AT_ONCE = 1024  # beats that are filled at once, for the memory's sake
FORBIDDEN = 1e3  # nats


class Lines(NamedTuple):
    """What is known of the voices of each beat from the beats around, one array [beat, voice] each.

    Attributes
    ----------
    before, own, after : int array
        The notes on the beat before, this one and the next.
    low, high : int array
        The range.
    is_bass : bool array
    seventh, six_four : bool array
        Whether the note is the seventh of its chord, or the bass of a 6/4 chord.
    """

    before: np.ndarray
    own: np.ndarray
    after: np.ndarray
    low: np.ndarray
    high: np.ndarray
    is_bass: np.ndarray
    seventh: np.ndarray
    six_four: np.ndarray


def find_lines(chosen):
    """Tell what is known of all voices from the notes on the beats, int array [beat, voice]: Lines."""
    chosen = chosen.astype(int)
    beats, voices = chosen.shape
    chords = find_chords_of(chosen)
    is_bass = np.arange(voices) == voices - 1
    low, high = np.array(voice_ranges(voices)).T
    return Lines(
        np.concatenate([chosen[:1], chosen[:-1]]),
        chosen,
        np.concatenate([chosen[1:], chosen[-1:]]),
        *(np.broadcast_to(array, (beats, voices)) for array in (low, high, is_bass)),
        chosen % OCTAVE == seventh_of(chords.kind, chords.root)[:, None],
        ((chords.inversion == 2) & IS_TRIAD[chords.kind])[:, None] & is_bass,
    )


def fill_beats(chosen, likelihood, given, closed, costs, tune=0, wanted=None, key=None):
    """Choose the notes between the beats.

    Parameters
    ----------
    chosen : int array [beat, voice]
        The notes on the beats.
    likelihood : float array [beat, slot=4, voice, pitch=128]
        Logarithms of probabilities; 0 in slots that a beat lacks.
    given : int array [beat, slot, voice]
        The pitches that the user wrote, REST where the search decides.
    closed : bool array [beat]
        Where no voice moves after the beat, unless it is given.
    costs : Costs
    tune : int
        Which voice is the melody, counted from the top.
    wanted : WantedChords, optional
        One a beat.
    key : (int, {"major", "minor"}), optional
        The tonic's pitch class and the mode.

    Returns
    -------
    int16 array [beat, slot, voice]
    float
        The price.
    """
    lines_of_beats = find_lines(chosen)
    parts = []
    for part, lines in alike((given == REST).any(axis=1), AT_ONCE):
        beats = part[:, None]
        known = Lines(*(array[beats, lines] for array in lines_of_beats))
        own, wish = given[beats, :, lines], likelihood[beats, :, lines]  # [beat, line, slot, ...]
        figures, price = figures_of(known, wish, own, closed[part], costs)
        pitch, local = combine(given[part], lines, figures, price)
        local = local + price_fillings(pitch, costs, tune, wanted and wanted.part(part), key)
        local = local.astype(np.float32)
        parts.append((part, *cheapest(local, FILLINGS, pitch)))
    local, pitch = unite(parts)
    path, total = cheapest_path(local, movement(pitch, chosen, costs))
    return pitch[np.arange(len(path)), path], total


def figures_of(lines, likelihood, given, closed, costs):
    """List what each free voice may do in each beat, and price it.

    Parameters
    ----------
    lines : Lines
        Of the free voices.
    likelihood : float array [beat, line, slot=4, pitch=128]
    given : int array [beat, line, slot]
    closed, costs
        As for :func:`fill_beats`.

    Returns
    -------
    int16 array [beat, line, figure, slot]
        Hold, then moves to the likeliest notes on the half beat, then hold the note before and step down:
        each but for what is given.
    float array [beat, line, figure]
    """
    before, own, after, low, high, is_bass, seventh, six_four = (array[..., None] for array in lines)
    pitches = np.arange(likelihood.shape[-1])
    likelihood = costs.trust_between * likelihood
    here, late = likelihood[:, :, 0] + likelihood[:, :, 1], likelihood[:, :, 2] + likelihood[:, :, 3]
    count = share(COMBINED, own.shape[1], LONE_FIGURES)
    moves = max(1, count - 2)

    def of(table, pitch):
        return np.take_along_axis(table, pitch, axis=-1)

    shapes = np.where(is_bass, costs.bass_shapes, costs.inner_shapes)  # [beat, line, shape]
    come, go = pitches - own, after - pitches
    price = of(shapes, shape_of(own, pitches, after)) - late
    price += costs.wide * (_is_wide(come) | _is_wide(go))
    price += costs.seventh * (seventh & (come != -1) & (come != -2))
    price += costs.stray_six_four * six_four * six_four_moves(come)
    wanted = given[..., 2:3]  # on the half
    may_move = (pitches >= low) & (pitches <= high) & ~closed[:, None, None]
    may_move = np.where(wanted == REST, may_move, pitches == wanted) & (pitches != own)
    price = np.where(may_move, price, FORBIDDEN)
    half = np.argpartition(price, moves - 1, axis=-1)[..., :moves]
    may_stay = (wanted == REST) | (wanted == own)
    held = np.where(may_stay, shapes[..., HELD, None] - of(here, own) - of(late, own), FORBIDDEN)
    falls = (before - own >= 1) & (before - own <= 2) & ~closed[:, None, None] & may_stay
    falls &= (given[..., :1] == REST) & (before >= low) & (before <= high)
    suspended = np.where(falls, costs.suspension - of(here, before) - of(late, own), FORBIDDEN)
    prices = np.concatenate([held, of(price, half) - of(here, own), suspended], axis=-1)
    first = np.concatenate([np.repeat(own, 1 + moves, axis=-1), before], axis=-1)
    second = np.concatenate([own, half, own], axis=-1)
    figures = np.stack([first, first, second, second], axis=-1)
    return np.where(given[:, :, None] == REST, figures, given[:, :, None]).astype(np.int16), prices


def _is_wide(motion):
    size = np.abs(motion)
    return (size > FIFTH) & (size != OCTAVE)


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


def price_fillings(pitch, costs, tune, wanted=None, key=None):
    """Price what the voices do together in a beat: float array [beat, filling]."""
    voices = pitch.shape[-1]
    half = pitch[:, :, 2]
    chords = find_chords_of(half)
    is_chord = chords.kind != NONE
    moves = half != pitch[:, :, 1]
    others = np.delete(moves, tune, axis=-1).sum(axis=-1)
    cost = costs.clash * (moves.any(axis=-1) & ~is_chord)
    cost += costs.together * np.maximum(others - 1, 0)
    if key:
        cost += costs.late_leading_tone * ((others > 0) & doubles_leading_tone(chords, key[0]))
    if wanted:
        other_chord = is_chord & (chords.root != wanted.root[:, None])
        price = wanted.closeness * costs.given_chord * (wanted.root != NONE)
        cost += price[:, None] * (other_chord & (others > 0))
    for upper, (one, other) in enumerate(pairwise(range(voices))):
        distance = half[..., one] - half[..., other]
        cost += costs.crossing * (distance < 0)
        if upper < voices - 2:
            cost += costs.spacing * (distance > OCTAVE)
    return cost + costs.crowd * count_parallels(pitch[:, :, 1], half)


def movement(pitch, chosen, costs):
    """Prepare the prices of the moves from beat to beat, for :func:`.cheapest_path`."""
    voices = range(pitch.shape[-1])
    last = [np.ascontiguousarray(pitch[:, :, -1, voice], np.int8) for voice in voices]
    first = [np.ascontiguousarray(pitch[:, :, 0, voice], np.int8) for voice in voices]
    suspended = [first[voice] != chosen[:, None, voice] for voice in voices]
    agreed = (pitch == pitch[:, :1]).all(axis=(1, 2))  # [beat, voice]
    pairs = list(combinations(voices, 2))
    ending = [perfect_intervals(last[upper], last[lower]) for upper, lower in pairs]
    beginning = [perfect_intervals(first[upper], first[lower]) for upper, lower in pairs]

    def price_moves(start, stop):
        now, before = slice(start, stop), slice(start - 1, stop - 1)
        # A voice that is given has one line for all fillings.
        some = [slice(0, 1 if agreed[start - 1 : stop, v].all() else None) for v in voices]
        here = [line[now, only, None] for line, only in zip(first, some, strict=True)]
        ways, by_beat = (
            [find_way(h, line[before, None, only]) for h, line, only in zip(here, lines, some, strict=True)]
            for lines in (last, first)
        )
        steps, beats = np.zeros((2, stop - start, pitch.shape[1], pitch.shape[1]), np.int8)
        for number, (upper, lower) in enumerate(pairs):
            goal = beginning[number][now][:, :, None]
            steps += parallels(ending[number][before][:, None], goal, ways[upper], ways[lower])
            beats += parallels(beginning[number][before][:, None], goal, by_beat[upper], by_beat[lower])
        cost = np.float32(costs.crowd) * steps + np.float32(costs.parallel) * beats
        for voice in voices:  # what is held into a beat must be there before it
            if suspended[voice][now].any():
                cost += np.float32(FORBIDDEN) * (suspended[voice][now][:, :, None] & (ways[voice] != 0))
        return cost

    return price_moves
