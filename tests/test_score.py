import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from music21 import converter, harmony, note, stream

from utils.songs.engrave import _condense, engrave
from utils.songs.score import write_musicxml

ROOT = Path(__file__).parent.parent

FOUR_FOUR = [(0, 4, 4)]
THIRD = Fraction(1, 3)


def line(*lengths_and_pitches, start=0):
    """Set (length, pitch) one after the other; pitch None rests."""
    notes, time = [], Fraction(start)
    for length, pitch in lengths_and_pitches:
        if pitch is not None:
            notes.append((time, time + Fraction(length), pitch))
        time += Fraction(length)
    return notes


def read_back(path):
    """Read a score with music21: the notes of each part, ties joined."""
    parts = []
    for part in converter.parse(path, forceSource=True).parts:
        heads = [n for n in part.flatten().notes if isinstance(n, note.Note)]
        notes = []
        for head in heads:
            start = Fraction(head.offset).limit_denominator(48)
            end = start + Fraction(head.quarterLength).limit_denominator(48)
            if head.tie is not None and head.tie.type in ("stop", "continue"):
                before = notes.pop()
                assert before[1:] == (start, head.pitch.midi), "a tie must lead to the same pitch"
                start = before[0]
            notes.append((start, end, head.pitch.midi))
        parts.append(notes)
    return parts


def heads_of(bar):
    return [n for n in bar.notesAndRests if not isinstance(n, harmony.ChordSymbol)]


def measures(path, part=0):
    return list(converter.parse(path, forceSource=True).parts[part].getElementsByClass(stream.Measure))


@pytest.fixture
def chorale():
    """Eight beats in G major with a pickup."""
    soprano = line((1, 74), (1, 74), (1, 76), (1, 74), (1, 72), (3, 71))
    alto = line((1, 67), (1, 67), (1, 67), (0.5, 67), (0.5, 66), (1, 64), (3, 62))
    tenor = line((1, 59), (1, 59), (1, 60), (1, 59), (1, 57), (3, 55))
    bass = line((1, 55), (0.5, 55), (0.5, 53), (1, 52), (1, 50), (1, 54), (3, 43))
    return [(name, 0, notes) for name, notes in zip("SATB", (soprano, alto, tenor, bass), strict=True)]


def test_a_chorale_with_a_pickup_comes_back_as_it_was(tmp_path, chorale):
    path = write_musicxml(tmp_path / "new" / "a.musicxml", chorale, FOUR_FOUR, pickup=1, title="Try & see")
    assert read_back(path) == [notes for *_, notes in chorale]
    score = converter.parse(path, forceSource=True)
    assert [part.partName for part in score.parts] == ["S", "A", "T", "B"]
    assert ElementTree.parse(path).findtext("work/work-title") == "Try & see"
    bars = measures(path)
    assert [bar.number for bar in bars] == [0, 1, 2]
    assert [bar.duration.quarterLength for bar in bars] == [1, 4, 4]
    assert score.parts[0].flatten().keySignature.sharps == 1
    clefs = [part.flatten().getElementsByClass("Clef")[0].name for part in score.parts]
    assert clefs == ["treble", "treble", "treble8vb", "bass"]
    assert [file.name for file in path.parent.iterdir()] == ["a.musicxml"]
    again = write_musicxml(tmp_path / "b.musicxml", chorale, FOUR_FOUR, pickup=1, title="Try & see")
    assert again.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("seed", range(6))
def test_any_rhythm_comes_back_in_any_meter(tmp_path, seed):
    rng = np.random.default_rng(seed)
    meter = [(3, 4), (4, 4), (6, 8), (2, 2), (5, 4), (3, 8)][seed]
    parts = []
    for part in range(3):
        lengths = rng.choice([0.25, 0.5, 0.75, 1, 1.5, 2, 2.25, 3.75, 5], 40)
        lines = []
        for length in lengths:
            lines.append((Fraction(length), int(rng.integers(50, 80)) if rng.random() < 0.8 else None))
            if part == 0 and rng.random() < 0.2:
                lines += [(THIRD, 60), (THIRD, 61), (THIRD, 63)]
        parts.append((f"part {part}", 0, line(*lines)))
    pickup = Fraction(1, 2) if seed % 2 else 0
    path = write_musicxml(tmp_path / "a.musicxml", parts, [(0, *meter)], pickup=pickup, chords=True)
    assert read_back(path) == [notes for *_, notes in parts]
    for part in range(3):
        for bar in measures(path, part)[1:]:
            assert bar.duration.quarterLength == Fraction(4 * meter[0], meter[1])
            assert (
                sum(Fraction(n.quarterLength).limit_denominator(48) for n in heads_of(bar))
                == bar.duration.quarterLength
            )


def test_triplets_are_tuplets(tmp_path):
    notes = line(
        *[(THIRD, 60 + n) for n in range(3)],
        *[(2 * THIRD, 65 + n) for n in range(3)],  # three quarters in the time of two
        (Fraction(1, 2), 70),  # dotted eighth, sixteenth, eighth
        (Fraction(1, 6), 71),
        (THIRD, 72),
        (THIRD, None),
        (2 * THIRD, 60),
        (1, 62),
    )
    path = write_musicxml(tmp_path / "a.musicxml", [("a", 0, notes)], [(0, 2, 4), (1, 4, 4)])
    assert read_back(path) == [notes]
    heads = [n for bar in measures(path) for n in heads_of(bar)]
    shown = [(n.duration.type, n.duration.dots, bool(n.duration.tuplets)) for n in heads]
    assert shown == [
        *[("eighth", 0, True)] * 3,
        *[("quarter", 0, True)] * 3,
        ("eighth", 1, True),
        ("16th", 0, True),
        *[("eighth", 0, True)] * 2,
        ("quarter", 0, True),
        ("quarter", 0, False),
        ("half", 1, False),  # the rest of the bar
    ]
    starts = re.findall(r'<tuplet[^>]* type="(\w+)"', path.read_text())
    assert starts == ["start", "stop"] * 4


def test_notes_are_tied_over_bar_lines_and_the_last_bar_is_filled(tmp_path):
    path = write_musicxml(
        tmp_path / "a.musicxml", [("a", 0, [(2, 9, 60)]), ("b", 0, [(0, 1, 48)])], FOUR_FOUR
    )
    bars = measures(path)
    assert [[n.tie and n.tie.type for n in bar.notes] for bar in bars] == [["start"], ["continue"], ["stop"]]
    assert all(bar.duration.quarterLength == 4 for part in (0, 1) for bar in measures(path, part))
    assert bars[-1].rightBarline.type == "final"
    rests = [r.fullMeasure for bar in measures(path, 1) for r in bar.getElementsByClass(note.Rest)]
    assert rests[-2:] == [True, True]


@pytest.mark.parametrize(
    ("key", "pitches", "names", "sharps"),
    [
        ((0, "major"), (61, 63, 66, 68, 70), "C# E- F# G# B-", 0),
        ((9, "minor"), (66, 68, 70, 61, 63), "F# G# B- C# D#", 0),
        ((3, "major"), (63, 68, 70, 66, 71), "E- A- B- G- B", -3),
        ((4, "minor"), (63, 61, 65, 70), "D# C# F A#", 1),
        ((6, "major"), (66, 65, 59), "F# E# B", 6),
        ((11, "minor"), (70, 68, 60), "A# G# C", 2),
    ],
)
def test_notes_are_spelled_by_the_key(tmp_path, key, pitches, names, sharps):
    notes = line(*[(1, pitch) for pitch in pitches])
    path = write_musicxml(tmp_path / "a.musicxml", [("a", 0, notes)], FOUR_FOUR, key=key)
    part = converter.parse(path, forceSource=True).parts[0].flatten()
    assert " ".join(n.pitch.name for n in part.notes) == names
    assert part.keySignature.sharps == sharps
    assert read_back(path) == [notes]


def test_an_accidental_holds_for_its_bar(tmp_path):
    pitches = [66, 66, 65, 65, 78, 66, 65, 67]  # in D: F sharp is in the signature
    path = write_musicxml(
        tmp_path / "a.musicxml",
        [("a", 0, line(*[(1, pitch) for pitch in pitches], (2, 61), (4, 60), (2, 60)))],
        FOUR_FOUR,
        key=(2, "major"),
    )
    shown = [
        (n.findtext("pitch/step"), n.findtext("accidental")) for n in ElementTree.parse(path).iter("note")
    ]
    assert shown == [
        *[("F", None), ("F", None), ("F", "natural"), ("F", None)],
        *[("F", None), ("F", None), ("F", "natural"), ("G", None)],  # the signature counts in the new bar
        *[("C", None), ("C", "natural"), ("C", None), ("C", "natural")],  # a tied note needs none
    ]


def test_the_key_is_found(tmp_path, chorale):
    up = [(name, 0, [(s, e, p + 2) for s, e, p in notes]) for name, _, notes in chorale]
    path = write_musicxml(tmp_path / "a.musicxml", up, FOUR_FOUR, pickup=1)
    assert converter.parse(path, forceSource=True).parts[0].flatten().keySignature.sharps == 3


def test_chord_symbols_stand_where_the_harmony_changes(tmp_path):
    upper = line((1, 67), (1, 67), (2, 65), (1, 64), (1, 62), (2, 64))
    lower = line((2, 64), (2, 62), (1, 60), (1, 59), (2, 60))
    bass = line((2, 48), (0.5, 48), (0.5, 47), (1, 55), (1, 48), (1, 55), (2, 48))
    path = write_musicxml(
        tmp_path / "a.musicxml", [("a", 0, upper), ("b", 0, lower), ("c", 0, bass)], FOUR_FOUR, chords=True
    )
    symbols = (
        converter.parse(path, forceSource=True).parts[0].flatten().getElementsByClass(harmony.ChordSymbol)
    )
    found = [(symbol.offset, symbol.root().name, symbol.chordKind) for symbol in symbols]
    # Beats 4 and 6 hold a third only; at beat 2 the seventh is in the bass.
    assert found == [
        (0, "C", "major"),
        (2, "D", "minor-seventh"),
        (3, "G", "dominant-seventh"),
        (5, "G", "major"),
    ]
    held = [("a", 0, [(0, 4, 67)]), ("b", 0, line((2, 64), (2, 62))), ("c", 0, line((2, 48), (2, 47)))]
    bar = ElementTree.parse(write_musicxml(path, held, FOUR_FOUR, chords=True)).find("part/measure")
    order = [child.tag for child in bar if child.tag in ("harmony", "note")]
    assert order == ["harmony", "harmony", "note"]  # verovio misplaces what stands after the last note
    assert [symbol.findtext("offset") for symbol in bar.findall("harmony")] == [None, "20160"]
    assert not ElementTree.parse(write_musicxml(path, [("a", 0, upper)], FOUR_FOUR)).findall(".//harmony")


def test_tempi_and_meters_change_where_they_should(tmp_path):
    notes = line(*[(1, 60)] * 12)
    tempi = [(0, 92.53), (4, 92.52), (6, 60), (99, 200)]
    path = write_musicxml(
        tmp_path / "a.musicxml", [("a", 40, notes)], [(0, 4, 4), (4, 3, 4), (8, 2, 4)], tempi
    )
    part = converter.parse(path, forceSource=True).parts[0]
    marks = [
        (m.getOffsetInHierarchy(part), m.number) for m in part.recurse().getElementsByClass("MetronomeMark")
    ]
    assert marks == [(0, 92.5), (6, 60)]
    assert [m.duration.quarterLength for m in part.getElementsByClass(stream.Measure)] == [4, 3, 1, 2, 2]
    assert "<midi-program>41</midi-program>" in path.read_text()


def test_a_whole_rest_alone_in_a_bar_that_is_cut_short_is_written_as_halves(tmp_path):
    # A whole rest would be read as one of the whole bar, twelve quarters long.
    notes = line((12, 60), (4, None), (3, 62))
    path = write_musicxml(tmp_path / "a.musicxml", [("a", 0, notes)], [(0, 12, 4), (16, 3, 4)])
    assert read_back(path) == [notes]
    _, silent, _ = measures(path)
    assert [rest.quarterLength for rest in heads_of(silent)] == [2, 2]


@pytest.mark.parametrize(
    ("parts", "meters", "message"),
    [
        ([], FOUR_FOUR, "0 parts"),
        ([("a", 0, [])] * 10, FOUR_FOUR, "10 parts"),
        ([("flute", 0, [(0, 2, 60), (1, 3, 62)])], FOUR_FOUR, "flute: the notes .* overlap"),
        ([("flute", 0, [(0, Fraction(1, 5), 60)])], FOUR_FOUR, "flute: a note from 0 to 1/5"),
        ([("flute", 0, [(1, 1, 60)])], FOUR_FOUR, "flute: a note from 1 to 1"),
        ([("flute", 0, [])], [(4, 4, 4)], "must begin at beat 0"),
    ],
)
def test_what_no_score_can_show_is_refused(tmp_path, parts, meters, message):
    with pytest.raises(ValueError, match=message):
        write_musicxml(tmp_path / "a.musicxml", parts, meters)
    assert not list(tmp_path.iterdir())


def test_nine_parts_and_silence_can_be_written(tmp_path):
    path = write_musicxml(tmp_path / "a.musicxml", [(f"part {n}", n, []) for n in range(9)], FOUR_FOUR)
    assert read_back(path) == [[]] * 9
    channels = re.findall(r"<midi-channel>(\d+)<", path.read_text())
    assert len(set(channels)) == 9 and "10" not in channels


def test_a_score_is_engraved(tmp_path, chorale):
    pytest.importorskip("verovio")
    path = write_musicxml(
        tmp_path / "a.musicxml", chorale, FOUR_FOUR, pickup=1, key=(0, "minor"), chords=True
    )
    (staves,), (choir,) = engrave(path), engrave(path, layout="choir", width=600)
    heads = sum(len(notes) for *_, notes in chorale)
    for svg, lines in ((staves, 4), (choir, 2)):
        tree = ElementTree.fromstring(svg)
        classes = [(element.get("class") or "").split() for element in tree.iter()]
        assert sum("note" in names for names in classes) == heads
        systems = sum("system" in names for names in classes)
        assert sum("staff" in names for names in classes) == lines * 3 and systems == 1
        assert not re.search("[\ue000-\uf8ff]", svg) and "♩" in svg and "Gm" not in svg and ">G<" in svg
        assert "@font-face" not in svg
    assert 'viewBox="0 0 600 ' in choir
    first = engrave(path, bars=1)[0]
    assert ElementTree.fromstring(first) is not None and first.count('class="measure"') == 2
    assert engrave(path) == [staves]


def test_the_tempo_of_dotted_beats_is_written_in_every_readers_font(tmp_path):
    notes = line(*[(1.5, 67)] * 4)
    path = write_musicxml(tmp_path / "a.musicxml", [("a", 0, notes)], [(0, 6, 8)], [(0, 66)])
    (svg,) = engrave(path)
    assert "♩.<" in svg and not re.search("[\ue000-\uf8ff]", svg)


def test_a_score_is_engraved_in_any_thread_again_and_again(tmp_path):
    pytest.importorskip("verovio")
    path = write_musicxml(tmp_path / "a.musicxml", [("a", 0, [(0, 1, 60)])], FOUR_FOUR)
    here = engrave(path)
    for _ in range(2):
        with ThreadPoolExecutor(1) as thread:  # a new one each time, as the widgets of a kernel have theirs
            assert [thread.submit(engrave, path).result() for _ in range(2)] == [here, here]


def test_stems_of_a_choir_part_ways(tmp_path, chorale):
    pytest.importorskip("verovio")

    score = ElementTree.parse(write_musicxml(tmp_path / "a.musicxml", chorale, FOUR_FOUR, pickup=1)).getroot()
    _condense(score)
    assert len(score.findall("part")) == len(score.findall(".//score-part")) == 2
    signs = [sign.text for sign in score.iter("sign")]
    assert signs == ["G", "F"]
    for entry in score.iter("note"):
        if entry.find("rest") is None:
            assert (entry.findtext("voice"), entry.findtext("stem")) in (("1", "up"), ("2", "down"))
            order = [child.tag for child in entry]
            assert order.index("voice") < order.index("type") < order.index("stem")
    ElementTree.ElementTree(score).write(tmp_path / "b.musicxml")
    soprano_and_alto = read_back_voices(tmp_path / "b.musicxml")
    assert soprano_and_alto == [notes for *_, notes in chorale]


def read_back_voices(path):
    """List the notes of voice 1 and 2 of each staff, in turn."""
    answer = []
    for part in converter.parse(path, forceSource=True).parts:
        voices = {"1": [], "2": []}
        for bar in part.getElementsByClass(stream.Measure):
            for voice in bar.voices or [bar]:
                for n in voice.notes:
                    start = Fraction(bar.offset + n.offset)
                    voices[str(voice.id)].append((start, start + Fraction(n.quarterLength), n.pitch.midi))
        answer += [voices["1"], voices["2"]]
    return answer


def test_what_cannot_be_engraved_is_named(tmp_path, monkeypatch):
    pytest.importorskip("verovio")
    with pytest.raises(FileNotFoundError, match=r"gone\.musicxml"):
        engrave(tmp_path / "gone.musicxml")
    with pytest.raises(ValueError, match="'staves' or 'choir'"):
        engrave(tmp_path / "gone.musicxml", layout="braille")
    (tmp_path / "text.musicxml").write_text("no music")
    with pytest.raises(ValueError, match=r"text\.musicxml is not MusicXML"):
        engrave(tmp_path / "text.musicxml")
    path = write_musicxml(tmp_path / "a.musicxml", [("a", 0, [(0, 1, 60)])], FOUR_FOUR)
    monkeypatch.setitem(sys.modules, "verovio", None)
    with pytest.raises(ImportError, match="pip install verovio"):
        engrave(path)


@pytest.mark.parametrize(("line", "timers"), [("import music21", 1), ("import utils.songs.quiet_music21", 0)])
def test_music21_leaves_the_notebooks_pictures_as_they_are(line, timers):
    code = (
        "import sys, threading\n"
        "class OutStream:\n"  # what a kernel's error stream is called
        "    def write(self, text): pass\n"
        "    def flush(self): pass\n"
        "sys.stderr = OutStream()\n"
        f"{line}\n"
        "print(threading.active_count() - 1)\n"  # a timer that is about to set something
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(done.stdout) == timers
