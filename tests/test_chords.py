"""Chord symbols: typed, in a score, and spread over steps."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from utils.music.meter import Meter
from utils.songs.chords import TONES_OF_KIND, chord_signs, chords_by_step, parse_chord, read_chords
from utils.songs.melody import read_melody
from utils.songs.parts import read_parts
from utils.songs.score import write_musicxml
from utils.songs.song import MelodyError, Sign

INPUTS = Path(__file__).parent / "inputs"
NAMES = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")


def song(steps=64, meter=(4, 4), pickup=0):
    return SimpleNamespace(
        source="a.mid",
        meters=(Meter(Fraction(0), *meter),),
        pickup=Fraction(pickup),
        bars=None,
        grid=np.full(steps, 60),
    )


def tones(chord):
    """Name the pitch classes of a chord, counted from its root."""
    return {(k - chord.root) % 12 for k in range(12) if chord.pitch_classes >> k & 1}


@pytest.mark.parametrize(
    ("symbols", "expected"),
    [
        ("C Cmaj CM Cmajor", {0, 4, 7}),
        ("Cm Cmin C- Cminor Cmi", {0, 3, 7}),
        ("C7 Cdom7", {0, 4, 7, 10}),
        ("Cmaj7 CM7 CΔ CΔ7 C△ Cma7 Cj7", {0, 4, 7, 11}),
        ("Cm7 C-7 Cmin7", {0, 3, 7, 10}),
        ("CmM7 Cm(maj7) CmΔ", {0, 3, 7, 11}),
        ("Cdim C° Co", {0, 3, 6}),
        ("Cdim7 C°7 Co7", {0, 3, 6, 9}),
        ("Cø Cø7 Cm7b5 Cm7(♭5) Cm7-5", {0, 3, 6, 10}),
        ("C+ Caug", {0, 4, 8}),
        ("C+7 Caug7 C7#5 C7+5", {0, 4, 8, 10}),
        ("Csus4 Csus C4", {0, 5, 7}),
        ("Csus2", {0, 2, 7}),
        ("C7sus4 C7sus", {0, 5, 7, 10}),
        ("C6", {0, 4, 7, 9}),
        ("Cm6", {0, 3, 7, 9}),
        ("C6/9 C69", {0, 2, 4, 7, 9}),
        ("C9", {0, 2, 4, 7, 10}),
        ("Cmaj9", {0, 2, 4, 7, 11}),
        ("Cadd9 C2 C(add9)", {0, 2, 4, 7}),
        ("C7b9 C7(b9) C7-9", {0, 1, 4, 7, 10}),
        ("C7#9", {0, 3, 4, 7, 10}),
        ("C7b9#11 C7(b9,#11)", {0, 1, 4, 6, 7, 10}),
        ("C5", {0, 7}),
        ("Cno3 C(omit3)", {0, 7}),
        ("C13", {0, 2, 4, 7, 9, 10}),
        ("Cm11", {0, 2, 3, 5, 7, 10}),
    ],
)
def test_what_symbols_mean(symbols, expected):
    for symbol in symbols.split():
        for root, name in enumerate(NAMES):
            chord = parse_chord(name + symbol.removeprefix("C"))
            assert (chord.root, chord.bass, tones(chord)) == (root, root, expected), symbol


def test_flats_sharps_and_basses():
    assert [parse_chord(name).root for name in ("Bb", "B♭", "B", "F#", "F♯", "Ebb", "C##")] == [
        *(10, 10, 11, 6, 6, 2, 2)
    ]
    chord = parse_chord("F#m7/A", Fraction(3))
    assert (chord.beat, chord.figure, chord.root, chord.bass) == (3, "F#m7/A", 6, 9)
    assert parse_chord("C/Bb").pitch_classes == parse_chord("C7").pitch_classes  # the bass sounds too
    assert parse_chord("B♭7(♭9)").figure == "Bb7(b9)"
    assert parse_chord("N.C.")[2:] == parse_chord("NC")[2:] == (0, -1, -1)


@pytest.mark.parametrize("symbol", ["c", "H", "Cx", "C7+", "Cm7b", "C/e", "C/", "X7", "C77", "Cadd", "C3"])
def test_symbols_that_nobody_knows(symbol):
    assert parse_chord(symbol) is None


@given(st.sampled_from(sorted(TONES_OF_KIND)), st.sampled_from(NAMES))
def test_a_symbol_without_words_means_what_the_score_calls_it(kind, root):
    chord = parse_chord(root, kind=kind)
    assert tones(chord) == {tone % 12 for tone in TONES_OF_KIND[kind]}
    (sign,) = chord_signs([chord])
    assert tones(parse_chord(root, kind=sign.detail)) == tones(chord)


# --- Typed ---


def placed(chords):
    return [(float(chord.beat), chord.figure) for chord in chords]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("C | F C | G7 C | C", [(0, "C"), (4, "F"), (6, "C"), (8, "G7"), (10, "C")]),
        ("|C|F|%|C|", [(0, "C"), (4, "F"), (12, "C")]),
        ("C F | % | % | C", [(0, "C"), (2, "F"), (4, "C"), (6, "F"), (8, "C"), (10, "F"), (12, "C")]),
        ("C - - G | . F | | Bb/D", [(0, "C"), (3, "G"), (6, "F"), (12, "Bb/D")]),
        ("C F G | C", [(0, "C"), (2, "F"), (3, "G"), (4, "C"), (8, "")]),
        ("C F G A D | C", [*((0, "C"), (1, "F"), (2, "G"), (2.5, "A"), (3.5, "D")), (4, "C"), (8, "")]),
        ("C || F\nG |\n C", [(0, "C"), (4, "F"), (8, "G"), (12, "C")]),
        ("C | N.C. | - | C", [(0, "C"), (4, "N.C."), (12, "C")]),
        ("- C", [(2, "C"), (4, "")]),
    ],
)
def test_bars_are_shared_by_beats(text, expected):
    assert placed(read_chords(song(), text)) == expected


def test_other_meters_and_pickups():
    assert placed(read_chords(song(36, (3, 4), pickup=1), "C G | C F G")) == [
        *((1, "C"), (3, "G"), (4, "C"), (5, "F"), (6, "G"), (7, ""))
    ]
    assert placed(read_chords(song(24, (6, 8)), "C G | C F G")) == [
        *((0, "C"), (1.5, "G"), (3, "C"), (4, "F"), (5, "G"))
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("C | Hm7", "bar 2 of the chords: 'Hm7' is no chord symbol that is known. Write bars such as"),
        ("C | F | G | C | C", "5 bars of chords are given, but the song has 4"),
        ("% | C", "bar 1 of the chords: % stands alone"),
        ("C | % G", "bar 2 of the chords: % stands alone"),
        ("", "no chord symbols"),
        (5, "5 is no text with chord symbols"),
        (" | | ", "no chord symbols"),
    ],
)
def test_chords_that_make_no_sense(text, words):
    with pytest.raises(MelodyError, match=f"^a.mid: .*{words}"):
        read_chords(song(), text)


def test_chords_spread_over_steps():
    bits, root, bass = chords_by_step(read_chords(song(), "- C | G/B N.C."), 40)
    assert root.tolist() == [-1] * 8 + [0] * 8 + [7] * 8 + [-1] * 16
    assert bass.tolist() == [-1] * 8 + [0] * 8 + [11] * 8 + [-1] * 16
    assert bits[8] == 0b10010001 and bits[16] == 0b100010000100 and bits[[0, 24, 39]].tolist() == [0] * 3


# --- Of a score ---


def test_a_lead_sheet_has_its_own():
    read = read_parts(INPUTS / "x01_lead_sheet.musicxml", chords="score")
    signs = [sign for sign in read.tune.signs if sign.kind == "chord"]
    changes = [sign for before, sign in pairwise([None, *signs]) if not before or sign.value != before.value]
    assert 3 < len(changes) < len(signs)
    assert [chord.figure for chord in read.chords] == [sign.value for sign in changes]
    assert [chord.beat for chord in read.chords] == [Fraction(sign.tick, 10_080) for sign in changes]
    with pytest.raises(MelodyError, match="it has no chord symbols"):
        read_parts(INPUTS / "x06b_key_change.musicxml", chords="score")


def test_a_symbol_of_a_score_that_nobody_knows(tmp_path):
    notes = [(Fraction(n), Fraction(n + 1), 72) for n in range(8)]
    signs = [Sign(Fraction(0), "chord", "C", 1, "major"), Sign(Fraction(5), "chord", "Gwow", 1, "other")]
    path = write_musicxml(tmp_path / "a.musicxml", [("Tune", 0, notes)], [(0, 4, 4)], signs=signs)
    with pytest.raises(MelodyError, match="the chord symbol 'Gwow' at 2:2 is not known"):
        read_parts(path, chords="score")
    assert read_parts(path).chords == ()  # nobody asked


SOME = ["C", "Am7", "F/A", "G7b9", "Bbmaj7", "Dø7", "E°7", "Csus4", "F6/9", "Ab+", "N.C."]


@given(st.lists(st.sampled_from(SOME), min_size=8, max_size=8))
@settings(max_examples=25, deadline=None)
def test_what_is_written_above_a_score_is_read_back(tmp_path_factory, symbols):
    text = " | ".join(" ".join(symbols[bar : bar + 2]) for bar in range(0, 8, 2))
    chords = read_chords(song(), text)
    notes = [(Fraction(n), Fraction(n + 1), 72) for n in range(16)]
    path = tmp_path_factory.mktemp("c") / "a.musicxml"
    write_musicxml(path, [("Tune", 0, notes)], [(0, 4, 4)], signs=chord_signs(chords))
    assert read_parts(path, chords="score").chords == chords


def test_typed_chords_go_by_the_bars_of_the_melody():
    melody = read_melody(INPUTS / "x06b_key_change.musicxml")
    assert read_parts(melody, chords="C | D").chords == read_chords(melody, "C | D")
