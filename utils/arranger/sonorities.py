"""First level of the search: which notes all voices have on each beat."""

from __future__ import annotations

from itertools import combinations, pairwise, product
from typing import NamedTuple

import numpy as np

from ..music.beats import (
    HAS_THIRD,
    IS_COMPLETE,
    IS_DOMINANT,
    IS_LEADING,
    IS_MAJOR,
    IS_MINOR,
    IS_MINOR_OR_MINOR_SEVENTH,
    IS_TRIAD,
    KIND_OF,
    NONE,
    ROOT_OF,
)
from ..music.theory import CONSONANCE, OCTAVE, SCALES, parallels, perfect_intervals, voice_ranges
from .prices import (
    CHORD_CODES,
    MOTIONS,
    PLAIN,
    ROLES,
    SEVENTH,
    SIX_FOUR,
    cadence_table,
    chord_table,
    move_table,
    seventh_of,
)
from .viterbi import cheapest_path

COMBINED = 350  # sonorities that are priced for a beat: seven pitches for each of three voices
SONORITIES = 64  # the cheapest of them, whose moves are priced
MOST_CANDIDATES = 12  # for a single voice
AT_ONCE = 1024  # beats whose sonorities are listed at once, for the memory's sake
THIRDS = {"major": 4, "minor": 3}
INVERSION_OF = np.array([0, 0, 0, 1, 1, 0, 2, 2, 2, 3, 3, 3])  # by how far the bass is above the root
# The network does not know where songs and phrases end. How likely are at least the notes of the tonic at the
# beginning and the end of a song, and the notes of the key that are consonant with the melody where a phrase
# ends:
TONIC_FLOOR, CONSONANT_FLOOR = 0.1, 0.05
CONSONANT = (0, 3, 4, 5, 7, 8, 9)  # semitones above or below the melody's note, in any octave


class Beats(NamedTuple):
    """The beats of a song, one array each.

    Attributes
    ----------
    melody : int array [beat]
        Pitches.
    half : int array [beat]
        The melody's pitch on the half of the beat.
    phrase_end, downbeat : bool array [beat]
    opens, closes : bool array [beat]
        Which one begins the song, and which one ends it, if any.
    key : (tonic, mode) or None
    place : int
        Which voice the melody is, counted from the top.
    """

    melody: np.ndarray
    half: np.ndarray
    phrase_end: np.ndarray
    downbeat: np.ndarray
    opens: np.ndarray
    closes: np.ndarray
    key: tuple | None = None
    place: int = 0

    def part(self, which):
        """Take some of them: a slice."""
        return Beats(*(array[which] for array in self[:-2]), self.key, self.place)


class Sonorities(NamedTuple):
    """What all voices sing, and the chords of it, each an array [beat, candidate]; pitches [..., voice]."""

    pitch: np.ndarray
    kind: np.ndarray
    root: np.ndarray
    inversion: np.ndarray

    def take(self, index):
        """Pick some candidates of each beat: index [beat, candidate]."""
        picked = [np.take_along_axis(array, index, axis=1) for array in self[1:]]
        return Sonorities(np.take_along_axis(self.pitch, index[..., None], axis=1), *picked)


def decide_beats(likelihood, beats, costs):
    """Choose the notes on the beats together, as the cheapest path through the likeliest sonorities.

    Parameters
    ----------
    likelihood : float array [beat, voice, pitch=128]
        Logarithms of probabilities of the voices but the melody, from the top.
    beats : Beats
    costs : Costs

    Returns
    -------
    int16 array [beat, voice]
        Of all voices, the melody in its place.
    float
        The price.
    """
    parts = []
    for first in range(0, len(likelihood), AT_ONCE):
        part = slice(first, first + AT_ONCE)
        parts.append(_cheapest_sonorities(likelihood[part], beats.part(part), costs))
    chords, local = zip(*parts, strict=True)
    chords, local = Sonorities(*map(np.concatenate, zip(*chords, strict=True))), np.concatenate(local)
    path, price = cheapest_path(local, movement(chords, beats, costs))
    return chords.pitch[np.arange(len(path)), path], price


def _cheapest_sonorities(likelihood, beats, costs):
    """Pick the sonorities that are cheapest by themselves: Sonorities, and float32 [beat, candidate]."""
    pitch, score = combine(likelihood, beats)
    chords = find_chords_of(pitch)
    local = (price_sonorities(chords, beats, costs) - costs.trust * score).astype(np.float32)
    if local.shape[1] <= SONORITIES:
        return chords, local
    best = np.argpartition(local, SONORITIES - 1, axis=1)[:, :SONORITIES]
    return chords.take(best), np.take_along_axis(local, best, axis=1)


def combine(likelihood, beats):
    """List sonorities of the likeliest singable pitches: int16 [beat, sonority, voice], and their scores."""
    voices = likelihood.shape[1]
    candidates = min(MOST_CANDIDATES, max(2, int(COMBINED ** (1 / voices) + 1e-9)))
    low, high = np.delete(voice_ranges(1 + voices), beats.place, axis=0).T[..., None]
    singable = (np.arange(likelihood.shape[-1]) >= low) & (np.arange(likelihood.shape[-1]) <= high)
    score = np.where(singable, likelihood, -np.inf)
    floor = np.where(singable, _floor(beats, likelihood.shape[-1])[:, None], -np.inf)
    score = np.maximum(score, floor)
    pitch = np.argpartition(-score, candidates - 1, axis=-1)[..., :candidates]  # [beat, voice, candidate]
    score = np.take_along_axis(score, pitch, axis=-1)
    which = np.array(list(product(range(candidates), repeat=voices)))  # [sonority, voice]
    lower = [pitch[:, voice, which[:, voice]] for voice in range(voices)]
    lower.insert(beats.place, np.broadcast_to(np.asarray(beats.melody)[:, None], lower[0].shape))
    total = sum(score[:, voice, which[:, voice]] for voice in range(voices))
    return np.stack(lower, axis=-1).astype(np.int16), total


def _floor(beats, pitches):
    """How likely each pitch is at least, as a logarithm: float array [beat, pitch]."""
    floor = np.full((len(beats.melody), pitches), -np.inf)
    if beats.key:
        tonic, mode = beats.key
        above = (np.arange(pitches) - beats.melody[:, None]) % OCTAVE
        scale = np.isin((np.arange(pitches) - tonic) % OCTAVE, (*SCALES[mode], OCTAVE - 1))
        floor[np.isin(above, CONSONANT) & scale & beats.phrase_end[:, None]] = np.log(CONSONANT_FLOOR)
        for end, third in ((beats.opens, THIRDS[mode]), (beats.closes, THIRDS["major"])):
            at_home = np.isin((np.arange(pitches) - tonic) % OCTAVE, (0, third, 7))
            floor[end[:, None] & at_home] = np.log(TONIC_FLOOR)
    return floor


def find_chords_of(pitch):
    """Name the chords of sonorities: Sonorities."""
    bass = pitch.min(axis=-1)
    bits = np.bitwise_or.reduce(1 << ((pitch - bass[..., None]) % OCTAVE), axis=-1)
    kind = KIND_OF[bits]
    root = np.where(kind == NONE, NONE, (ROOT_OF[bits] + bass) % OCTAVE)
    return Sonorities(pitch, kind, root, INVERSION_OF[(bass - root) % OCTAVE] * (kind != NONE))


def price_sonorities(chords, beats, costs):
    """Price each sonority by itself: float array [beat, candidate]."""
    pitch, kind, _, inversion = chords
    voices = pitch.shape[-1]
    cost = np.take(costs.kinds, kind) + np.take(costs.inversions, inversion) * (kind != NONE)
    for upper, (one, other) in enumerate(pairwise(range(voices))):
        distance = pitch[..., one] - pitch[..., other]
        cost += costs.crossing * (distance < 0)
        if upper < voices - 2:  # the bass may stand apart
            cost += costs.spacing * (distance > OCTAVE)
    if costs.sweetness:
        melody = pitch[..., beats.place]
        for voice in range(voices):
            if voice != beats.place:
                interval = melody - pitch[..., voice] if voice > beats.place else pitch[..., voice] - melody
                cost += costs.sweetness * CONSONANCE[interval % OCTAVE]
    moved = beats.half != beats.melody
    if moved.any():
        later = pitch[moved]
        later[..., beats.place] = beats.half[moved, None]
        cost[moved] += costs.melody_clash * (find_chords_of(later).kind == NONE)
    ends = beats.phrase_end
    settled = IS_TRIAD[kind[ends]] & IS_COMPLETE[kind[ends]] & (inversion[ends] == 0)
    cost[ends] += costs.phrase_end * ~settled
    if beats.key:
        _price_by_key(cost, chords, beats, costs)
    return cost


def _price_by_key(cost, chords, beats, costs):
    """Add to the prices of sonorities what depends on the key."""
    pitch, kind, root, inversion = chords
    tonic, mode = beats.key
    leading = (tonic + 11) % OCTAVE
    dominant = root == (tonic + 7) % OCTAVE
    wants_up = (dominant & IS_DOMINANT[kind]) | ((root == leading) & IS_LEADING[kind])
    cost += costs.leading_tone * (wants_up & ((pitch % OCTAVE == leading).sum(axis=-1) > 1))
    if mode == "minor":
        cost += costs.minor_dominant * (dominant & IS_MINOR_OR_MINOR_SEVENTH[kind])
    other_mode = IS_MINOR if mode == "major" else IS_MAJOR
    ending = IS_MINOR if mode == "major" else np.zeros_like(IS_MAJOR)  # minor may end in major
    fits = np.isin((beats.melody - tonic) % OCTAVE, (0, *THIRDS.values(), 7))
    for end, price, foreign in (
        (beats.opens & fits, costs.opening, other_mode),
        (beats.closes & fits, costs.closing, ending),
    ):
        at_home = (root[end] == tonic) & (inversion[end] == 0) & (IS_TRIAD & ~foreign)[kind[end]]
        cost[end] += price * ~at_home
    cost[beats.closes] += costs.minor_ending * IS_MINOR[kind[beats.closes]]


def movement(chords, beats, costs):
    """Prepare the prices of the moves between sonorities, for :func:`.cheapest_path`.

    Small integers throughout: NumPy compares eight-bit numbers many times faster than larger ones.
    """
    pitch, kind, root, inversion = chords
    voices = pitch.shape[-1]
    code = np.where(kind == NONE, CHORD_CODES - 1, OCTAVE * kind + root)
    third = (root + 4) % OCTAVE
    doubled = HAS_THIRD[kind] & ((pitch % OCTAVE == third[..., None]).sum(axis=-1) > 1)
    code_before = (CHORD_CODES * (code + CHORD_CODES * doubled)).astype(np.uint16)
    code = code.astype(np.uint16)
    settled = np.where(inversion == 0, code, np.uint16(CHORD_CODES - 1))  # there are no cadences on others
    chord_prices, cadence_prices = chord_table(costs).ravel(), cadence_table(costs, beats.key).ravel()
    seventh = seventh_of(kind, root)
    six_four = (inversion == 2) & IS_TRIAD[kind]
    lines, tables, leaving, coming = [], [], [], []
    for voice in range(voices):
        line, lowest = pitch[..., voice], voice == voices - 1
        role = np.where(line % OCTAVE == seventh, SEVENTH, PLAIN)
        if lowest:
            role = np.where(six_four, SIX_FOUR, role)
        sizes = costs.bass_moves if lowest else costs.inner_moves
        tables.append(move_table(sizes, costs, lowest))
        leaving.append((line - MOTIONS * role).astype(np.int16))
        coming.append((line + ROLES * MOTIONS * (six_four & lowest) + MOTIONS // 2).astype(np.int16))
        lines.append(line.astype(np.int8))
    perfect = {
        (upper, lower): perfect_intervals(lines[upper], lines[lower])
        for upper, lower in combinations(range(voices), 2)
    }

    def price_moves(first, last):
        now, before = slice(first, last), slice(first - 1, last - 1)
        pair = code_before[before][:, None, :] + code[now][:, :, None]
        cost = chord_prices.take(pair, mode="clip")
        for beat in np.flatnonzero(beats.phrase_end[now]):
            goal = settled[now][beat][:, None]
            cost[beat] += cadence_prices.take(code_before[before][beat] + goal, mode="clip")
        ways = [find_way(line[now][:, :, None], line[before][:, None, :]) for line in lines]
        ways[beats.place] = ways[beats.place][:, :1, :1]  # one melody for all
        for voice in range(voices):
            if voice != beats.place:
                motion = coming[voice][now][:, :, None] - leaving[voice][before][:, None, :]
                cost += tables[voice].take(motion, mode="clip")
        found = np.zeros(cost.shape, np.int8)
        for (upper, lower), kinds in perfect.items():
            found += parallels(kinds[before][:, None, :], kinds[now][:, :, None], ways[upper], ways[lower])
        cost += np.float32(costs.parallel) * found
        cost += np.float32(costs.contrary) * (ways[0] * ways[-1] < 0)
        for beat in np.flatnonzero(beats.downbeat[now]):
            cost[beat] += np.float32(costs.bass_stays) * (ways[-1][beat] == 0)
        return cost

    return price_moves


def find_way(now, before):
    """Tell which way voices move: int8, 1 for up, -1 for down."""
    return (now > before).view(np.int8) - (now < before).view(np.int8)
