"""What the user wrote stays, wherever it is, and the search writes the rest around it."""

from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_search import (
    C_MAJOR,
    FREE,
    ROOT,
    STILL,
    any_costs,
    count_parallels,
    noisy,
    on_beats,
    one_of,
    price_plainly,
    set_voices,
)

from utils.arranger import sonorities
from utils.arranger.prices import SHAPES, Costs
from utils.arranger.search import decode, lay_out_beats
from utils.arranger.takes import last_notes
from utils.arranger.wanted import WantedChords, price_wanted
from utils.corpus.pieces import load_chorales
from utils.exam.rows import arrange
from utils.music.beats import KINDS, NONE, chords_of_beats, find_beats, name_chords
from utils.music.grid import REST
from utils.music.theory import voice_ranges

CHORDS_ALONE = replace(Costs(), kinds=(*Costs().kinds[:-1], 6.0))  # where they can be found at all


def keep(beats, steps=4):
    """Given pitches int [step, voice] from a list per beat, None where the search decides."""
    return np.repeat([[REST if n is None else n for n in beat] for beat in beats], steps, axis=0)


def likely(*beats, steps=4):
    """Probabilities of all voices; a voice without any of its own, as of one that is given, is {}."""
    return on_beats(*beats, steps=steps)


# ------------------------------------------------------------------------------------- anything may be given
def any_mask(rng, steps, voices):
    """Which cells are given: whole voices, whole bars, runs of notes, single cells, or all of these."""
    mask = np.zeros((steps, voices), bool)
    if rng.random() < 0.5:
        mask[:, rng.integers(voices)] = True
    if rng.random() < 0.3:
        mask[rng.integers(steps) :] = True
    if rng.random() < 0.4:
        mask |= (rng.random((steps // 4 + 1, voices)) < 0.4).repeat(4, axis=0)[:steps]
    if rng.random() < 0.3:
        mask |= rng.random((steps, voices)) < 0.2
    return mask


def any_song(seed):
    """Make up a grid, what of it is given, and options of the search."""
    rng = np.random.default_rng(seed)
    steps, voices = rng.integers(1, 41), rng.integers(2, 6)
    low, high = np.array(voice_ranges(voices)).T
    if rng.random() < 0.3:
        low, high = np.maximum(low - 20, 0), np.minimum(high + 20, 127)
    lasts = rng.choice([1, 2, 4, 8])
    notes = rng.integers(low, high + 1, (steps // lasts + 1, voices))
    grid = notes.repeat(lasts, axis=0)[:steps]
    beat = [[0, 1, 2, 3], [0, 1, 1, 1], [0, 1, 1], [0, 2], [0, 1, 2]]
    phase = np.concatenate([beat[rng.choice(5, p=[0.6, 0.1, 0.1, 0.1, 0.1])] for _ in range(steps + 4)])
    edges = np.sort(rng.choice(steps + 1, min(steps + 1, 4), replace=False))
    options = {
        "phase": phase[rng.integers(4) :][:steps],
        "tune": int(rng.integers(voices)),
        "phrase_ends": [*pairwise(edges)][::2],
        "key": [None, (int(rng.integers(12)), "minor"), (0, "major")][rng.integers(3)],
        "bars": np.arange(rng.integers(16), steps, 16),
        "whole": bool(rng.integers(2)),
    }
    if rng.random() < 0.3:
        shape = (steps // 4 + 1,)
        chords = [rng.integers(-1, high, shape).repeat(4)[:steps] for high in (1 << 12, 12, 12)]
        options["chords"] = WantedChords(np.maximum(chords[0], 0), *chords[1:], rng.choice([0, 0.5, 1, 9]))
    return rng, grid, any_mask(rng, steps, voices), options


@pytest.mark.parametrize("costs", [Costs(), FREE, replace(FREE, trust=0.0, trust_between=0.0)])
@given(st.integers(0, 10**9))
@example(2)
@settings(max_examples=80, deadline=None, derandomize=True, database=None)
def test_what_is_given_stays_and_the_rest_can_be_sung(costs, seed):
    rng, grid, mask, options = any_song(seed)
    steps, voices = grid.shape
    p, kept = noisy(rng, steps, voices), np.where(mask, grid, REST)
    found, price = decode(p, kept, costs, **options)
    assert found.dtype == np.int8 and found.shape == grid.shape and np.isfinite(price)
    np.testing.assert_array_equal(found[mask], grid[mask])
    low, high = np.array(voice_ranges(voices)).T
    _, slots = lay_out_beats(kept, **options)
    for step, voice in np.argwhere(~mask & ((found < low) | (found > high))):  # only what is given is held
        before = slice(slots.first[slots.beat[step]], step)
        assert (kept[before, voice] == found[step, voice]).any()
    # The network is not asked about what is given.
    p[mask] = np.nan
    again, same = decode(p, kept, costs, **options)
    np.testing.assert_array_equal(again, found)
    assert same == price
    # And with all of it given there is nothing to search.
    everything, price = decode(p, found, costs, **options)
    np.testing.assert_array_equal(everything, found)
    assert np.isfinite(price)


def test_with_nothing_given_the_search_harmonizes_freely():
    p = noisy(np.random.default_rng(0), 64, 4)
    grid, price = decode(p, np.full((64, 4), REST), CHORDS_ALONE, key=C_MAJOR, whole=True)
    low, high = np.array(voice_ranges(4)).T
    assert np.isfinite(price) and ((grid >= low) & (grid <= high)).all()
    assert (name_chords(grid[::4]).kind != NONE).mean() > 0.8
    assert count_parallels(*grid[[0, 4]]) == 0


# ----------------------------------------------------------------------------------------------- the beats
@pytest.mark.parametrize("seed", range(6))
def test_around_what_is_given_the_beats_are_the_cheapest_of_all_paths(monkeypatch, seed):
    monkeypatch.setattr(
        sonorities, "COMBINED", 9
    )  # of one free voice nine pitches, of two three, of three two
    rng = np.random.default_rng(seed)
    costs = any_costs(rng)
    ranges = np.array(voice_ranges(4))
    kept = rng.integers(ranges[:, 0], ranges[:, 1] + 1, (3, 4))
    kept[:, 1:][rng.random((3, 3)) < 0.6] = REST
    p = noisy(rng, 3, 4)
    choices = []
    for beat in range(3):
        free = np.flatnonzero(kept[beat] == REST)
        count = {0: 1, 1: 9, 2: 3, 3: 2}[len(free)]
        of_voice = [[int(pitch)] for pitch in kept[beat]]
        for voice in free:
            span = np.arange(ranges[voice, 0], ranges[voice, 1] + 1)
            of_voice[voice] = [int(n) for n in span[np.argsort(p[beat, voice, span])[-count:]]]
        choices.append(list(product(*of_voice)))

    def price(path):
        unlikely = sum(
            np.log(p[beat, voice, n])
            for beat, sonority in enumerate(path)
            for voice, n in enumerate(sonority)
            if kept[beat, voice] == REST
        )
        return price_plainly(path, costs) - unlikely

    beats = sonorities.Beats(kept, kept, kept, *np.zeros((5, 3), bool))
    found, spent = sonorities.decide_beats(np.log(p), beats, costs)
    assert spent == pytest.approx(min(map(price, product(*choices))), rel=1e-5)
    assert price(list(map(tuple, found.tolist()))) == pytest.approx(spent, rel=1e-5)


def test_two_free_voices_have_more_choice_than_three():
    """The tenth likeliest note of the alto alone makes a chord with C and G: E flat."""
    p = likely([{}, {}, {60: 0.9}, {48: 0.9}])
    for rank, pitch in enumerate([61, 62, 65, 66, 70, 71, 59, 58, 54, 63]):
        p[:, 1, pitch] = 0.3 * 0.7**rank
    costs = replace(STILL, kinds=one_of(Costs().kinds, len(KINDS), 50.0))
    assert decode(p, keep([[67, None, None, 48]]), costs)[0][0].tolist() == [67, 63, 60, 48]
    assert decode(p, keep([[67, None, None, None]]), costs)[0][0, 1] != 63


@pytest.mark.parametrize("whose", [1, 3])
def test_notes_off_the_beat_of_all_given_voices_count(whose):
    """One that moves from C to B flat on the half: E goes with both, A with the first alone."""
    kept = keep([[72, None, None, 48]] if whose == 3 else [[79, 72, None, None]])
    p = likely(
        [{}, {69: 0.6, 64: 0.3}, {60: 0.9}, {}] if whose == 3 else [{}, {}, {69: 0.6, 64: 0.3}, {48: 0.9}]
    )
    if whose == 1:
        kept[:, 0] = 72
    free = 1 if whose == 3 else 2
    clash = replace(STILL, melody_clash=3)
    assert decode(p, kept, clash)[0][0, free] == 69
    kept[2:, whose] -= 2
    assert decode(p, kept, STILL)[0][0, free] == 69
    assert decode(p, kept, clash)[0][0, free] == 64


@pytest.mark.parametrize("price", ["parallel", "crowd"])
@pytest.mark.parametrize("first_is_given", [True, False])
def test_no_parallels_across_a_joint(first_is_given, price):
    """Tenor and alto would go in fifths from a kept bar to a new one, or from a new one to a kept one."""
    low, high = [72, 67, 60, 48], [74, 69, 62, 53]
    kept = keep([low, [74, None, None, None]] if first_is_given else [[72, 67, None, None], high])
    tempting, instead = (62, 64) if first_is_given else (60, 64)
    at = 4 if first_is_given else 0
    bass = {53: 0.9} if first_is_given else {48: 0.9}
    shares = [{}, {69: 0.9}, {tempting: 0.6, instead: 0.3}, bass]
    p = likely(*[shares] * 2)
    assert decode(p, kept, STILL)[0][at, 2] == tempting
    found, _ = decode(p, kept, replace(STILL, **{price: 6.0}))
    assert found[at, 2] == instead
    assert count_parallels(found[3], found[4]) == 0


def test_no_parallels_from_a_given_note_off_the_beat_into_the_next():
    """The tenor steps up on the half and again on the beat, where the alto is given: too late to avoid it."""
    kept = keep([[79, None, 60, 48], [79, 71, 64, 48]])
    kept[2:4, 2] = 62
    p = likely(*[[{}, {69: 0.6, 67: 0.3}, {}, {}]] * 2)
    assert decode(p, kept, STILL)[0][0, 1] == 69
    found, _ = decode(p, kept, replace(STILL, crowd=6.0))
    assert found[:4, 1].tolist() == [67] * 4


def test_what_the_melody_does_off_the_beat_is_left_to_the_second_level():
    """Which may dodge: so the notes on the beats are the likeliest."""
    p = on_beats([{69: 0.6, 67: 0.3}, {48: 0.9}], [{71: 0.9}, {48: 0.9}])
    melody = np.repeat([84, 88], 4)
    melody[2:4] = 86 - 10  # a fifth above 69
    melody[4:] = 78  # and above 71
    found, _ = set_voices(p, melody, replace(FREE, crowd=30.0))
    assert found[0, 1] == 69
    assert sum(count_parallels(*pair) for pair in pairwise(found.tolist())) == 0


def test_far_from_its_range_and_across_others_a_note_stays():
    kept = keep([[60, 84, None, 10], [60, 84, None, 127]])
    found, price = decode(noisy(np.random.default_rng(0), 8, 4), kept, key=C_MAJOR, whole=True)
    assert np.isfinite(price)
    np.testing.assert_array_equal(found[:, [0, 1, 3]], kept[:, [0, 1, 3]])


def test_a_given_bass_may_stand_alone():
    """With no tune the search goes by what there is: each chord has the given bass in it."""
    rng = np.random.default_rng(1)
    kept = np.full((32, 4), REST)
    kept[:, 3] = rng.choice([48, 50, 52, 53, 55], 8).repeat(4)
    found, _ = decode(noisy(rng, 32, 4), kept, CHORDS_ALONE, key=C_MAJOR)
    assert (found[:, 3] == kept[:, 3]).all()
    assert chords_of_beats(name_chords(found), find_beats(32, ())).found.mean() > 0.8


def test_where_nothing_is_known_voices_sing_in_the_middle_of_their_ranges():
    kept = np.full((64, 4), REST)
    kept[:, 3] = np.random.default_rng(0).choice([48, 50, 52, 53, 55], 16).repeat(4)
    found, _ = decode(np.full((64, 4, 128), 1 / 128), kept, key=C_MAJOR, whole=True)
    middle = np.mean(voice_ranges(4), axis=1)[:3]
    assert np.abs(found[:, :3].mean(axis=0) - middle).max() < 3


def test_rests_of_the_exams_melodies_are_held_for_the_search_and_stay_rests():
    song = np.tile([72, 67, 64, 48], (32, 1))
    song[8:12, 0] = REST

    class Echo:  # every voice is likeliest where the melody is
        input_shape, output_shape = ((None, None, 128, 1), (None, None, 8, 512)), (None, None, 128, 4)

        def __call__(self, inputs, training):
            return np.repeat(inputs[0], 4, axis=-1)

    ((found,),), _ = arrange(Echo(), None, [song], takes=1)
    np.testing.assert_array_equal(found[:, 0], song[:, 0])
    assert (found[:, 1:] != REST).all()


# --------------------------------------------------------------------------------------- the last notes
def test_under_a_last_note_voices_rest_unless_a_given_one_makes_them_clash():
    costs = replace(STILL, kinds=one_of(Costs().kinds, len(KINDS), 9.0), restless=3.0)
    home = [{}, {64: 0.6, 65: 0.1}, {55: 0.6, 57: 0.02}, {}]
    p = likely(home, home, home, home)
    p[8:, 1] = 1e-4  # it would move to another note of the chord
    p[8:, 1, [64, 65, 67]] = 0.3, 0.1, 0.5
    end = {"phrase_ends": [(4, 16)]}
    resting = keep([[72, None, None, 48]] * 4)
    assert len(set(map(tuple, decode(p, resting, costs, **end)[0][4:].tolist()))) == 1
    inverted = keep([[72, None, None, bass] for bass in (48, 48, 52, 52)])
    found, _ = decode(p, inverted, costs, **end)
    assert found[4:, 1:3].tolist() == [[64, 55]] * 12
    assert decode(p, inverted, replace(costs, restless=0.0), **end)[0][8, 1] == 67
    foreign = keep([[72, None, None, bass] for bass in (48, 48, 53, 53)])
    found, _ = decode(p, foreign, costs, **end)
    assert found[4:8, 1:3].tolist() == [[64, 55]] * 4
    assert (name_chords(found[8:]).kind != NONE).all()
    assert name_chords(np.array([[72, 64, 55, 53]])).kind == NONE  # as it would be if they had rested
    # Between its beats nothing moves that is not given, however much it would like to.
    restless = replace(costs, inner_shapes=(0.0, *[-9.0] * 6))
    found = decode(p, foreign, restless, **end)[0][4:].reshape(3, 4, 4)
    assert (found == found[:, :1]).all()


def test_a_last_note_is_one_beat_where_what_is_given_rests():
    kept = keep([[72, None, None, None]] * 4 + [[72, None, None, 48]] * 2)
    moving = kept.copy()
    moving[6:16, 3] = 50  # begins to be given within it
    ends = [(4, 16)]
    assert lay_out_beats(kept, phrase_ends=ends)[1].first.tolist() == [0, 4, 16, 20]
    beats, slots = lay_out_beats(moving, phrase_ends=ends)
    assert slots.first.tolist() == [0, 4, 8, 12, 16, 20]
    assert beats.phrase_end.tolist() == [False, True, False, False, False, False]
    assert beats.lingers.tolist() == [False, False, True, True, False, False]
    chords = WantedChords(np.repeat([0, 0, 145, 145, 0, 0], 4), np.full(24, -1), np.full(24, -1))
    assert len(lay_out_beats(kept, phrase_ends=ends, chords=chords)[1].first) == 6
    assert len(lay_out_beats(kept, phrase_ends=ends, chords=chords._replace(closeness=0))[1].first) == 4


# ------------------------------------------------------------------------------------- between the beats
def test_what_is_given_between_beats_is_met_there():
    """The given alto steps up on the half; a tenor that would go along in fifths does not."""
    kept = keep([[79, 67, None, 48], [79, 69, None, 48]])
    kept[2:4, 1] = 69
    p = likely([{}, {}, {60: 0.9}, {}], [{}, {}, {62: 0.9}, {}])
    p[2:4, 2] = np.eye(128)[62] * 0.9 + 1e-4
    assert decode(p, kept, FREE)[0][:4, 2].tolist() == [60, 60, 62, 62]
    assert decode(p, kept, replace(FREE, crowd=30.0))[0][:4, 2].tolist() == [60] * 4


@pytest.mark.parametrize("slots", [(2, 3), (0,), (1,), (3,), (0, 2), (0, 1, 2, 3)])
def test_a_beat_may_be_given_in_part(slots):
    kept = keep([[79, None, None, 48], [79, None, None, 48]])
    kept[list(slots), 1] = 69
    p = likely(*[[{}, {67: 0.9}, {60: 0.9}, {}]] * 2)
    found, _ = decode(p, kept, FREE)
    assert found[list(slots), 1].tolist() == [69] * len(slots)
    own = 69 if 0 in slots else 67
    for slot in set(range(4)) - set(slots):
        after_the_half = slot == 3 and 2 in slots
        # On the half a voice may go where it likes, else it holds what it has.
        assert found[slot, 1] == (69 if after_the_half else 67 if slot > 1 else own)


def test_a_note_that_is_given_on_the_half_is_priced_as_what_it_is():
    """No figure is left but the given one, and what it is (here a passing note) is paid for."""
    kept = keep([[79, None, None, 48], [79, 71, None, 48]])
    kept[2:4, 1] = 69
    p = likely([{}, {67: 0.9}, {60: 0.9}, {}], [{}, {}, {60: 0.9}, {}])
    _, plain = decode(p, kept, STILL)
    for shape in SHAPES[1:]:
        shapes = np.array(STILL.inner_shapes)
        shapes[SHAPES.index(shape)] = 60.0
        _, price = decode(p, kept, replace(STILL, inner_shapes=tuple(shapes)))
        assert 8 * (price - plain) == pytest.approx(10.0 if shape == "passing" else 0.0, abs=1e-3)


def test_what_is_given_is_not_improbable():
    kept = keep([[79, None, 60, 48]])
    kept[1:, 1] = 67
    _, price = decode(likely([{}, {67: 0.5}, {}, {}]), kept, FREE)
    assert 4 * price == pytest.approx(-2 * np.log(0.5), rel=1e-4)  # on the beat, and of its first sixteenth


def test_free_voices_are_suspended_over_a_given_bass():
    kept = keep([[74, None, None, 48], [74, None, None, 43]])
    p = likely([{}, {67: 0.9}, {60: 0.9}, {}], [{}, {67: 0.9}, {59: 0.9}, {}])
    found, _ = decode(p, kept, replace(FREE, suspension=-30.0))
    assert found[:, 2].tolist() == [60] * 6 + [59] * 2
    kept[4, 2] = 59  # not where its beginning is given
    assert decode(p, kept, replace(FREE, suspension=-30.0))[0][4:, 2].tolist() == [59] * 4


def test_what_is_given_out_of_range_is_not_held_into_the_next_beat():
    kept = keep([[79, 76, None, 48], [79, None, None, 48]])
    p = likely([{}, {}, {60: 0.9}, {}], [{}, {74: 0.9}, {60: 0.9}, {}])
    assert decode(p, kept, replace(FREE, suspension=-30.0))[0][4:, 1].tolist() == [74] * 4


def test_parallels_that_a_suspension_makes_from_beat_to_beat_are_seen():
    """The alto, held into the second beat, would leave for the third in fifths with the tune."""
    p = on_beats(*[[{alto: 0.6}, {48: 0.9}] for alto in (67, 65, 64)])
    p[4:6, 0, 67] = 0.3
    melody = np.repeat([72, 74, 71], 4)
    held = replace(FREE, suspension=-9.0)
    assert set_voices(p, melody, held)[0][4:, 1].tolist() == [67, 67, 65, 65, 64, 64, 64, 64]
    found, _ = set_voices(p, melody, replace(held, parallel=30.0))
    assert found[4:, 1].tolist() == [65, 65, 65, 65, 64, 64, 64, 64]


# ---------------------------------------------------------------------------------------- chords wanted
def wish(names, steps=4, closeness=1.0):
    """Wanted chords from a triple (tones, root, bass) per beat."""
    bits = [sum(1 << tone for tone in tones) for tones, _, _ in names]
    numbers = [np.repeat(values, steps) for values in (bits, *list(zip(*names, strict=True))[1:])]
    return WantedChords(numbers[0], *(pitch.astype(np.int8) for pitch in numbers[1:]), closeness)


F_MAJOR = ((5, 9, 0), 5, -1)


def test_a_wanted_chord_sounds_though_the_network_knows_nothing_of_it():
    p = on_beats([{64: 0.9}, {55: 0.9}, {48: 0.9}])
    melody = np.full(4, 72)
    still = replace(Costs(), inner_shapes=STILL.inner_shapes, bass_shapes=STILL.bass_shapes)
    grids = {c: set_voices(p, melody, still, chords=wish([F_MAJOR], closeness=c))[0] for c in (0, 1, 9)}
    assert grids[0][0].tolist() == [72, 64, 55, 48]
    prices = [set_voices(p, melody, STILL, chords=wish([F_MAJOR], closeness=c))[1] for c in (0, 1e-6)]
    assert prices[0] == pytest.approx(prices[1], abs=1e-3)  # a faint wish is next to none
    for closeness in (1, 9):
        assert name_chords(grids[closeness]).root.tolist() == [5] * 4


def test_a_wanted_chord_sounds_though_the_network_has_many_other_ideas():
    """As many as there are candidates, in each voice, and none of the chord."""
    others = np.array([1, 2, 3, 4, 6, 7, 8])
    p = on_beats([dict.fromkeys(low + others, 0.14) for low in (60, 48, 36)])
    found, _ = set_voices(p, np.full(4, 72), STILL, chords=wish([F_MAJOR]))
    assert not np.isin(found[0, 1:] % 12, (0, 5, 9)).all()
    found, _ = set_voices(p, np.full(4, 72), chords=wish([F_MAJOR]))
    assert name_chords(found[:1]).root.tolist() == [5]


@pytest.mark.parametrize(
    ("chord", "melody", "tempting", "instead"),
    [
        (F_MAJOR, 72, [{69: 0.9}, {57: 0.9}, {53: 0.3, 50: 0.6}], [69, 57, 53]),  # D is foreign
        (F_MAJOR, 72, [{69: 0.3, 65: 0.6}, {60: 0.9}, {53: 0.9}], [69, 60, 53]),  # without a third
        (F_MAJOR, 72, [{69: 0.9}, {57: 0.9}, {53: 0.3, 48: 0.6}], [69, 57, 53]),  # without its root
        (((5, 9, 0), 5, 9), 72, [{69: 0.9}, {65: 0.9}, {53: 0.6, 57: 0.3}], [69, 65, 57]),  # another bass
        (F_MAJOR, 74, [{69: 0.9}, {60: 0.9}, {53: 0.3, 50: 0.6}], [69, 60, 53]),  # a tune that is foreign
    ],
)
def test_what_is_wrong_with_a_wanted_chord_has_a_price(chord, melody, tempting, instead):
    p, melody = on_beats(tempting), np.full(4, melody)
    costs = replace(STILL, given_chord=3.0, given_bass=3.0)
    free, _ = set_voices(p, melody, costs)
    found, _ = set_voices(p, melody, costs, chords=wish([chord]))
    assert free[0, 1:].tolist() != instead and found[0, 1:].tolist() == instead


def test_the_bass_of_a_slash_chord_is_not_foreign_but_to_the_others():
    chord = ((0, 4, 7), 0, 2)  # C/D
    pitch = np.array([[[72, 67, 64, 50], [72, 67, 62, 50], [74, 67, 64, 48]]])
    wanted = WantedChords(*(np.array([n]) for n in (0b10010001, chord[1], chord[2])), 0.5)
    costs = replace(FREE, given_chord=2.0, given_bass=10.0)
    tune = np.array([[72, REST, REST, REST]])
    found = price_wanted(pitch, tune, 0, wanted, costs)
    assert found[0].tolist() == [0.0, 2.0, 5.0]  # without its third, and with a foreign note: twice 0.5 * 2


def test_a_song_may_end_on_the_chord_that_is_wanted():
    p = on_beats(*[[{64: 0.9}, {55: 0.9}, {48: 0.9}]] * 2)
    melody = np.full(8, 72)
    options = {"key": C_MAJOR, "whole": True, "phrase_ends": [(4, 8)]}
    chords = wish([((0, 4, 7), 0, -1), F_MAJOR])
    assert name_chords(set_voices(p, melody, chords=chords, **options)[0]).root[-1] == 5


@pytest.fixture(scope="module")
def chorales():
    pieces = load_chorales(ROOT / "dataset" / "chorales.npz", split="valid")
    return [c for c in pieces if c.meter == "4/4" and (c.grid != REST).all()][:4]


def chords_of(chorale, phase, closeness):
    """Bach's own chord of each beat as a wish, held through the beat; none where there is none."""
    beats = find_beats(len(chorale.grid), chorale.bars)
    named = chords_of_beats(name_chords(chorale.grid), beats)
    tones = [0 if k == NONE else sum(1 << t for t in list(KINDS.values())[k]) for k in named.kind]
    bits = [(b << r | b >> (12 - r)) & 4095 if b else 0 for b, r in zip(tones, named.root, strict=True)]
    at = np.maximum(np.searchsorted(beats, np.arange(len(phase)), side="right") - 1, 0)
    nothing = np.full(len(phase), NONE)
    return WantedChords(np.array(bits)[at], named.root[at], nothing, closeness), named, beats


def test_bachs_chords_are_found_again(chorales):
    """Though the network (here a die) proposes anything."""
    share, parallels = {}, {}
    for closeness in (0.0, 1.0, 3.0):
        hits, faults = [], 0
        for c in chorales:
            phase = (np.arange(len(c.grid)) - c.bars[0]) % 4
            chords, named, beats = chords_of(c, phase, closeness)
            found, _ = set_voices(
                noisy(np.random.default_rng(0), len(c.grid)),
                c.grid[:, 0],
                phase=phase,
                phrase_ends=last_notes(c.onset[:, 0], c.phrase_ends),
                key=(c.tonic, c.mode),
                bars=c.bars,
                whole=True,
                chords=chords,
            )
            ours = chords_of_beats(name_chords(found), beats)
            hits.append((ours.root == named.root)[named.found])
            faults += sum(count_parallels(*pair) for pair in pairwise(found.tolist()))
        share[closeness], parallels[closeness] = np.concatenate(hits).mean(), faults
    assert share[0.0] < 0.6 and share[1.0] > 0.85 and share[3.0] >= share[1.0] - 0.02
    assert parallels[1.0] <= 2 * parallels[0.0] + 10
