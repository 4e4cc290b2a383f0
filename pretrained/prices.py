"""Fit the prices of the search, so that its arrangements do what each price names as often as Bach does.

``python -m pretrained.prices`` arranges the validation chorales, soberly and with noise, counts everything
that has a price in them and in Bach's own settings of the same melodies, moves each price by a part of the
logarithm of the ratio of the counts, and so on for some rounds. What is counted is what is priced: the same
functions do both, or those of :mod:`utils.music.musician` where a fault is heard over more than two beats.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from typing import NamedTuple

import numpy as np

from utils.arranger import between, sonorities
from utils.arranger.prices import FREE, MOTIONS, SHAPES, SIZE_OF, Costs
from utils.arranger.proposals import draw_takes, keys_to_ask_in, propose_probabilities
from utils.arranger.search import decode, give_line, lay_out_beats
from utils.arranger.takes import last_notes
from utils.corpus.pieces import load_chorales
from utils.music.beats import KIND_OF, KINDS, NONE, WHERE
from utils.music.cadences import CADENCES, name_cadences
from utils.music.grid import REST, STEPS_PER_BAR, STEPS_PER_BEAT, onsets_of
from utils.music.harmony import parallels_between_beats, sevenths_resolve, stray_six_four
from utils.music.hearing import hear
from utils.music.meter import heard_steps
from utils.music.theory import FIFTH, OCTAVE

ROUNDS = 10
TAKES = 8  # of each melody: the sober one, which counts in every round, and others, one a round
RATE, SLOWER_AFTER = 0.5, 5  # of the logarithm, and the rounds after which the rate is halved
ONE_MORE = 0.5  # added to all counts, so that what never happens has a logarithm
LOWEST, HIGHEST = -4.0, 12.0  # nats
# How often, as a share of Bach: less what a teacher marks in any pupil but him, and what is rare in him, as
# the search has it where the network is unsure, not where it is meant; more what makes voices walk, as
# fewer of their passing notes follow each other than of his.
AIMS = {
    "phrase_end": 0.1,
    "parallel": 0.12,
    "crowd": 0.05,
    "wide": 0.2,
    "seventh": 0.6,
    "stray_six_four": 0.2,
    "leading_tone": 0.35,
    "doubled_third": 0.35,
    "late_leading_tone": 0.2,
    "minor_dominant": 0.4,
    "kinds": np.array([1, 1, 1, 1, 1, 1, 1, 1, 1, 0.8, 0.8, 0.15, 1, 1, 1, 1]),  # no fifth, no third
    "inner_moves": np.array([1, 1.1, 1.05, 0.6, 0.2, 0.25, 0.15, 0.1]),
    "bass_moves": np.array([1, 1, 1, 1, 0.4, 0.5, 0.7, 0.2]),
    "inner_shapes": np.array([1, 1.05, 1, 1, 1, 1, 1]),
    "bass_shapes": np.array([1, 1.5, 0.8, 1, 1, 1, 0.6]),
}
MAY_BE_REWARDED = ("contrary", "together", "bass_stays")  # of the prices that stand alone
# The network crosses voices and parts them less often than Bach: that is no reason to pay for it. And simple
# songs begin and end on the tonic more often than chorales.
NOT_FITTED = ("trust", "trust_between", "sweetness", "opening", "closing", "crossing", "spacing")
# Nor is there anything to count where the melody alone is given:
NOT_FITTED += ("given_chord", "given_bass", "restless")
BETWEEN = (
    "inner_shapes",
    "bass_shapes",
    "suspension",
    "clash",
    "together",
    "late_leading_tone",
    "crowd",
    "wide",
)
HEARD = ("parallel", "seventh", "stray_six_four", "cadence", "wide")


class Song(NamedTuple):
    """A chorale as the search sees it: its beats, the steps of their sixteenths, its options."""

    chorale: object
    beats: sonorities.Beats
    at: np.ndarray
    options: dict
    probability: np.ndarray | None = None


def load_songs(generator=None):
    """Read the validation chorales in 4/4 in which no voice rests: list of Song."""
    chorales = [
        c
        for c in load_chorales(split="valid")
        if c.meter == "4/4" and (c.grid != REST).all() and len(c.bars) and len(c.phrase_ends)
    ]
    return [study(chorale, generator, seed) for seed, chorale in enumerate(chorales)]


def study(chorale, generator=None, seed=0):
    """Prepare a chorale for the search, and ask a network about its melody: Song."""
    melody = chorale.grid[:, 0].astype(int)
    last = last_notes(chorale.onset[:, 0], chorale.phrase_ends)
    heard = np.arange(len(melody)) - chorale.bars[0] % -STEPS_PER_BAR
    phase = heard % STEPS_PER_BEAT
    given = np.full(chorale.grid.shape, REST)
    given[:, 0] = melody
    options = {
        "phase": phase,
        "phrase_ends": last,
        "key": (chorale.tonic, chorale.mode),
        "bars": chorale.bars,
        "whole": True,
    }
    beats, slots = lay_out_beats(given, **options)
    probability = None
    if generator is not None:
        source = heard_steps(heard)
        noise = draw_takes(generator, TAKES, seed, len(source) // STEPS_PER_BAR, sober=1)
        keys = keys_to_ask_in(generator)
        voices = range(1, given.shape[1])
        probability = propose_probabilities(generator, given[source], noise, keys, voices)[:, heard]
    return Song(chorale, beats, slots.at, options, probability)


def find_beats_of(grid, at):
    """Find the notes on the beats of a piece: where its first chord is, on the beat, the half, or after.

    Returns
    -------
    int array [beat, voice]
    int array [beat, slot, voice]
        What sounds on the sixteenths.
    """
    pitch = grid[at].astype(np.int16)
    bits = np.bitwise_or.reduce(1 << ((pitch - pitch.min(axis=-1, keepdims=True)) % OCTAVE), axis=-1)
    is_chord = KIND_OF[bits] != NONE
    chosen = pitch[:, 0].copy()
    for slot in reversed(WHERE):
        chosen[is_chord[:, slot]] = pitch[is_chord[:, slot], slot]
    return chosen, pitch


def count_priced(song, grid):
    """Count all that has a price: dict of str to float, or float array, by the fields of Costs."""
    chosen, pitch = find_beats_of(grid, song.at)
    chords = sonorities.find_chords_of(chosen[:, None])

    def spend(costs):
        spent = sonorities.price_sonorities(chords, song.beats, costs).sum()
        return spent + sonorities.movement(chords, song.beats, costs)(1, len(chosen)).sum()

    counts = _count_kinds(chords)
    for name, default in asdict(FREE).items():
        if not (isinstance(default, tuple) or name in BETWEEN or name in HEARD or name in NOT_FITTED):
            counts[name] = spend(replace(FREE, **{name: 1.0}))
    return counts | _count_between(chosen, pitch, song.beats.key) | _count_heard(song, grid)


def _count_kinds(chords):
    """Count what has a list of prices: chords, inversions, moves and steps of the root, by their number."""
    found = chords.kind[:, 0] != NONE
    sizes = SIZE_OF[np.diff(chords.pitch[:, 0], axis=0) + MOTIONS // 2]
    roots = np.diff(chords.root[:, 0])[found[1:] & found[:-1]] % OCTAVE
    counted = {
        "kinds": chords.kind % (len(KINDS) + 1),  # no chord comes last
        "inversions": chords.inversion[found],
        "inner_moves": sizes[:, 1:-1],
        "bass_moves": sizes[:, -1:],
        "roots": roots,
    }
    return {
        name: np.bincount(np.ravel(numbers), minlength=len(getattr(FREE, name))).astype(float)
        for name, numbers in counted.items()
    }


def _count_between(chosen, pitch, key):
    """Count what happens between the beats."""
    after = np.concatenate([chosen[1:], chosen[-1:]])
    shape = between.shape_of(pitch[:, 0], pitch[:, 2], after)
    fall = pitch[1:, 0] - chosen[1:]
    suspended = np.zeros(shape.shape, bool)
    suspended[1:] = (pitch[1:, 0] == pitch[:-1, 3]) & (fall >= 1) & (fall <= 2)
    counts = {"suspension": float(suspended[:, 1:].sum())}
    for name, voices in (("inner_shapes", slice(1, -1)), ("bass_shapes", slice(-1, None))):
        plain = ~suspended[:, voices]
        counts[name] = np.bincount(shape[:, voices][plain], minlength=len(SHAPES)).astype(float)
    for name in ("clash", "together", "late_leading_tone", "crowd"):
        one = replace(FREE, **{name: 1.0})
        counts[name] = float(between.price_fillings(pitch[:, None], one, 0, key=key).sum())
    counts["crowd"] += sonorities.count_parallels(pitch[:-1, 3], pitch[1:, 0]).sum()
    return counts


def _count_heard(song, grid):
    """Count the faults that the musical measures hear better than two beats can tell."""
    c = song.chorale
    onset = np.column_stack([c.onset[:, 0], onsets_of(grid)[:, 1:]])
    hearing = hear(grid, onset, c.bars, c.tonic, c.mode, c.phrase_ends)
    moves = np.abs(hearing.lines.after[hearing.lines.voice > 0])
    return {
        "parallel": parallels_between_beats(hearing).sum(),
        "seventh": (~sevenths_resolve(hearing)).sum(),
        "stray_six_four": stray_six_four(hearing).sum(),
        "cadence": np.bincount(name_cadences(hearing), minlength=len(CADENCES)),
        "wide": ((moves > FIFTH) & (moves != OCTAVE)).sum(),
    }


def arrange(songs, costs, take=0):
    """Let the search set voices to songs, by one of their takes: list of int8 array [step, voice]."""
    return [
        decode(*give_line(song.probability[take], song.chorale.grid[:, 0]), costs, **song.options)[0]
        for song in songs
    ]


def count_arranged(songs, costs, number):
    """Count what has a price in the sober arrangements and in a take, another one in each round: dict."""
    takes = (0, 1 + number % (TAKES - 1))
    counts = [count_all(songs, arrange(songs, costs, take)) for take in takes]
    return {name: np.mean([count[name] for count in counts], axis=0) for name in counts[0]}


def count_all(songs, grids):
    """Add up what has a price in all songs."""
    counts = [count_priced(song, grid) for song, grid in zip(songs, grids, strict=True)]
    return {name: np.sum([count[name] for count in counts], axis=0) for name in counts[0]}


def adjust(costs, ours, bach, rate):
    """Move each price by a part of the logarithm of how much too often is done what it names.

    Parameters
    ----------
    costs : Costs
    ours, bach : dict of str to float or float array
        Of :func:`count_all`.
    rate : float
        0..1.

    Returns
    -------
    Costs
    """
    changed = {}
    for name, counted in ours.items():
        aim = find_aim(name, counted, bach[name])
        price = np.asarray(getattr(costs, name)) + rate * np.log((counted + ONE_MORE) / (aim + ONE_MORE))
        lowest = LOWEST if price.ndim or name in MAY_BE_REWARDED else 0
        price = np.clip(price, lowest, HIGHEST)
        changed[name] = tuple(price.round(2).tolist()) if price.ndim else round(float(price), 2)
    return replace(costs, **changed)


def find_aim(name, ours, bach):
    """Say how often what has a price should be done: float or float array. Of a list, the shares count."""
    aim = AIMS.get(name, 1) * np.asarray(bach, float)
    return aim * np.sum(ours) / np.sum(aim) if aim.ndim else aim


def fit(songs, costs, rounds=ROUNDS, say=print):
    """Fit the prices by as many rounds: Costs."""
    bach = count_all(songs, [song.chorale.grid for song in songs])
    for number in range(rounds):
        ours = count_arranged(songs, costs, number)
        say(f"round {number + 1}: {_missed(ours, bach):.3f} nats off on average")
        costs = adjust(costs, ours, bach, RATE / (1 + number / SLOWER_AFTER))
    return costs


def _missed(ours, bach):
    """Average how far the counts are from Bach's, weighted by them."""
    aims = {name: find_aim(name, ours[name], bach[name]) for name in ours}
    off = [np.abs(np.log((ours[name] + ONE_MORE) / (aims[name] + ONE_MORE))) for name in ours]
    return np.average(np.hstack(off), weights=np.hstack([bach[n] for n in ours]) + ONE_MORE)


def main(arguments=None):
    """Fit, print the counts and the prices."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--generator", help="a generator.npz; the shipped one by default")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args(arguments)
    if options.generator:
        from utils.training_utils import load_network

        generator = load_network(options.generator)
    else:
        from utils.networks.store import load_shipped

        generator, _ = load_shipped()
    songs = load_songs(generator)
    costs = fit(songs, Costs(), options.rounds)
    bach = count_all(songs, [song.chorale.grid for song in songs])
    ours = count_arranged(songs, costs, options.rounds)
    for name, price in asdict(costs).items():
        if name in ours:
            print(f"{name}: {price}; counted {np.round(ours[name])}, by Bach {np.round(bach[name])}")
    print(costs)


if __name__ == "__main__":
    main()
