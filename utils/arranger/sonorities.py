"""First level of the search: which notes all voices have on each beat."""

from __future__ import annotations

from itertools import combinations, pairwise
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
from ..music.grid import REST
from ..music.theory import CONSONANCE, OCTAVE, SCALES, parallels, perfect_intervals, voice_ranges
from .lattice import alike, cheapest, combine, share, unite
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
from .wanted import WantedChords, price_notes, price_wanted

COMBINED = 350  # sonorities that are priced for a beat: seven pitches for each of three free voices
SONORITIES = 64  # the cheapest of them, whose moves are priced
MOST_CANDIDATES = 12  # for a single voice
ALIKE = 1e-6  # nats a semitone: where no melody leads, equally likely notes come from the middle of a range
AT_ONCE = 1024  # beats whose sonorities are listed at once, for the memory's sake
THIRDS = {"major": 4, "minor": 3}
INVERSION_OF = np.array([0, 0, 0, 1, 1, 0, 2, 2, 2, 3, 3, 3])  # by how far the bass is above the root
# The network does not know where songs and phrases end. How likely are at least the notes of the tonic at the
# beginning and the end of a song, and the notes of the key that are consonant with all that is given where a
# phrase ends:
TONIC_FLOOR, CONSONANT_FLOOR = 0.1, 0.05
CONSONANT = (0, 3, 4, 5, 7, 8, 9)  # semitones above or below the given note, in any octave


class Beats(NamedTuple):
    """The beats of a song, one array each.

    Attributes
    ----------
    given, half, late : int array [beat, voice]
        The pitches that the user wrote on the beats, on their halves and right before the next, REST where
        the search decides.
    phrase_end, downbeat : bool array [beat]
    lingers : bool array [beat]
        Where the last note of a phrase goes on, which began on a beat before.
    opens, closes : bool array [beat]
        Which one begins the song, and which one ends it, if any.
    key : (tonic, mode) or None
    tune : int
        Which voice is the melody, counted from the top.
    wanted : WantedChords or None
        One a beat.
    """

    given: np.ndarray
    half: np.ndarray
    late: np.ndarray
    phrase_end: np.ndarray
    downbeat: np.ndarray
    lingers: np.ndarray
    opens: np.ndarray
    closes: np.ndarray
    key: tuple | None = None
    tune: int = 0
    wanted: WantedChords | None = None

    def part(self, which):
        """Take some of them."""
        wanted = self.wanted and self.wanted.part(which)
        return Beats(*(array[which] for array in self[:8]), self.key, self.tune, wanted)


class Sonorities(NamedTuple):
    """What all voices sing, and the chords of it, each an array [beat, candidate]; pitches [..., voice]."""

    pitch: np.ndarray
    kind: np.ndarray
    root: np.ndarray
    inversion: np.ndarray


def decide_beats(likelihood, beats, costs):
    """Choose the notes on the beats together, as the cheapest path through the likeliest sonorities.

    Parameters
    ----------
    likelihood : float array [beat, voice, pitch=128]
        Logarithms of probabilities, from the top; ignored where a voice is given.
    beats : Beats
    costs : Costs

    Returns
    -------
    int16 array [beat, voice]
    float
        The price.
    """
    parts = []
    for part, lines in alike(beats.given == REST, AT_ONCE):
        free = likelihood[part[:, None], lines]
        parts.append((part, *_cheapest_sonorities(free, lines, beats.part(part), costs)))
    local, *chords = unite(parts)
    chords = Sonorities(*chords)
    path, price = cheapest_path(local, movement(chords, beats, costs))
    return chords.pitch[np.arange(len(path)), path], price


def _cheapest_sonorities(likelihood, lines, beats, costs):
    """Pick the sonorities that are cheapest by themselves: float32 [beat, candidate], and what they are."""
    pitch, score = combine(beats.given, lines, *likeliest(likelihood, lines, beats, costs))
    chords = find_chords_of(pitch)
    local = (price_sonorities(chords, beats, costs) - costs.trust * score).astype(np.float32)
    return cheapest(local, SONORITIES, *chords)


def likeliest(likelihood, lines, beats, costs):
    """Find the likeliest singable pitches of the free voices.

    Parameters
    ----------
    likelihood : float array [beat, line, pitch=128]
    lines : int array [beat, line]
        The free voices.
    beats : Beats
    costs : Costs

    Returns
    -------
    pitch : int array [beat, line, candidate]
    score : float array [beat, line, candidate]
        Logarithms of probabilities.
    """
    voices, pitches = beats.given.shape[1], likelihood.shape[-1]
    candidates = share(COMBINED, lines.shape[1], MOST_CANDIDATES)
    low, high = np.array(voice_ranges(voices)).T[:, lines, None]
    singable = (np.arange(pitches) >= low) & (np.arange(pitches) <= high)
    score = np.where(singable, likelihood, -np.inf)
    floor = np.where(singable, _floor(beats, pitches)[:, None], -np.inf)
    score = np.maximum(score, floor)
    price = -score
    unled = beats.given[:, beats.tune] == REST
    if unled.any():  # without a melody the network may know nothing
        price += ALIKE * unled[:, None, None] * np.abs(np.arange(pitches) - (low + high) / 2)
    if beats.wanted:  # else what belongs to the chord might not be among them
        price = price + price_notes(np.arange(pitches), lines == voices - 1, beats.wanted, costs)
    pitch = np.argpartition(price, candidates - 1, axis=-1)[..., :candidates]
    return pitch, np.take_along_axis(score, pitch, axis=-1)


def _floor(beats, pitches):
    """How likely each pitch is at least, as a logarithm: float array [beat, pitch]."""
    floor = np.full((len(beats.given), pitches), -np.inf)
    if beats.key:
        tonic, mode = beats.key
        scale = np.isin((np.arange(pitches) - tonic) % OCTAVE, (*SCALES[mode], OCTAVE - 1))
        given = beats.given[beats.phrase_end, :, None]
        consonant = np.isin((np.arange(pitches) - given) % OCTAVE, CONSONANT)
        fits = (consonant | (given == REST)).all(axis=1) & (given != REST).any(axis=1)
        floor[beats.phrase_end] = np.where(fits & scale, np.log(CONSONANT_FLOOR), -np.inf)
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
    inversions = np.vstack([costs.inversions, np.zeros(np.shape(costs.inversions)[1])])  # of no chord: last
    cost = np.take(costs.kinds, kind) + inversions[kind, inversion]
    for upper, (one, other) in enumerate(pairwise(range(voices))):
        distance = pitch[..., one] - pitch[..., other]
        cost += costs.crossing * (distance < 0)
        if upper < voices - 2:  # the bass may stand apart
            cost += costs.spacing * (distance > OCTAVE)
    if costs.sweetness:
        melody = pitch[..., beats.tune]
        for voice in range(voices):
            if voice != beats.tune:
                interval = melody - pitch[..., voice] if voice > beats.tune else pitch[..., voice] - melody
                cost += costs.sweetness * CONSONANCE[interval % OCTAVE]
    moved = ((beats.half != REST) & (beats.half != beats.given)).any(axis=1)
    if moved.any():
        half = beats.half[moved, None].astype(pitch.dtype)
        later = np.where(half != REST, half, pitch[moved])
        cost[moved] += costs.melody_clash * (find_chords_of(later).kind == NONE)
    ends = beats.phrase_end
    settled = IS_TRIAD[kind[ends]] & IS_COMPLETE[kind[ends]] & (inversion[ends] == 0)
    cost[ends] += costs.phrase_end * ~settled
    if beats.key:
        _price_by_key(cost, chords, beats, costs)
    if beats.wanted:
        cost += price_wanted(pitch, beats.given, beats.tune, beats.wanted, costs)
    return cost


def _price_by_key(cost, chords, beats, costs):
    """Add to the prices of sonorities what depends on the key."""
    _, kind, root, inversion = chords
    tonic, mode = beats.key
    cost += costs.leading_tone * doubles_leading_tone(chords, tonic)
    if mode == "minor":
        dominant = root == (tonic + 7) % OCTAVE
        cost += costs.minor_dominant * (dominant & IS_MINOR_OR_MINOR_SEVENTH[kind])
    other_mode = IS_MINOR if mode == "major" else IS_MAJOR
    ending = IS_MINOR if mode == "major" else np.zeros_like(IS_MAJOR)  # minor may end in major
    fits = np.isin((beats.given - tonic) % OCTAVE, (0, *THIRDS.values(), 7)) | (beats.given == REST)
    opens, closes = beats.opens, beats.closes
    if beats.wanted:  # whoever wants a chord knows it better
        opens, closes = opens & ~beats.wanted.any, closes & ~beats.wanted.any
    for end, price, foreign in (
        (opens & fits.all(axis=1), costs.opening, other_mode),
        (closes & fits.all(axis=1), costs.closing, ending),
    ):
        at_home = (root[end] == tonic) & (inversion[end] == 0) & (IS_TRIAD & ~foreign)[kind[end]]
        cost[end] += price * ~at_home
    cost[closes] += costs.minor_ending * IS_MINOR[kind[closes]]


def doubles_leading_tone(chords, tonic):
    """Tell which sonorities are dominants of the key with two leading tones or more: bool array."""
    leading, dominant = (tonic + 11) % OCTAVE, (tonic + 7) % OCTAVE
    wants_up = (chords.root == dominant) & IS_DOMINANT[chords.kind]
    wants_up |= (chords.root == leading) & IS_LEADING[chords.kind]
    return wants_up & ((chords.pitch % OCTAVE == leading).sum(axis=-1) > 1)


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

    is_given = beats.given != REST
    latest = np.where(beats.late[:, None] != REST, beats.late[:, None], pitch)
    goes_on = ((beats.late != REST) & (beats.late != beats.given)).any(axis=1)
    # Where the melody alone is given, the second level has ways around parallels from step to step.
    bound = np.delete(is_given, beats.tune, axis=1).any(axis=1)
    priced = [voice for voice in range(voices) if voice != beats.tune or not is_given[:, voice].all()]

    def price_moves(first, last):
        now, before = slice(first, last), slice(first - 1, last - 1)
        # A given voice has one line for all candidates.
        some = [slice(0, 1 if is_given[first - 1 : last, v].all() else None) for v in range(voices)]
        pair = code_before[before][:, None, :] + code[now][:, :, None]
        cost = chord_prices.take(pair, mode="clip")
        for beat in np.flatnonzero(beats.phrase_end[now]):
            goal = settled[now][beat][:, None]
            cost[beat] += cadence_prices.take(code_before[before][beat] + goal, mode="clip")
        ways = [
            find_way(line[now, only, None], line[before, None, only])
            for line, only in zip(lines, some, strict=True)
        ]
        for voice in priced:
            motion = coming[voice][now][:, :, None] - leaving[voice][before][:, None, :]
            cost += tables[voice].take(motion, mode="clip")
        found = np.zeros(cost.shape, np.int8)
        for (upper, lower), kinds in perfect.items():
            found += parallels(kinds[before][:, None, :], kinds[now][:, :, None], ways[upper], ways[lower])
        in_steps = bound[now] | bound[before]
        price = costs.parallel + costs.crowd * (in_steps & ~goes_on[before])
        cost += price.astype(np.float32)[:, None, None] * found
        for beat in np.flatnonzero(in_steps & goes_on[before]):
            found = count_parallels(latest[before][beat], pitch[now][beat][:, None])
            cost[beat] += np.float32(costs.crowd) * found
        cost += np.float32(costs.contrary) * (ways[0] * ways[-1] < 0)
        for beat in np.flatnonzero(beats.downbeat[now]):
            cost[beat] += np.float32(costs.bass_stays) * (ways[-1][beat] == 0)
        for beat in np.flatnonzero(beats.lingers[now]):
            for voice in np.flatnonzero(~is_given[first + beat]):
                cost[beat] += np.float32(costs.restless) * (ways[voice][beat] != 0)
        return cost

    return price_moves


def find_way(now, before):
    """Tell which way voices move: int8, 1 for up, -1 for down."""
    return (now > before).view(np.int8) - (now < before).view(np.int8)


def count_parallels(before, now):
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
