"""Several parts of a song: which voice each of them is, what is kept, and what is refused."""

import os
import re
import shutil
from fractions import Fraction
from pathlib import Path
from subprocess import run
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_reading import write_notes

from utils.corpus.pieces import load_chorales
from utils.music.grid import REST, VOICES, grid_to_notes
from utils.songs.engrave import _condense
from utils.songs.find_voices import find_voices, names_of_voices, voice_of_name
from utils.songs.melody import read_melody, read_song
from utils.songs.parts import read_parts
from utils.songs.score import write_musicxml
from utils.songs.song import MelodyError, Note, Part
from utils.songs.write_midi import grid_to_ticks, write_tracks

ROOT = Path(__file__).parent.parent
TWINKLE = ROOT / "input_twinkle_twinkle.mid"
MUSESCORE = next(filter(None, map(shutil.which, ("mscore3", "musescore3"))), None)
CHORALES = load_chorales(ROOT / "dataset" / "chorales.npz", "valid")


def write_grid(path, grid, onset, names, order=(0, 1, 2, 3)):
    """Write a grid with tracks of any names, in any order."""
    tracks = [(names[voice], 0, grid_to_ticks(grid[:, voice], onset[:, voice], 480)) for voice in order]
    return write_tracks(path, tracks, (), 480)


def same(parts, grid, onset, voices=range(4)):
    """Tell whether kept parts are the voices of a grid, up to rests at the end."""
    assert sorted(parts) == sorted(voices)
    for voice in voices:
        melody = parts[voice]
        own = np.pad(melody.grid, (0, max(0, len(grid) - len(melody.grid))), constant_values=REST)
        struck = np.pad(melody.onset, (0, len(own) - len(melody.onset)))
        np.testing.assert_array_equal(own[: len(grid)], grid[:, voice])
        np.testing.assert_array_equal(struck[: len(grid)], onset[:, voice])
        assert (own[len(grid) :] == REST).all()


# --- Which voice a part is ---


@pytest.mark.parametrize(
    ("name", "voice"),
    [
        *(("Soprano", 0), ("S.", 0), ("Sopran 1", 0), ("Discantus", 0), ("Soprano I", 0), ("소프라노", 0)),
        *(("Alt", 1), ("A", 1), ("Altstimme", 1), ("Alto sax", 1), ("알토", 1)),
        *(("Tenore", 2), ("T 2", 2), ("Ténor", 2), ("테너", 2)),
        *(("BASSO", 3), ("Baß", 3), ("B", 3), ("Basse continue", 3), ("베이스", 3)),
        *(("Soprano Alto", None), ("Clarinet in B", None), ("A. Sax", None), ("Piano", None), ("", None)),
        *(("Altar boys", None), ("voice 2", None)),
    ],
)
def test_singers_names(name, voice):
    assert voice_of_name(name) == voice


def test_voices_of_six_have_numbers():
    assert voice_of_name("Voice 6", 6) == 5
    assert voice_of_name("voice 7", 6) is None and voice_of_name("Soprano", 6) is None


def line(name, pitch):
    return Part(name, 0, [Note(0, 480, pitch, 80), Note(480, 960, pitch + 2, 80)])


@pytest.mark.parametrize(
    ("parts", "voices"),
    [
        # Names, in any order and against the pitches.
        ([("Bass", 70), ("Soprano", 50), ("Tenor", 60), ("Alto", 60)], {3: [0], 0: [1], 2: [2], 1: [3]}),
        (
            [("Violin I", 74), ("Violin II", 67), ("Viola", 60), ("Cello", 45)],
            {0: [0], 1: [1], 2: [2], 3: [3]},
        ),
        # A singer's name counts for more than a player's, whose part then goes by its range.
        ([("Viola", 74), ("Tenor", 55), ("Bass", 45)], {0: [0], 2: [1], 3: [2]}),
        # Ranges, the higher part the higher voice, in whatever order they come.
        ([("Part 1", 48), ("Part 2", 72)], {0: [1], 3: [0]}),
        ([("Part 1", 48), ("Part 2", 72), ("Part 3", 64), ("Part 4", 56)], {0: [1], 1: [2], 2: [3], 3: [0]}),
        ([("Tune", 72), ("Bass", 45)], {0: [0], 3: [1]}),
        ([("Cello part", 43)], {3: [0]}),
        ([("Low", 44)], {3: [0]}),
        ([("Tune", 64)], {0: [0]}),  # as high as it may be
        # Two of one name: as many parts as voices go by their pitches, else both claim it.
        ([("Soprano", 74), ("Soprano", 66), ("Tenor", 58), ("Bass", 45)], {0: [0], 1: [1], 2: [2], 3: [3]}),
        ([("Soprano 1", 74), ("Soprano 2", 70), ("Alto", 65)], {0: [0, 1], 1: [2]}),
        # More parts than voices: none of those without a name.
        ([(name, 50 + place) for place, name in enumerate("vwxyz")], {}),
        ([*((name, 60) for name in VOICES), ("Piano", 60)], {0: [0], 1: [1], 2: [2], 3: [3]}),
    ],
)
def test_names_come_first_then_ranges(parts, voices):
    found = find_voices([line(*part) for part in parts])
    assert {voice: [claim.part for claim in claims] for voice, claims in found.items()} == voices


@given(st.integers(0, len(CHORALES) - 1), st.permutations(range(4)), st.booleans())
@settings(max_examples=15, deadline=None)
def test_bach_is_found_by_range_in_any_order(tmp_path_factory, number, order, named):
    chorale = CHORALES[number]
    names = VOICES if named else [f"Staff {voice}" for voice in range(4)]
    path = tmp_path_factory.mktemp("p") / "a.mid"
    read = read_parts(write_grid(path, chorale.grid, chorale.onset, names, order), keep="all")
    assert read.place == 0
    same(read.parts, chorale.grid, chorale.onset)
    how = "by its name" if named else "by its range"
    assert sum(how in sentence for sentence in read.report) == 4


def test_names_of_voices_that_share_a_staff():
    assert names_of_voices("Soprano\nAlto", 2) == names_of_voices("S.A.", 2) == ["Soprano", "Alto"]
    assert names_of_voices("TB", 2) == ["Tenor", "Bass"]
    assert names_of_voices("Women", 2) == ["Women, voice 1", "Women, voice 2"]
    assert names_of_voices("Soprano", 2) == ["Soprano, voice 1", "Soprano, voice 2"]


# --- What is kept ---


def quartet(path, **changes):
    """Write two bars of four voices."""
    parts = {
        "Soprano": [(0, 1920, 72), (1920, 3840, 74)],
        "Alto": [(0, 1920, 67), (1920, 3840, 65)],
        "Tenor": [(0, 1920, 60), (1920, 3840, 57)],
        "Bass": [(0, 1920, 48), (1920, 3840, 50)],
    }
    return write_notes(path, *(parts | changes).items())


@pytest.mark.parametrize(
    ("keep", "kept", "place"),
    [
        ("all", [0, 1, 2, 3], 0),
        ("bass", [3], 3),
        ("alto bass", [1, 3], 1),
        ("B, S", [0, 3], 0),
        (("A", "Tenore"), [1, 2], 1),
        ({"bass": "bass"}, [3], 3),
        ({"alto": 0, "tenor": "1"}, [1, 2], 1),  # whatever their names say
    ],
)
def test_what_is_kept_and_which_voice_is_the_tune(tmp_path, keep, kept, place):
    path = quartet(tmp_path / "a.mid")
    read = read_parts(path, keep=keep)
    assert (sorted(read.parts), read.place) == (kept, place)
    assert read.tune is read.parts[place] and read.report == read.tune.report
    if isinstance(keep, dict) and "alto" in keep:
        assert [read.parts[voice].track for voice in (1, 2)] == ["Soprano", "Alto"]
    else:
        assert all(melody.track.lower() == VOICES[voice] for voice, melody in read.parts.items())
    kept_tracks = {melody.track for melody in read.parts.values()}
    left = [f'"{name}"' for name in ("Soprano", "Alto", "Tenor", "Bass") if name not in kept_tracks]
    said = [sentence for sentence in read.report if sentence.startswith("Not kept")]
    assert said == ([f"Not kept: {', '.join(left)}."] if left else [])


@pytest.mark.parametrize("source", [TWINKLE, ROOT / "tests" / "inputs" / "x01_lead_sheet.musicxml"])
def test_without_keep_it_is_the_melody_as_ever(source):
    read, melody = read_parts(source), read_melody(source)
    assert read.report == melody.report and (read.place, read.parts, read.chords) == (None, {}, ())
    assert read.tune.notes == melody.notes and read.tune.phrase_ends == melody.phrase_ends
    np.testing.assert_array_equal(read.tune.grid, melody.grid)


def test_a_bass_from_elsewhere_joins_the_melody_as_ever(tmp_path):
    bass = write_notes(tmp_path / "b.mid", ("Cello", [(0, 480 * 24, 48), (480 * 24, 480 * 46, 43)]))
    for wanted in (bass, str(bass), "C3:24 G2:22", read_melody(bass)):
        read = read_parts(TWINKLE, keep={"B": wanted})
        assert (read.place, sorted(read.parts)) == (0, [0, 3])
        assert read.tune.notes == read_melody(TWINKLE).notes  # the upper line of two hands
        assert len(read.parts[3].grid) == len(read.tune.grid) == 192
        assert [note.pitch for note in read.parts[3].notes] == [48, 43]
        assert read.parts[3].grid[184:].tolist() == [REST] * 8
    assert read_parts(read_melody(TWINKLE), keep={"bass": bass}).place == 0


def test_a_track_that_is_asked_for_is_the_tune(tmp_path):
    read = read_parts(quartet(tmp_path / "a.mid"), keep="bass", track="Tenor")
    assert (read.place, sorted(read.parts)) == (2, [2, 3])


def test_parts_are_of_one_length_and_keep_their_notes(tmp_path):
    path = quartet(tmp_path / "a.mid", Bass=[(7, 1900, 48), (1890, 3000, 50), (3000, 4800, 43)])
    read = read_parts(path, keep="all")
    assert {len(melody.grid) for melody in read.parts.values()} == {40}
    assert read.parts[3].notes[:2] == (Note(7, 1900, 48, 80), Note(1890, 3000, 50, 80))
    assert read.parts[3].grid[15:17].tolist() == [48, 50]  # the note that was held too long ends there
    assert any(re.match("Bass: .* notes lie off the sixteenths", sentence) for sentence in read.report)


@pytest.mark.parametrize("bars", [2, 3])
def test_a_quartet_of_other_voices(tmp_path, bars):
    path = write_notes(tmp_path / "a.mid", *((f"Part {n}", [(0, 480, 74 - 6 * n)]) for n in range(6)))
    read = read_parts(path, keep="all", voices=6)
    assert sorted(read.parts) == list(range(6)) and read.parts[5].track == "Part 5"
    assert sorted(read_parts(path, keep="voice 2, Voice 6", voices=6).parts) == [1, 5]


# --- Staves that voices share ---


def hymn(path, chorale, names=None):
    """Write a score of two staves, two voices on each."""
    write_score(path, chorale.grid, chorale.onset)
    score = ElementTree.parse(path).getroot()
    _condense(score)
    for entry, name in zip(score.iter("part-name"), names or (), strict=False):
        entry.text = name
    ElementTree.ElementTree(score).write(path)
    return path


def write_score(path, grid, onset):
    parts = []
    for voice, name in enumerate(VOICES):
        notes = grid_to_notes(grid[:, voice], onset[:, voice])
        in_beats = [(Fraction(start, 4), Fraction(end, 4), pitch) for start, end, pitch in notes]
        parts.append((name.capitalize(), 0, in_beats))
    return write_musicxml(path, parts, [(0, 4, 4)])


@given(st.integers(0, len(CHORALES) - 1), st.sampled_from([None, ("Women", "Men")]))
@settings(max_examples=6, deadline=None)
def test_a_hymn_book_is_divided_into_its_voices(tmp_path_factory, number, names):
    chorale = CHORALES[number]
    path = hymn(tmp_path_factory.mktemp("p") / "a.musicxml", chorale, names)
    assert len(read_song(path).parts) == 2
    read = read_parts(path, keep="all")
    same(read.parts, chorale.grid, chorale.onset)
    expected = ("Women, voice 1", "Men, voice 2") if names else ("Soprano", "Bass")
    assert (read.parts[0].track, read.parts[3].track) == expected


@pytest.mark.skipif(not MUSESCORE, reason="MuseScore 3 is missing: apt-get install musescore3")
def test_a_hymn_book_that_musescore_saved(tmp_path):
    chorale = CHORALES[3]
    ours, saved = hymn(tmp_path / "a.musicxml", chorale), tmp_path / "b.musicxml"
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "HOME": str(tmp_path)}
    run([MUSESCORE, "-o", saved, ours], env=environment, capture_output=True, timeout=120, check=True)
    same(read_parts(saved, keep="all").parts, chorale.grid, chorale.onset)


MEASURE = """<measure number="1"><attributes><divisions>1</divisions><staves>2</staves>
<clef number="1"><sign>G</sign></clef><clef number="2"><sign>F</sign></clef></attributes>{}</measure>"""


def head(step, octave, length, voice, staff, extra="", chord=""):
    return (
        f"<note>{chord}<pitch><step>{step}</step><octave>{octave}</octave></pitch><duration>{length}</duration>"
        f"<voice>{voice}</voice><staff>{staff}</staff>{extra}</note>"
    )


def piano_score(path, *bars):
    bars = "".join(MEASURE.format(bar) for bar in bars)
    path.write_text(
        '<?xml version="1.0"?><score-partwise version="3.1"><part-list><score-part id="P1"><part-name>Choir'
        f'</part-name></score-part></part-list><part id="P1">{bars}</part></score-partwise>'
    )
    return path


def back(length):
    return f"<backup><duration>{length}</duration></backup>"


def test_a_part_of_two_staves_with_chords_and_silent_voices(tmp_path):
    lyric = "<lyric><text>Lob</text></lyric>"
    first = (
        # A soprano that enters late above an alto; tenor and bass on the second staff.
        "<forward><duration>1</duration></forward>"
        + head("C", 5, 3, 1, 1)
        + back(4)
        + head("E", 4, 4, 2, 1)
        + back(4)
        + head("G", 3, 4, 5, 2)
        + back(4)
        + head("C", 3, 2, 6, 2)
        + head("D", 3, 2, 6, 2)
    )
    second = (
        # Chords, the lower note first as some programs write, words with it; the bass rests.
        head("F", 4, 2, 1, 1, lyric)
        + head("D", 5, 2, 1, 1, chord="<chord/>")
        + head("C", 5, 2, 1, 1)
        + back(4)
        + head("A", 3, 4, 5, 2)
    )
    read = read_parts(piano_score(tmp_path / "a.musicxml", first, second), keep="all")
    beats = [read.parts[voice].grid[::4].tolist() for voice in range(4)]
    assert beats == [
        [-1, 72, 72, 72, 74, 74, 72, 72],
        [64, 64, 64, 64, 65, 65, -1, -1],
        [55, 55, 55, 55, 57, 57, 57, 57],
        [48, 48, 50, 50, -1, -1, -1, -1],
    ]
    assert [(sign.value, sign.tick) for sign in read.tune.signs if sign.kind == "lyric"] == [
        ("Lob", 4 * 10_080)
    ]


def test_a_voice_that_is_silent_in_the_pickup_enters_in_time(tmp_path):
    time = "<attributes><time><beats>4</beats><beat-type>4</beat-type></time></attributes>"
    bar = head("C", 5, 4, 1, 1) + back(4) + head("E", 4, 4, 2, 1)
    path = piano_score(tmp_path / "a.musicxml", time + head("G", 4, 1, 1, 1), bar)
    read = read_parts(path, keep="all")
    assert read.tune.pickup == 1
    assert [read.parts[voice].grid[::4].tolist() for voice in (0, 1)] == [[67, *[72] * 4], [-1, *[64] * 4]]


@pytest.mark.parametrize("length", ["1e9999999", "x", "-1e300"])
def test_lengths_that_make_no_sense(tmp_path, length):
    bar = head("C", 5, 4, 1, 1) + back(4) + head("E", 4, length, 2, 1) + head("C", 4, 4, 2, 1)
    with pytest.raises(MelodyError, match=r"a\.musicxml: "):
        read_parts(piano_score(tmp_path / "a.musicxml", bar), keep="all")


# --- What is refused ---


@pytest.mark.parametrize(
    ("changes", "keep", "words"),
    [
        ({}, "baritone", "no voice 'baritone'. The voices are soprano, alto, tenor, bass .or S, A, T, B"),
        ({}, "", "no voice is named"),
        ({}, 5, "no voice '5'"),
        ({}, ["bass", None], "no voice 'None'"),
        ({}, {}, "no voice is named"),
        ({}, "bass B", "given twice"),
        ({"Tenor": [], "Bass": []}, "tenor", r"no part of it is the tenor.*tenor\": 0.*1 Alto \(alto\)"),
        ({"Bass II": [(0, 480, 40)]}, "bass", '2 parts for the bass, "Bass" and "Bass II"'),
        ({"Bass II": [(0, 480, 40)]}, "all", '2 parts for the bass, "Bass" and "Bass II"'),
        ({}, {"bass": 0, "alto": 0}, '"Soprano" is asked for as the alto and as the bass'),
        ({}, {"bass": 4}, "no track 4.*3 Bass"),
        ({}, {"bass": "Tuba"}, "'Tuba' is no track of it, no file, and no notes.*Soprano, Alto, Tenor"),
        ({}, {"bass": "no such.mid"}, "no such.mid: no such file"),
        ({"Alto": [(0, 1920, 67), (480, 960, 64)]}, "all", 'at once in "Alto", the alto, at 1:2'),
        ({"Alto": [(0, 1920, 67), (0, 1920, 64)]}, "alto", 'at once in "Alto", the alto, at 1:1'),
        ({"Alto": [(0, 1920, 67), (960, 3840, 64)]}, "alto", 'at once in "Alto", the alto, at 1:3'),
        ({"Alto": [(0, 1920, 67), (1680, 1800, 64)]}, "alto", 'at once in "Alto", the alto, at 1:4.5'),
        ({"Bass": [(0, 1920, 50), (1920, 2400, 77)]}, "all", '"Bass", the bass, has F5 at 2:1.*C2 to E4'),
        ({"Bass": [(0, 1921 * 3, 50)]}, "all", '"Bass", the bass, goes on to bar 4,.*"Soprano".*in bar 2'),
    ],
)
def test_bad_input_is_refused_with_a_word_on_where(tmp_path, changes, keep, words):
    path = quartet(tmp_path / "a.mid", **changes)
    with pytest.raises(MelodyError, match=words):
        read_parts(path, keep=keep)


def test_what_lies_just_within_the_bounds_is_taken(tmp_path):
    path = quartet(tmp_path / "a.mid", Bass=[(0, 1920, 24), (1920, 3840 + 1920, 76)])
    assert len(read_parts(path, keep="all").parts) == 4


def test_a_note_that_is_held_over_a_lower_one_ends_there(tmp_path):
    read = read_parts(quartet(tmp_path / "a.mid", Bass=[(0, 2160, 50), (1920, 3840, 48)]), keep="all")
    assert read.parts[3].grid[14:20].tolist() == [50, 50, 48, 48, 48, 48]
    assert np.flatnonzero(read.parts[3].onset).tolist() == [0, 16]


def test_grace_notes_are_no_second_voice(tmp_path):
    alto = [(0, 1920, 67), (0, 40, 69), (1900, 1950, 64), (1920, 3840, 65)]
    read = read_parts(quartet(tmp_path / "a.mid", Alto=alto), keep="all").parts[1]
    assert len(read.notes) == 4
    assert (read.grid[:15] == 67).all() and (read.grid[16:] == 65).all()


def test_a_tune_beside_what_is_kept_may_be_anywhere(tmp_path):
    path = write_notes(
        tmp_path / "a.mid", ("Piccolo", [(0, 480, 100), (0, 480, 60)]), ("Bass", [(0, 480, 40)])
    )
    read = read_parts(path, keep="bass", track="Piccolo")
    assert (read.place, [note.pitch for note in read.tune.notes]) == (0, [100])
    with pytest.raises(MelodyError, match='two notes at once in "Piccolo", the soprano, at 1:1'):
        read_parts(path, keep="all")


def test_too_many_parts(tmp_path):
    path = write_notes(tmp_path / "a.mid", *((f"Part {n}", [(0, 480, 50 + n)]) for n in range(5)))
    with pytest.raises(MelodyError, match=r"its 5 parts are too many for 4 voices.*0 Part 0 \(no voice\)"):
        read_parts(path, keep="all")
    with pytest.raises(MelodyError, match="no part of it is the bass"):
        read_parts(path, keep="bass")
    named = quartet(tmp_path / "b.mid", Piano=[(0, 480, 60), (0, 480, 64)])
    assert 'Not kept: "Piano".' in read_parts(named, keep="all").report


def test_a_melody_has_no_other_parts(tmp_path):
    melody = read_melody(TWINKLE)
    with pytest.raises(MelodyError, match="one melody, without other parts"):
        read_parts(melody, keep="bass")
    with pytest.raises(MelodyError, match="no track 1"):
        read_parts(melody, keep={"bass": 1})
