"""The search: its two levels, what they price, and that they find the cheapest."""

from dataclasses import asdict, replace
from itertools import combinations, pairwise, product
from pathlib import Path

import numpy as np
import pytest

from pretrained import prices as fit
from utils.arranger import between, search, sonorities
from utils.arranger.prices import SHAPES, SIZES, Costs, without_prices
from utils.arranger.search import decode, give_line
from utils.arranger.takes import last_notes
from utils.arranger.viterbi import cheapest_path
from utils.corpus.pieces import load_chorales
from utils.music.beats import KINDS
from utils.music.grid import REST
from utils.music.theory import CHORDS, VOICE_RANGES, voice_ranges

ROOT = Path(__file__).parent.parent
FREE = without_prices()
# Voices move on beats alone.
STILL = replace(FREE, inner_shapes=(0.0, *[50.0] * 6), bass_shapes=(0.0, *[50.0] * 6), suspension=50.0)
C_MAJOR, A_MINOR = (0, "major"), (9, "minor")


def one_of(values, chosen, price):
    """A tuple of prices, 0 but for one."""
    return tuple(price if number == chosen else 0.0 for number in range(len(values)))


def kind_number(name):
    return list(KINDS).index(name)


def on_beats(*beats, steps=4):
    """Probabilities [step, voice, pitch] from {pitch: share} per beat and voice."""
    p = np.full((len(beats), len(beats[0]), 128), 1e-4)
    for beat, voices in enumerate(beats):
        for voice, shares in enumerate(voices):
            for pitch, share in shares.items():
                p[beat, voice, pitch] = share
    return np.repeat(p, steps, axis=0)


def noisy(rng, steps=64, voices=3):
    """Probabilities that prefer something, but not strongly."""
    logits = rng.normal(scale=2, size=(steps, voices, 128))
    return np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)


def certain(grid):
    """Probabilities that leave no doubt about the lower voices of a grid."""
    return np.eye(128)[np.asarray(grid)[:, 1:]]


def set_voices(probability, melody, costs=None, place=0, **options):
    """Set voices to a melody alone; the probabilities are theirs."""
    return decode(*give_line(probability, melody, place), costs, tune=place, **options)


def perfect(one, other):
    """Name the perfect interval between two pitches, whichever is higher; None if there is none."""
    distance = abs(one - other)
    return "unison" if distance == 0 else {0: "octave", 7: "fifth"}.get(distance % 12)


def count_parallels(before, now):
    """Count the parallel unisons, octaves and fifths of one step, a pair of voices at a time."""
    count = 0
    for upper, lower in combinations(range(len(now)), 2):
        up, down = int(now[upper]) - int(before[upper]), int(now[lower]) - int(before[lower])
        kind = perfect(int(now[upper]), int(now[lower]))
        count += (
            up * down > 0 and kind is not None and kind == perfect(int(before[upper]), int(before[lower]))
        )
    return count


# ------------------------------------------------------------------------------------------ the lattice
def test_the_path_is_the_cheapest_of_all():
    rng = np.random.default_rng(0)
    local = rng.normal(size=(10, 3)).astype(np.float32)  # longer than a block
    moves = rng.normal(size=(10, 3, 3)).astype(np.float32)

    def price(path):
        return sum(local[p, s] for p, s in enumerate(path)) + sum(
            moves[p, now, before] for p, (before, now) in enumerate(pairwise(path), start=1)
        )

    path, spent = cheapest_path(local, lambda first, last: moves[first:last].copy())
    best = min(product(range(3), repeat=10), key=price)
    assert tuple(path) == best
    assert spent == pytest.approx(price(best), rel=1e-5)


def test_a_long_song_costs_what_its_parts_cost():
    p, melody = noisy(np.random.default_rng(0)), np.full(64, 70)
    _, short = set_voices(p, melody, FREE)
    _, long = set_voices(np.tile(p, (100, 1, 1)), np.tile(melody, 100), FREE)
    assert long == pytest.approx(short, rel=1e-4)  # nothing is lost to rounding


def test_a_long_song_in_parts_is_the_same(monkeypatch):
    p, melody = noisy(np.random.default_rng(1)), np.full(64, 70)
    whole, price = set_voices(p, melody, key=C_MAJOR, whole=True)
    monkeypatch.setattr(sonorities, "AT_ONCE", 3)
    monkeypatch.setattr(between, "AT_ONCE", 5)
    parts, price_in_parts = set_voices(p, melody, key=C_MAJOR, whole=True)
    np.testing.assert_array_equal(parts, whole)
    assert price_in_parts == pytest.approx(price)


def test_the_last_notes_of_phrases_last_until_the_next():
    onset = np.zeros(12, bool)
    onset[[2, 4, 8]] = True
    assert last_notes(onset, (4,)).tolist() == [[4, 8], [8, 12]]  # the last note of all is one
    assert last_notes(onset, (2, 8)).tolist() == [[2, 4], [8, 12]]
    assert last_notes(np.zeros(3, bool), ()).shape == (0, 2)


# -------------------------------------------------------------------------------------------- the beats
def name_plainly(sounding):
    """Name a chord by going through all of them: kind and inversion, or None."""
    classes, bass = {pitch % 12 for pitch in sounding}, min(sounding) % 12
    for kind, tones in enumerate(KINDS.values()):
        for root in [bass, *range(12)]:
            if classes == {(root + tone) % 12 for tone in tones}:
                above = (bass - root) % 12
                return kind, 0 if above == 0 else 1 if above in (3, 4) else 2 if above in (6, 7, 8) else 3
    return None


def price_plainly(path, costs):
    """Price the beats of a path, one fault at a time."""
    total = 0.0
    for voices in path:
        named = name_plainly(voices)
        total += costs.kinds[-1] if named is None else costs.kinds[named[0]] + costs.inversions[named[1]]
        total += costs.crossing * sum(upper < lower for upper, lower in pairwise(voices))
        total += costs.spacing * sum(upper - lower > 12 for upper, lower in pairwise(voices[:-1]))
    for before, now in pairwise(path):
        total += costs.parallel * count_parallels(before, now)
        for voice in range(1, len(now)):
            size = abs(now[voice] - before[voice])
            by_size = costs.bass_moves if voice == len(now) - 1 else costs.inner_moves
            total += by_size[next((n for n, sizes in enumerate(SIZES) if size in sizes), len(SIZES))]
        total += costs.contrary * ((now[0] - before[0]) * (now[-1] - before[-1]) < 0)
    return total


def any_costs(rng):
    """Make up prices of sonorities and of moves."""
    return replace(
        FREE,
        kinds=tuple(rng.uniform(0, 2, len(KINDS) + 1)),
        inversions=tuple(rng.uniform(0, 2, 4)),
        inner_moves=tuple(rng.uniform(0, 2, 8)),
        bass_moves=tuple(rng.uniform(0, 2, 8)),
        crossing=1.5,
        spacing=0.7,
        parallel=2.0,
        contrary=-0.4,
    )


@pytest.mark.parametrize("voices", [1, 2, 3, 4])
def test_the_beats_are_the_cheapest_of_all_paths(monkeypatch, voices):
    monkeypatch.setattr(sonorities, "COMBINED", 2**voices)  # two pitches for each voice
    rng = np.random.default_rng(voices)
    costs = any_costs(rng)
    length = 3 if voices < 4 else 2
    for _ in range(3):
        p, melody = noisy(rng, length, voices), rng.integers(62, 74, length)
        likelihood = np.log(p)
        _, given = give_line(p, melody)
        beats = sonorities.Beats(given, given, given, *np.zeros((5, length), bool))
        singable = [np.arange(low, high + 1) for low, high in voice_ranges(1 + voices)[1:]]
        best = [
            [span[np.argsort(p[beat, voice, span])[-2:]] for voice, span in enumerate(singable)]
            for beat in range(length)
        ]

        def price(path, melody=melody, likelihood=likelihood, costs=costs):
            lines = [[int(melody[beat]), *map(int, lower)] for beat, lower in enumerate(path)]
            unlikely = sum(
                likelihood[beat, voice, n] for beat, lower in enumerate(path) for voice, n in enumerate(lower)
            )
            return price_plainly(lines, costs) - unlikely

        paths = list(product(*(product(*voices) for voices in best)))
        found, spent = sonorities.decide_beats(np.insert(likelihood, 0, 0, axis=1), beats, costs)
        assert spent == pytest.approx(min(map(price, paths)), rel=1e-5)
        assert price([tuple(beat[1:]) for beat in found.tolist()]) == pytest.approx(spent, rel=1e-5)


@pytest.mark.parametrize(
    ("fault", "tempting", "instead"),
    [
        ({"crossing": 3}, [{60: 0.9}, {64: 0.6, 57: 0.3}, {48: 0.9}], [60, 57, 48]),
        ({"crossing": 3}, [{65: 0.9}, {50: 0.9}, {52: 0.6, 48: 0.3}], [65, 50, 48]),
        ({"sweetness": 1}, [{60: 0.6, 62: 0.3}, {57: 0.9}, {48: 0.9}], [62, 57, 48]),
        ({"spacing": 3}, [{58: 0.6, 67: 0.3}, {57: 0.9}, {48: 0.9}], [67, 57, 48]),
        (
            {"kinds": one_of(Costs().kinds, len(KINDS), 3)},
            [{61: 0.6, 67: 0.3}, {64: 0.9}, {48: 0.9}],
            [67, 64, 48],
        ),
        (
            {"kinds": one_of(Costs().kinds, kind_number("open fifth"), 3)},
            [{67: 0.6, 64: 0.3}, {55: 0.9}, {48: 0.9}],
            [64, 55, 48],
        ),
        ({"inversions": (0, 0, 3, 0)}, [{64: 0.9}, {60: 0.9}, {43: 0.6, 48: 0.3}], [64, 60, 48]),
    ],
)
def test_faults_of_a_sonority_are_avoided(fault, tempting, instead):
    p, melody = on_beats(*[tempting] * 2), np.full(8, 72)
    assert set_voices(p, melody, STILL)[0][0, 1:].tolist() != instead
    assert set_voices(p, melody, replace(STILL, **fault))[0][:, 1:].tolist() == [instead] * 8


@pytest.mark.parametrize(
    ("fault", "key", "melody", "tempting", "instead"),
    [  # in the last beat of two, the first one being C-E-G or A-C-E
        ("closing", C_MAJOR, 72, [{65: 0.6, 64: 0.3}, {57: 0.6, 55: 0.3}, {53: 0.6, 48: 0.3}], [64, 55, 48]),
        ("closing", C_MAJOR, 72, [{64: 0.9}, {55: 0.9}, {52: 0.6, 48: 0.3}], [64, 55, 48]),  # no inversion
        ("closing", C_MAJOR, 72, [{63: 0.6, 64: 0.3}, {55: 0.9}, {48: 0.9}], [64, 55, 48]),  # no minor chord
        ("minor_ending", A_MINOR, 69, [{60: 0.6, 61: 0.3}, {52: 0.9}, {45: 0.9}], [61, 52, 45]),
        ("minor_dominant", A_MINOR, 71, [{67: 0.6, 68: 0.3}, {52: 0.9}, {40: 0.9}], [68, 52, 40]),
        ("leading_tone", C_MAJOR, 71, [{67: 0.9}, {59: 0.6, 62: 0.3}, {43: 0.9}], [67, 62, 43]),
    ],
)
def test_faults_in_a_key_are_avoided(fault, key, melody, tempting, instead):
    tonic = [{64: 0.9}, {60: 0.9}, {48: 0.9}] if key == C_MAJOR else [{64: 0.9}, {60: 0.9}, {45: 0.9}]
    p, line = on_beats(tonic, tempting), np.repeat([72 if key == C_MAJOR else 69, melody], 4)
    options = {"key": key, "whole": True}
    assert set_voices(p, line, STILL, **options)[0][-1, 1:].tolist() != instead
    assert set_voices(p, line, replace(STILL, **{fault: 9.0}), **options)[0][-1, 1:].tolist() == instead


def test_minor_may_end_in_major_but_not_begin():
    major = [{61: 0.6, 60: 0.3}, {52: 0.9}, {45: 0.9}]
    p, melody = on_beats(major, major), np.full(8, 69)
    found, _ = set_voices(p, melody, replace(STILL, opening=9.0, closing=9.0), key=A_MINOR, whole=True)
    assert found[[0, -1], 1].tolist() == [60, 61]


def test_the_first_chord_is_the_tonic():
    p = on_beats([{65: 0.6}, {57: 0.6}, {53: 0.6}], [{64: 0.9}, {60: 0.9}, {48: 0.9}])
    melody, costs = np.full(8, 72), replace(STILL, opening=9.0)
    assert (set_voices(p, melody, STILL, key=C_MAJOR, whole=True)[0][0] % 12).tolist() == [0, 5, 9, 5]
    found = set_voices(p, melody, costs, key=C_MAJOR, whole=True)[0][0]
    assert set((found % 12).tolist()) <= {0, 4, 7} and found[3] % 12 == 0
    # Nothing of the kind in a piece cut out of a song, or where the melody does not let it.
    assert (set_voices(p, melody, costs, key=C_MAJOR)[0][0] % 12).tolist() == [0, 5, 9, 5]
    assert (set_voices(p, melody - 2, costs, key=C_MAJOR, whole=True)[0][0, 1:] % 12).tolist() == [5, 9, 5]


@pytest.mark.parametrize(("upper", "lower"), [*combinations(range(4), 2)])
def test_parallels_are_avoided_in_every_pair_of_voices(upper, lower):
    before = np.array([72, 65 if lower == 1 else 67, 60, 48])  # fifths and octaves in all these pairs
    tempting = before.copy()
    tempting[[upper, lower]] += 2
    choices = [{pitch: 0.9} for pitch in tempting[1:]]
    choices[lower - 1] = {tempting[lower]: 0.6, before[lower]: 0.3}
    p = on_beats([{pitch: 0.9} for pitch in before[1:]], choices)
    melody = np.repeat([before[0], tempting[0]], 4)
    assert set_voices(p, melody, STILL)[0][4].tolist() == tempting.tolist()
    found, _ = set_voices(p, melody, replace(STILL, parallel=6))
    assert found[4, lower] == before[lower]


def test_octaves_in_contrary_motion_are_no_parallels():
    p = on_beats([{64: 0.9}, {60: 0.9}, {48: 0.9}], [{62: 0.9}, {59: 0.9}, {55: 0.6, 50: 0.3}])
    melody = np.repeat([72, 67], 4)  # down, and the bass up from octave to octave
    assert set_voices(p, melody, replace(STILL, parallel=9.0, crowd=9.0))[0][4].tolist() == [67, 62, 59, 55]


def test_sevenths_go_down_by_step():
    seventh = [{65: 0.9}, {59: 0.9}, {43: 0.9}]  # G7 under D: the alto has its seventh
    p = on_beats(seventh, [{67: 0.6, 64: 0.3}, {60: 0.9}, {48: 0.9}])
    melody = np.repeat([74, 72], 4)
    assert set_voices(p, melody, STILL)[0][-1, 1] == 67
    assert set_voices(p, melody, replace(STILL, seventh=3))[0][-1, 1] == 64
    # And off the beat it does not go elsewhere first.
    p[2:4, 0] = np.eye(128)[69] * 0.9 + 1e-4
    assert set_voices(p, melody, FREE)[0][2, 1] == 69
    assert set_voices(p, melody, replace(FREE, seventh=30))[0][2, 1] != 69


def test_phrases_end_at_rest():
    ending = [{64: 0.9}, {55: 0.9}, {52: 0.6, 48: 0.3}]
    p = on_beats([{67: 0.9}, {62: 0.9}, {43: 0.9}], *[ending] * 3, [{65: 0.9}, {57: 0.9}, {53: 0.9}])
    p[9, 0], p[10:12, 0] = np.eye(128)[69], np.eye(128)[69]  # the alto would go on
    melody = np.repeat([71, 72, 72, 72, 72], 4)
    costs = replace(STILL, phrase_end=5.0)
    free, _ = set_voices(p, melody, costs)
    assert (np.diff(free[4:16], axis=0) != 0).any() and free[4, 3] == 52
    held, _ = set_voices(p, melody, costs, phrase_ends=[(4, 16)])
    assert (held[4:16] == [72, 64, 55, 48]).all()
    assert held[16:, 1:].tolist() == [[65, 57, 53]] * 4  # and then they go on


@pytest.mark.parametrize("kinds", [(0.0, 2.0, 2.0, 2.0, 2.0), (2.0, 0.0, 2.0, 2.0, 2.0)])
def test_cadences_are_told_apart(kinds):
    p = on_beats([{65: 0.4, 66: 0.5}, {57: 0.9}, {50: 0.9}], [{62: 0.9}, {59: 0.9}, {43: 0.9}])
    melody = np.repeat([69, 67], 4)
    found, _ = set_voices(p, melody, replace(STILL, cadence=kinds), key=C_MAJOR, phrase_ends=[(4, 8)])
    authentic = kinds[0] == 0.0
    assert found[0, 1] == (66 if authentic else 65)  # D major leads to G, D minor to the half of C


def test_the_melodys_note_off_the_beat_counts():
    p, melody = on_beats([{67: 0.6, 64: 0.3}, {60: 0.9}, {48: 0.9}]), np.array([72, 72, 70, 70])
    clash = replace(STILL, melody_clash=3)
    assert set_voices(p, melody, STILL)[0][0, 1] == 67
    assert set_voices(p, melody, clash)[0][0, 1] == 64  # with E and B flat it is C7, with G it is nothing
    assert set_voices(p, np.full(4, 72), clash)[0][0, 1] == 67


# ------------------------------------------------------------------------------------- between the beats
def test_shapes_of_notes_between():
    cases = {
        (60, 60, 62): "held",
        (60, 62, 64): "passing",
        (60, 62, 60): "neighbor",
        (60, 62, 62): "anticipation",
        (60, 62, 67): "step then leap",
        (60, 65, 64): "leap then step",
        (60, 65, 60): "leaps",
    }
    for notes, name in cases.items():
        assert SHAPES[int(between.shape_of(*map(np.array, notes)))] == name


@pytest.mark.parametrize(
    ("shape", "then", "off"),
    [("passing", 64, 62), ("neighbor", 60, 62), ("leaps", 60, 65), ("anticipation", 62, 62)],
)
def test_what_moves_between_beats_is_what_is_paid_for(shape, then, off):
    p = on_beats([{67: 0.9}, {60: 0.9}, {48: 0.9}], [{67: 0.9}, {then: 0.9}, {48: 0.9}])
    p[2:4, 1, off] = 0.3
    melody = np.full(8, 72)
    assert len(set(set_voices(p, melody, FREE)[0][:4, 2])) == 1
    reward = replace(FREE, inner_shapes=one_of(SHAPES, SHAPES.index(shape), -9.0))
    assert set_voices(p, melody, reward)[0][:4, 2].tolist() == [60, 60, off, off]


def test_a_suspension_is_held_and_goes_down():
    p = on_beats([{67: 0.9}, {60: 0.9}, {48: 0.9}], [{67: 0.9}, {59: 0.9}, {43: 0.9}])
    melody = np.full(8, 74)
    assert set_voices(p, melody, FREE)[0][4:, 2].tolist() == [59] * 4
    found, _ = set_voices(p, melody, replace(FREE, suspension=-30.0))
    assert found[:, 2].tolist() == [60] * 6 + [59] * 2
    # Not at the end of a phrase.
    found, _ = set_voices(p, melody, replace(FREE, suspension=-30.0), phrase_ends=[(4, 8)])
    assert found[4:, 2].tolist() == [59] * 4


def test_no_voice_doubles_the_leading_tone_on_the_half_of_a_beat():
    # The alto leaps from G to B, which the tenor sings already, before all go to C.
    p = on_beats([{67: 0.9}, {59: 0.9}, {43: 0.9}], [{67: 0.9}, {60: 0.9}, {48: 0.9}])
    p[2:4, 0] = np.eye(128)[71]
    melody, free = np.repeat([74, 72], 4), replace(FREE, trust_between=1.0)
    costs = replace(free, late_leading_tone=30.0)

    def leading_tones(costs, key):
        return (set_voices(p, melody, costs, key=key)[0][2] % 12 == 11).sum()

    assert leading_tones(free, C_MAJOR) == 2
    assert leading_tones(costs, C_MAJOR) == 1
    assert leading_tones(costs, (7, "major")) == leading_tones(costs, None) == 2  # it leads nowhere there
    assert leading_tones(replace(free, leading_tone=30.0), C_MAJOR) == 2  # that is the price of the beats


def test_parallels_hidden_by_a_note_between_are_none_the_less():
    # Soprano and bass go from C to D in octaves; the bass dodges by an eighth.
    p = on_beats([{67: 0.9}, {64: 0.9}, {48: 0.9}], [{69: 0.9}, {65: 0.9}, {50: 0.6, 53: 0.3}])
    p[2:4, 2] = np.eye(128)[52]
    melody = np.repeat([72, 74], 4)
    assert set_voices(p, melody, FREE)[0][:, 3].tolist() == [48, 48, 52, 52, 50, 50, 50, 50]
    assert set_voices(p, melody, replace(FREE, parallel=6))[0][4, 3] == 53


@pytest.mark.parametrize("place", range(4))
def test_parallels_from_step_to_step_are_those_of_the_measure(place):
    rng, found = np.random.default_rng(place), 0
    for _ in range(20):
        grid = np.sort(rng.integers(50, 74, (2, 4)))[:, ::-1].repeat(4, axis=0)
        grid[2:4] = grid[:2] + rng.integers(-1, 2) * 2
        low, high = np.array(voice_ranges(4)).T
        grid = np.clip(grid, low, high)
        others = np.delete(grid, place, axis=1)
        p = np.full((8, 3, 128), 1e-4)
        np.put_along_axis(p, others[..., None], 1.0, axis=-1)
        _, unpriced = set_voices(p, grid[:, place], FREE, place=place)
        answer, price = set_voices(p, grid[:, place], replace(FREE, crowd=1e-3), place=place)
        np.testing.assert_array_equal(answer, grid)
        count = sum(count_parallels(*pair) for pair in pairwise(grid.tolist()))
        assert 8 * (price - unpriced) / 1e-3 == pytest.approx(count, abs=0.01)
        found += count
    assert found > 5


def test_moves_between_fillings_are_priced_one_by_one():
    rng, found = np.random.default_rng(0), 0
    low = np.array([67, 60, 48])
    pitch = (low + rng.choice([0, 2, 4], (12, 5, 4, 1)) + rng.choice([0, 0, 1], (12, 5, 4, 3))).astype(
        np.int16
    )
    pitch[..., 0] = pitch[:, :1, :, 0]  # one melody
    pitch[4:, ..., 1] = pitch[4:, :1, :, 1]  # and from there another voice that is given
    chosen = pitch[:, 0, 0]
    costs = replace(FREE, crowd=1.0, parallel=100.0)
    prices = between.movement(pitch, chosen, costs)
    for first, last in ((1, 4), (4, 8), (8, 12)):
        moves = prices(first, last)
        for beat, now, before in product(range(first, last), range(5), range(5)):
            own, ago = pitch[beat, now, 0], pitch[beat - 1, before]
            steps, beats = count_parallels(ago[3], own), count_parallels(ago[0], own)
            lost = ((own != chosen[beat]) & (own != ago[3])).sum()  # held, but not there before
            assert moves[beat - first, now, before] == steps + 100 * beats + between.FORBIDDEN * lost
            found += min(steps, beats)
    assert found > 5


def test_voices_do_not_move_within_a_beat_of_triplets():
    p = on_beats([{67: 0.9}, {60: 0.9}, {48: 0.9}])
    p[2:4, 0] = np.eye(128)[65]
    melody = np.full(4, 72)
    assert set_voices(p, melody, FREE)[0][:, 1].tolist() == [67, 67, 65, 65]
    assert len(set(set_voices(p, melody, FREE, phase=np.array([0, 1, 1, 1]))[0][:, 1])) == 1


# ------------------------------------------------------------------------------------------- all of it
@pytest.fixture(scope="module")
def chorales():
    """Whole pieces by Bach with their pickups."""
    pieces = load_chorales(ROOT / "dataset" / "chorales.npz", split="valid")
    whole = [c for c in pieces if c.meter == "4/4" and (c.grid != REST).all()]
    assert len(whole) > 5
    return whole[:6]


@pytest.mark.parametrize("strength", [0.5, 0.9])
def test_bach_stays_bach(chorales, strength):
    for c in chorales:
        p = strength * np.eye(128)[c.grid] + (1 - strength) / 128
        phase = (np.arange(len(c.grid)) - c.bars[0]) % 4
        found, _ = set_voices(
            p[:, 1:],
            c.grid[:, 0],
            phase=phase,
            phrase_ends=last_notes(c.onset[:, 0], c.phrase_ends),
            key=(c.tonic, c.mode),
            bars=c.bars,
            whole=True,
        )
        assert (found == c.grid).mean() > 0.8  # all but his sixteenths and his licenses


def test_every_voice_stays_in_its_range():
    grid, _ = set_voices(noisy(np.random.default_rng(0)), np.full(64, 70))
    low, high = np.array(VOICE_RANGES).T
    assert (grid >= low).all() and (grid <= high).all()


@pytest.mark.parametrize("voices", range(1, 8))
@pytest.mark.parametrize("steps", [1, 2, 5, 9])
def test_any_number_of_voices_and_any_length(voices, steps):
    rng = np.random.default_rng(steps)
    for place in {0, voices // 2, voices}:
        melody = np.full(steps, int(np.mean(voice_ranges(1 + voices)[place])))
        options = {"place": place, "key": C_MAJOR, "whole": True, "phrase_ends": [(steps - 1, steps)]}
        grid, price = set_voices(
            noisy(rng, steps, voices), melody, phase=(np.arange(steps) + 3) % 4, **options
        )
        assert grid.shape == (steps, voices + 1) and np.isfinite(price)
        assert (grid[:, place] == melody).all()


# -------------------------------------------------------------------------------- how prices were found
def test_what_is_counted_is_what_is_priced(chorales):
    """Bach's beats at a small price for each fault cost as many times that price as the fault is counted."""
    c = chorales[0]
    song = fit.study(c)
    counts = fit.count_priced(song, c.grid)
    chosen, _ = fit.find_beats_of(c.grid, song.at)
    chords = sonorities.find_chords_of(chosen[:, None])
    for name, default in asdict(fit.FREE).items():
        if name in fit.BETWEEN or name in fit.NOT_FITTED or name in fit.HEARD:
            continue
        small = tuple(0.5 ** np.arange(len(default))) if isinstance(default, tuple) else 1.0
        costs = replace(fit.FREE, **{name: small})
        spent = sonorities.price_sonorities(chords, song.beats, costs).sum()
        spent += sonorities.movement(chords, song.beats, costs)(1, len(chosen)).sum()
        assert np.sum(counts[name] * np.array(small)) == pytest.approx(spent, rel=1e-5)


def test_prices_move_towards_bach():
    costs = replace(Costs(), parallel=2.0, inversions=(0.0, 0.0, 1.0, 0.0))
    ours = {"parallel": 40.0, "inversions": np.array([10.0, 10, 10, 10])}
    bach = {"parallel": 10.0, "inversions": np.array([20.0, 40, 10, 10])}  # twice as many: their shares count
    moved = fit.adjust(costs, ours, bach, rate=0.5)
    assert moved.parallel > 2.0
    assert moved.inversions[0] == 0.0 and moved.inversions[1] < 0 and moved.inversions[2] > 1.0
    # A fault is never rewarded, however rarely it happens.
    assert fit.adjust(costs, ours | {"parallel": 0.0}, bach | {"parallel": 1e6}, rate=1.0).parallel == 0.0


def test_chords_of_the_search_are_those_of_the_theory():
    assert set(CHORDS) < set(KINDS)
    assert len(Costs().kinds) == len(KINDS) + 1
    assert len(Costs().inner_moves) == len(Costs().bass_moves) == len(SIZES) + 1
    assert len(Costs().inner_shapes) == len(Costs().bass_shapes) == len(SHAPES)
    assert search.WEIGHTS[0] == max(search.WEIGHTS)
