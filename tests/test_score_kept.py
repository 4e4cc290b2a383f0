"""What a score keeps: keys, spelling, bars, repeats, words; and what a choir expects of it."""

import sys
from fractions import Fraction
from pathlib import Path
from subprocess import run
from xml.etree import ElementTree

import mido
import numpy as np
import pytest

from utils.arranger.arrangement import Arrangement
from utils.music.grid import REST
from utils.music.meter import Bar
from utils.music.theory import spell_chord, spell_in
from utils.songs.clefs import choose_clef
from utils.songs.melody import notated, read_melody
from utils.songs.note_heads import find_beams, group_units, pieces_by_bar
from utils.songs.score import write_musicxml
from utils.songs.song import Sign
from utils.songs.spelling import spell_parts

ROOT = Path(__file__).parent.parent
INPUTS = Path(__file__).parent / "inputs"
SYLLABLES = ["A-", "ma", "grace", "how", "sweet", "the", "sound"]


def arrange(name, path, **options):
    """Set voices of one kind below a melody, and write the score: no network is asked."""
    melody = read_melody(INPUTS / name, **options)
    below = [np.where(melody.grid == REST, REST, melody.grid - down) for down in (5, 12, 24)]
    grid = np.stack([melody.grid, *below], axis=-1).astype(np.int8)
    onset = np.stack([melody.onset] * 4, axis=-1)
    arrangement = Arrangement(grid, onset, melody, {})
    arrangement.write(path)
    return arrangement, ElementTree.parse(path).getroot()


def measures(root, part=0):
    return root.findall("part")[part].findall("measure")


def names_of(root, part=0):
    """List the notes of a part by name."""
    signs = {"-2": "bb", "-1": "b", None: "", "1": "#", "2": "##"}
    return [
        pitch.findtext("step") + signs[pitch.findtext("alter")]
        for pitch in root.findall("part")[part].iter("pitch")
    ]


def keys_of(root):
    return [
        (bar.get("number"), int(key.findtext("fifths")), key.findtext("mode"))
        for bar in measures(root)
        for key in bar.findall("attributes/key")
    ]


# --- Keys and spelling ---


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("x05_clarinet_bb.musicxml", [("1", -3, "major"), ("3", -1, None)]),
        ("x06_gb_major.musicxml", [("1", -6, "major")]),
        ("x06b_key_change.musicxml", [("1", 2, "major"), ("5", -3, None)]),
        ("x06c_dorian_d.musicxml", [("1", 0, None)]),  # MuseScore 3 complains of modes beyond two
        ("m20_key_meter_tempo_change.mid", [("1", 2, "major"), ("5", -3, "major")]),
    ],
)
def test_signatures_change_where_the_file_has_them(tmp_path, name, keys):
    _, root = arrange(name, tmp_path / "a.musicxml")
    assert keys_of(root) == keys
    for part in range(4):
        own = [int(key.text) for key in root.findall("part")[part].iter("fifths")]
        assert own == [sharps for _, sharps, _ in keys]


def test_meters_and_tempi_of_a_midi_file_change_too(tmp_path):
    arrangement, root = arrange("m20_key_meter_tempo_change.mid", tmp_path / "a.musicxml")
    assert [t.text for t in root.find("part").iter("beats")] == ["4", "3"]
    assert [t.text for t in root.find("part").iter("per-minute")] == ["120", "80"]
    arrangement.write(tmp_path / "a.mid")
    told = [m for m in mido.MidiFile(tmp_path / "a.mid").tracks[0] if m.type == "key_signature"]
    assert [m.key for m in told] == ["D", "Eb"]


def test_the_tune_is_spelled_as_written_and_others_agree(tmp_path):
    _, root = arrange("x06d_spelling.musicxml", tmp_path / "a.musicxml")
    tune = names_of(root)
    assert tune == ["C", "Db", "C", "B", "C", "C#", "D", "D#", "E", "Eb", "D", "Db", "C"]
    # An octave below the tune nobody may read C sharp where it has D flat.
    assert names_of(root, 2) == tune


def test_g_flat_major_is_not_f_sharp_major(tmp_path):
    _, root = arrange("x06_gb_major.musicxml", tmp_path / "a.musicxml")
    assert names_of(root) == ["Gb", "Ab", "Bb", "Cb", "Db", "Bb", "Gb", "Bb", "Cb", "Bb", "Ab", "F", "Gb"]
    assert not any("#" in name for part in range(4) for name in names_of(root, part))


def test_chords_are_spelled_in_thirds():
    a_flat = spell_chord(8, 0, "major")
    assert {a_flat[8], a_flat[0], a_flat[3]} == {("A", -1), ("C", 0), ("E", -1)}
    assert spell_in(8, 0, "major") == ("G", 1)  # alone it would be the third of E major
    assert spell_chord(4, 0, "minor")[8] == ("G", 1)
    assert spell_chord(1, 0, None, ((5, ("E", 1)),))[1] == ("C", 1)  # as the tune has its third
    times = [(Fraction(n), Fraction(n + 1)) for n in range(2)]
    parts = [[(*time, pitch) for time in times] for pitch in (80, 75, 60)]
    parts[0][1] = (*times[1], 79)
    spelled = spell_parts(parts, [(0, 0, "major")])
    assert spelled == [[("A", -1), ("G", 0)], [("E", -1)] * 2, [("C", 0)] * 2]
    assert spell_parts(parts, [(0, 0, "major")], [{(0, 80): ("G", 1)}])[1][0] == ("D", 1)


def test_a_repeated_note_keeps_its_name_unless_its_owner_changes_it():
    times = [(Fraction(n), Fraction(n + 1)) for n in range(2)]
    chords = ((64, 68, 71), (65, 68, 72))  # E major, F minor
    parts = [[(*time, chord[n]) for time, chord in zip(times, chords, strict=True)] for n in range(3)]
    assert spell_parts(parts, [(0, 0, "major")])[1] == [("G", 1), ("G", 1)]
    assert spell_parts(parts[::2], [(0, 0, "major")])[0] == [("E", 0), ("F", 0)]
    own = {(0, 68): ("G", 1), (1, 68): ("A", -1)}
    assert spell_parts([parts[1], parts[0]], [(0, 0, "major")], [own])[0] == [("G", 1), ("A", -1)]


# --- Bars and repeats ---


def test_bar_lines_stand_where_the_score_has_them(tmp_path):
    arrangement, root = arrange("x04_extra_pickup_mid.musicxml", tmp_path / "a.musicxml")
    assert arrangement.bars.tolist() == [4, 20, 36, 40, 56, 72]
    lengths = [
        sum(int(note.findtext("duration")) for note in bar.findall("note")) / 10080 for bar in measures(root)
    ]
    assert lengths == [1, 4, 4, 1, 4, 4, 4]
    assert [bar.get("number") for bar in measures(root)] == ["0", "1", "2", "3", "4", "5", "6"]


def test_repeats_and_voltas_stand_in_every_part(tmp_path):
    _, root = arrange("x03b_voltas_short_bars.musicxml", tmp_path / "a.musicxml")
    for part in range(4):
        found = [
            (bar.get("number"), line.get("location"), sign.tag, sign.get("type") or sign.get("direction"))
            for bar in measures(root, part)
            for line in bar.findall("barline")
            for sign in line
            if sign.tag in ("ending", "repeat")
        ]
        assert found == [
            ("4", "left", "ending", "start"),
            ("4", "right", "ending", "stop"),
            ("4", "right", "repeat", "backward"),
            ("5", "left", "ending", "start"),
            ("5", "right", "ending", "stop"),
        ]
        assert measures(root, part)[-1].findtext("barline/bar-style") == "light-heavy"
    path = tmp_path / "b.musicxml"
    _, played = arrange("x03b_voltas_short_bars.musicxml", path, play_repeats=True)
    assert not list(played.iter("repeat")) and len(measures(played)) == 14


def test_jumps_and_numbers_are_written(tmp_path):
    notes = [(Fraction(n), Fraction(n + 1), 72) for n in range(12)]
    signs = [
        *(Sign(Fraction(0), "repeat", "forward"), Sign(Fraction(4), "repeat", "backward", 3)),
        *(Sign(Fraction(4), "jump", "segno"), Sign(Fraction(8), "bar", "12")),
        *(Sign(Fraction(8), "barline", "light-light"), Sign(Fraction(12), "jump", "dalsegno", 1, "D.S.")),
        *(Sign(Fraction(8), "jump", "fine"), Sign(Fraction(8), "text", "dolce")),
    ]
    root = ElementTree.parse(
        write_musicxml(tmp_path / "a.musicxml", [("a", 0, notes)], [(0, 4, 4)], signs=signs)
    )
    assert [bar.get("number") for bar in measures(root)] == ["1", "2", "12"]
    assert root.find(".//repeat[@direction='backward']").get("times") == "3"
    sounds = [sound.attrib for sound in root.iter("sound")]
    assert sounds[1:] == [{"segno": "segno"}, {"fine": "yes"}, {"dalsegno": "segno"}]
    # Where the music ends or leaps, the words stand at the end of the bar, and others at the beginning.
    shown = [
        [e.findtext(".//words") for e in bar if e.tag in ("direction", "note")] for bar in measures(root)
    ]
    assert shown[1] == [None] * 5 + ["Fine"] and shown[2] == ["dolce"] + [None] * 4 + ["D.S."]
    assert [style.text for style in root.iter("bar-style")][-2:] == ["light-light", "light-heavy"]


# --- What is written with the notes ---


def test_a_hymn_keeps_its_words_slurs_and_fermatas(tmp_path):
    _, root = arrange("x07_hymn_lyrics.musicxml", tmp_path / "a.musicxml")
    assert root.findtext("work/work-title") == "Amazing Grace"
    assert root.findtext("identification/creator[@type='composer']") == "Traditional"
    soprano = root.find("part")
    assert [text.text for text in soprano.iter("text")] == [
        "A-",
        "ma",
        "grace",
        "how",
        "sweet",
        "the",
        "sound",
    ]
    assert [slur.get("type") for slur in soprano.iter("slur")] == ["start", "stop"]
    # Singers hold together.
    for part in range(4):
        (held,) = [n for n in root.findall("part")[part].iter("note") if n.find(".//fermata") is not None]
        assert held is list(root.findall("part")[part].iter("note"))[-1]


def test_signs_of_a_tied_note_stand_on_the_head_they_belong_to(tmp_path):
    notes = [(Fraction(2), Fraction(9), 72), (Fraction(9), Fraction(10), 74)]
    signs = [
        *(Sign(Fraction(2), "lyric", "A-", 1, "begin"), Sign(Fraction(9), "lyric", "men", 1, "end")),
        *(Sign(Fraction(2), "fermata"), Sign(Fraction(2), "breath", "comma")),
        *(Sign(Fraction(2), "articulation", "accent"), Sign(Fraction(3), "dynamic", "mf")),
        *(Sign(Fraction(2), "slur", "start"), Sign(Fraction(9), "slur", "stop")),
        Sign(Fraction(2), "slur", "start", 2),  # its end is gone with a note: so is it
    ]
    path = write_musicxml(tmp_path / "a.musicxml", [("a", 0, notes)], [(0, 4, 4)], signs=signs)
    root = ElementTree.parse(path)
    heads = [n for n in root.iter("note") if n.find("pitch") is not None]
    bears = [{e.tag for e in head.iter()} & {"lyric", "fermata", "breath-mark", "accent"} for head in heads]
    assert bears == [{"lyric", "accent"}, set(), {"fermata", "breath-mark"}, {"lyric"}]
    assert [(s.get("number"), s.get("type")) for s in root.iter("slur")] == [("1", "start"), ("1", "stop")]
    assert heads[0].findtext("lyric/syllabic") == "begin" and heads[0].findtext("lyric/text") == "A"
    dynamic = next(d for d in root.iter("direction") if d.find(".//dynamics") is not None)
    assert (dynamic.findtext("offset"), dynamic.get("placement")) == ("10080", "above")


def test_syllables_of_midi_make_words(tmp_path):
    notes = [(Fraction(n), Fraction(n + 1), 72) for n in range(4)]
    signs = [Sign(Fraction(n), "lyric", text) for n, text in enumerate(("Hal-", "le-", "lu", "ja"))]
    root = ElementTree.parse(
        write_musicxml(tmp_path / "a.musicxml", [("a", 0, notes)], [(0, 4, 4)], signs=signs)
    )
    assert [s.text for s in root.iter("syllabic")] == ["begin", "middle", "end", "single"]
    assert [s.text for s in root.iter("text")] == ["Hal", "le", "lu", "ja"]


def test_chord_symbols_of_the_source_stay(tmp_path):
    _, root = arrange("x01_lead_sheet.musicxml", tmp_path / "a.musicxml")
    found = [(h.findtext("root/root-step"), h.findtext("kind")) for h in root.iter("harmony")]
    assert found[-2:] == [("G", "dominant"), ("C", "major")] and len(found) == 8
    signs = [
        Sign(Fraction(0), "chord", "F#m7/A", 1, "minor-seventh"),
        Sign(Fraction(1), "chord", "N.C.", 1, "none"),
    ]
    path = write_musicxml(tmp_path / "b.musicxml", [("a", 0, [(0, 2, 60)])], [(0, 4, 4)], signs=signs)
    harmony, none = ElementTree.parse(path).iter("harmony")
    assert [harmony.findtext(f"root/root-{x}") for x in ("step", "alter")] == ["F", "1"]
    assert harmony.find("kind").get("text") == "m7" and harmony.findtext("bass/bass-step") == "A"
    assert none.findtext("kind") == "none" and none.find("kind").get("text") == "N.C."


# --- As singers expect it ---


def test_a_choir_has_names_of_one_kind_a_bracket_and_its_clefs(tmp_path):
    _, root = arrange("x01_lead_sheet.musicxml", tmp_path / "a.musicxml")
    assert [n.text for n in root.iter("part-name")] == ["Soprano", "Alto", "Tenor", "Bass"]
    assert root.findtext(".//group-symbol") == "bracket"
    changes = [clef.findtext("clef-octave-change") for clef in root.iter("clef")]
    assert changes[:3] == [None, None, "-1"]
    tempo = next(d for d in root.iter("direction") if d.find(".//metronome") is not None)
    assert tempo.get("placement") == "above"


@pytest.mark.parametrize(
    ("name", "pitches", "lowest", "clef"),
    [
        ("Tenor", (57, 60), False, "treble 8vb"),
        ("T", (67,), False, "treble 8vb"),
        ("Ténor 2", (60,), False, "treble 8vb"),
        ("Alto", (55, 57), False, "treble"),  # a low alto is no tenor
        ("Tenor Sax", (57,), False, "treble"),
        ("Viola", (58,), False, "treble"),
        ("Piccolo", (90, 93), False, "treble 8va"),
        ("Soprano", (81, 79), False, "treble"),
        ("Cello", (50,), False, "bass"),
        ("Bass", (55,), True, "bass"),
        ("Double bass", (31, 36), True, "bass 8vb"),
        ("Flute", (), False, "treble"),
    ],
)
def test_clefs(name, pitches, lowest, clef):
    assert choose_clef(pitches, name, lowest) == clef
    assert choose_clef(pitches, name, lowest, plain=True) in ("treble", "bass")


@pytest.mark.parametrize(
    ("meter", "unit", "dotted", "number"),
    [
        ((4, 4), "quarter", False, "90"),
        ((3, 4), "quarter", False, "90"),
        ((6, 8), "quarter", True, "60"),
        ((12, 8), "quarter", True, "60"),
        ((9, 16), "eighth", True, "120"),
        ((2, 2), "half", False, "45"),
        ((7, 8), "eighth", False, "180"),
    ],
)
def test_the_tempo_counts_the_beats_of_the_meter(tmp_path, meter, unit, dotted, number):
    notes = [("a", 0, [(0, 6, 72)])]
    root = ElementTree.parse(write_musicxml(tmp_path / "a.musicxml", notes, [(0, *meter)], [(0, 90)]))
    (mark,) = root.iter("metronome")
    assert (mark.findtext("beat-unit"), mark.find("beat-unit-dot") is not None) == (unit, dotted)
    assert mark.findtext("per-minute") == number and root.find(".//sound").get("tempo") == "90"


def beamed(lengths, meter, grouping=None, upbeat=False):
    """Write which heads are beamed: numbers of heads by beam, a dot for one alone."""
    time, notes = Fraction(0), []
    for length in lengths:
        notes.append((time, time + Fraction(length), 72))
        time += Fraction(length)
    full = Fraction(4 * meter[0], meter[1])
    bar = Bar(Fraction(0), time if upbeat else max(time, full), *meter)
    (pieces,) = pieces_by_bar(notes, [bar])
    groups = []
    for beams in find_beams(pieces, bar, upbeat, grouping):
        if not beams:
            groups.append(".")
        elif beams[0] == "begin":
            groups.append(1)
        else:
            groups[-1] += 1
    return groups


@pytest.mark.parametrize(
    ("lengths", "meter", "grouping", "groups"),
    [
        ([0.5] * 7, (7, 8), None, [3, 2, 2]),
        ([0.5] * 7, (7, 8), (2, 2, 3), [2, 2, 3]),
        ([0.5] * 5, (5, 8), None, [3, 2]),
        ([0.5] * 10, (5, 4), None, [6, 4]),
        ([0.5] * 6, (6, 8), None, [3, 3]),
        ([0.5] * 12, (12, 8), None, [3, 3, 3, 3]),
        ([0.5] * 3, (3, 8), None, [3]),
        ([0.5] * 6, (3, 4), None, [6]),
        ([0.5] * 8, (4, 4), None, [4, 4]),
        ([0.5] * 8, (2, 2), None, [4, 4]),
        ([0.25] * 8 + [0.5] * 4, (4, 4), None, [4, 4, 4]),
        ([0.75, 0.25, 0.5, 1, 0.5, 1], (4, 4), None, [2, ".", ".", ".", "."]),
        ([0.25] * 12, (6, 8), None, [6, 6]),
        ([1, 0.5, 1, 0.5], (6, 8), None, [".", ".", ".", "."]),
    ],
)
def test_beams_show_the_meter(lengths, meter, grouping, groups):
    assert beamed(lengths, meter, grouping) == groups


def test_a_pickup_is_beamed_from_its_end_and_short_notes_have_hooks():
    assert beamed([0.5] * 4, (6, 8), upbeat=True) == [".", 3]
    bar = Bar(Fraction(0), Fraction(2), 2, 4)
    notes, time = [], Fraction(0)
    for length in ("3/4", "1/4", "1/4", "3/4"):
        notes.append((time, time + Fraction(length), 72))
        time += Fraction(length)
    beams = find_beams(pieces_by_bar(notes, [bar])[0], bar, False)
    assert beams == [["begin"], ["end", "backward hook"], ["begin", "forward hook"], ["end"]]
    assert group_units(8, 8) == [0, Fraction(3, 2), 3]


def played(tmp_path, notes):
    track = mido.MidiTrack()
    events = sorted([(s, "note_on", p) for s, _, p in notes] + [(e, "note_off", p) for _, e, p in notes])
    now = 0
    for tick, kind, pitch in events:
        track.append(mido.Message(kind, note=pitch, velocity=64, time=tick - now))
        now = tick
    mido.MidiFile(tracks=[track]).save(tmp_path / "a.mid")
    return read_melody(tmp_path / "a.mid")


def test_short_silences_of_a_performance_are_no_rests(tmp_path):
    performed = [(0, 390, 72), (484, 830, 74), (955, 1390, 76), (1925, 2390, 77), (2885, 3700, 72)]
    assert notated(played(tmp_path, performed)) == [
        *((0, 1, 72), (1, 2, 74), (2, 3, 76)),  # and silence for a beat is a rest
        *((4, 5, 77), (6, Fraction(31, 4), 72)),
    ]
    # What is exact was meant so.
    written = [(0, 360, 72), (480, 840, 74), (960, 1440, 76)]
    assert notated(played(tmp_path, written)) == [
        (0, Fraction(3, 4), 72),
        (1, Fraction(7, 4), 74),
        (2, 3, 76),
    ]


def test_writing_a_score_does_without_music21(tmp_path):
    code = (
        "import sys, utils.songs.score as s\n"
        "s.write_musicxml(sys.argv[1], [('a', 0, [(0, 1, 60)])], [(0, 4, 4)])\n"
        "assert 'music21' not in sys.modules"
    )
    run([sys.executable, "-c", code, str(tmp_path / "a.musicxml")], check=True, cwd=ROOT)
