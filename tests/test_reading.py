import os
import re
import struct
import time
import zipfile
from fractions import Fraction
from pathlib import Path

import mido
import numpy as np
import pretty_midi
import pytest

from utils.music.grid import REST
from utils.music.meter import Meter
from utils.songs.find_melody import skyline
from utils.songs.melody import notated, read_melody, read_song
from utils.songs.read_midi import read_grid
from utils.songs.song import MelodyError, Note, check_length
from utils.songs.typed import TYPED_EXAMPLE, parse_notes
from utils.songs.write_midi import write_tracks

TWINKLE = Path(__file__).parent.parent / "input_twinkle_twinkle.mid"
TICKS = 480  # a quarter note


def write_twinkle(path):
    """The song, two hands on one track, a little detached. Made again by
    python -c "from tests.test_reading import *; write_twinkle(TWINKLE)"
    """
    verse, middle = "C5 C5 G5 G5 A5 A5 G5 - F5 F5 E5 E5 D5 D5 C5 -", "G5 G5 F5 F5 E5 E5 D5 -"
    left = "C3 E3 F3 E3 D3 C3 G3 C3", "E3 D3 C3 G3"
    melody = f"{verse} {middle} {middle} {verse}".split()
    bass = f"{left[0]} {left[1]} {left[1]} {left[0]}".split()
    notes = []
    for beat, name in enumerate(melody):
        if name != "-":
            held = 2 if melody[beat + 1 : beat + 2] == ["-"] else 1
            velocity = 96 if beat % 4 == 0 else 84
            end = (beat + held) * TICKS - 30
            notes.append(Note(beat * TICKS, end, pretty_midi.note_name_to_number(name), velocity))
    for half, name in enumerate(bass):
        notes.append(
            Note(half * 2 * TICKS, (half + 1) * 2 * TICKS, pretty_midi.note_name_to_number(name), 64)
        )
    conductor = [
        mido.MetaMessage("time_signature", numerator=4, denominator=4),
        mido.MetaMessage("key_signature", key="C"),
        mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(100)),
    ]
    return write_tracks(path, [("Piano", 0, sorted(notes))], conductor, TICKS)


def write_notes(path, *tracks, conductor=(), ticks=TICKS):
    """Tracks of (start, end, pitch) or (start, end, pitch, velocity) in ticks, optionally named."""
    named = [track if isinstance(track, tuple) else ("", track) for track in tracks]
    parts = [(name, 0, [Note(*note[:3], *(note[3:] or (80,))) for note in notes]) for name, notes in named]
    return write_tracks(path, parts, conductor, ticks)


def test_twinkle_is_the_song(tmp_path):
    assert TWINKLE.read_bytes() == write_twinkle(tmp_path / "a.mid").read_bytes()
    melody = read_melody(TWINKLE)
    assert len(melody.grid) == 12 * 16
    assert melody.tempo == 100
    assert len(mido.MidiFile(TWINKLE).tracks) == 2  # the conductor's and both hands
    assert melody.grid[::4][:16].tolist() == [72, 72, 79, 79, 81, 81, 79, 79, 77, 77, 76, 76, 74, 74, 72, 72]
    assert len(melody.notes) == melody.onset.sum() == 42


@pytest.mark.parametrize(
    ("notes", "kept"),
    [
        # a left hand does not show through the gaps of a detached melody
        ([(0, 100, 72), (240, 340, 74), (0, 480, 48)], [72, 74]),
        # nor do the lower notes of chords, rolled by a hair
        ([(0, 480, 72), (5, 900, 64), (10, 900, 60)], [72]),
        # notes of a falling melody that overlap a little stay
        ([(0, 260, 72), (240, 490, 71), (480, 720, 69)], [72, 71, 69]),
        # where the upper voice is silent, the lower one is the highest
        ([(0, 240, 72), (240, 480, 60), (480, 720, 72)], [72, 60, 72]),
        # an inner voice that moves below a held note is not the melody
        ([(0, 480, 72), (0, 240, 60), (240, 480, 62)], [72]),
        # a note that began before a higher one, but mostly lies below it, is not either
        ([(0, 480, 60), (60, 480, 72)], [72]),
        # what is hidden by a note hides nothing itself
        ([(0, 480, 72), (40, 500, 67), (470, 720, 60)], [72, 60]),
    ],
)
def test_skyline(notes, kept):
    found = skyline([Note(*note, 80) for note in notes], together=30)
    assert [note.pitch for note in found] == kept


def test_skyline_of_an_hour_is_quick():
    rng = np.random.default_rng(0)
    start = np.sort(rng.integers(0, 3_000_000, 20_000))
    notes = [
        Note(int(s), int(s) + 400, int(p), 80)
        for s, p in zip(start, rng.integers(40, 90, 20_000), strict=True)
    ]
    assert 5_000 < len(skyline(notes)) < 20_000


def test_notes_are_placed_by_beats_whatever_the_tempo(tmp_path):
    conductor = [
        mido.MetaMessage("set_tempo", tempo=1_000_000, time=0),
        mido.MetaMessage("set_tempo", tempo=333_333, time=96),
        mido.MetaMessage("set_tempo", tempo=500_000, time=200),
    ]
    notes = [(48, 96, 60, 33), (96, 120, 62, 99), (120, 288, 62, 50)]  # at 96 ticks a beat
    melody = read_melody(write_notes(tmp_path / "a.mid", notes, conductor=conductor, ticks=96))
    assert melody.grid.tolist() == [REST] * 2 + [60] * 2 + [62] * 8
    assert np.flatnonzero(melody.onset).tolist() == [2, 4, 5]
    assert melody.tempo == pytest.approx(60)
    assert [tuple(note) for note in melody.notes] == notes
    assert [(m.tempo, m.time) for m in melody.conductor] == [(1_000_000, 0), (333_333, 96), (500_000, 200)]


def test_notes_off_the_grid_go_to_the_nearest_sixteenth_and_stay_in_the_melody(tmp_path):
    # late, early, a thirty-second that shares its sixteenth with the note after it, a short one
    notes = [(50, 230, 60), (430, 700, 62), (720, 780, 64), (780, 960, 65), (960, 980, 67)]
    melody = read_melody(write_notes(tmp_path / "a.mid", notes))
    assert melody.grid.tolist() == [60, 60, REST, REST, 62, 62, 64, 65, 67]
    assert len(melody.notes) == 5


def test_where_notes_overlap_the_higher_has_the_sixteenth(tmp_path):
    melody = read_melody(write_notes(tmp_path / "a.mid", [(0, 310, 72), (240, 720, 71)]))
    assert melody.grid.tolist() == [72, 72, 72, 71, 71, 71]
    assert np.flatnonzero(melody.onset).tolist() == [0, 3]


def test_the_melody_is_found(tmp_path):
    low, high = [(0, 1920, 48)], [(0, 960, 72), (960, 1920, 74)]
    bell = [(0, 60, 96)]
    path = write_notes(tmp_path / "a.mid", ("Bass", low), ("Bells", bell), ("Flute", high))
    assert read_melody(path).track == "Flute"
    assert read_melody(path, track=0).track == "Bass"
    path = write_notes(tmp_path / "b.mid", ("Lead Vocal", low), ("Flute", high))
    assert read_melody(path).track == "Lead Vocal"
    with pytest.raises(MelodyError, match=r"b\.mid.*no track 2.*0 Lead Vocal.*1 Flute"):
        read_melody(path, track=2)


def test_a_file_of_type_0_and_drums(tmp_path):
    events = [
        mido.Message("note_on", channel=9, note=90),
        mido.Message("note_on", channel=1, note=50),
        mido.Message("program_change", channel=0, program=73),
        mido.Message("note_on", channel=0, note=70),
        mido.Message("note_off", channel=9, note=90, time=TICKS),
        mido.Message("note_off", channel=0, note=70),
        mido.Message("note_off", channel=1, note=50),
    ]
    path = tmp_path / "a.mid"
    mido.MidiFile(type=0, tracks=[mido.MidiTrack(events)]).save(path)
    melody = read_melody(path)
    assert [note.pitch for note in melody.notes] == [70]
    assert melody.program == 73


def test_strange_ends_of_notes(tmp_path):
    def on(note, time):
        return mido.Message("note_on", note=note, time=time)

    def off(note, time):
        return mido.Message("note_off", note=note, time=time)

    events = [
        *(on(60, 0), on(60, TICKS), off(60, 0), off(60, TICKS)),  # its end comes after the next stroke
        *(on(62, 0), off(62, 0)),  # no length
        *(on(64, 0), mido.MetaMessage("end_of_track", time=TICKS)),  # never let go
    ]
    path = tmp_path / "a.mid"
    mido.MidiFile(tracks=[mido.MidiTrack(events)]).save(path)
    found = [note[:3] for note in read_melody(path).notes]
    assert found == [(0, TICKS, 60), (TICKS, 2 * TICKS, 60), (2 * TICKS, 3 * TICKS, 64)]


def track_of(*events):
    body = b"".join(events) + b"\x00\xff\x2f\x00"
    return b"MTrk" + struct.pack(">I", len(body)) + body


def midi_of(*tracks, kind=1, promised=None, ticks=480):
    head = struct.pack(">IHHH", 6, kind, len(tracks) if promised is None else promised, ticks)
    return b"MThd" + head + b"".join(tracks)


C_NOTE = b"\x00\x90\x3c\x40\x83\x60\x80\x3c\x00"  # a quarter note of middle C
NEVER_ENDING = b"\x00\x90\x3c\x40"
BREAK = {
    "running status without one": lambda whole: midi_of(track_of(b"\x00\x3c\x40")),
    "a pause of 2**28 ticks": lambda whole: midi_of(track_of(b"\xff\xff\xff\x7f" + C_NOTE[1:]), ticks=1),
    "notes without length": lambda whole: midi_of(track_of(b"\x00\x90\x3c\x40\x00\x80\x3c\x00")),
    "a million notes at once": lambda whole: midi_of(track_of(b"\x00\x90\x3c\x40" + b"\x00\x3c\x40" * 10**6)),
    "too many notes": lambda whole: midi_of(track_of(b"\x00\x90\x3c\x40" + b"\x01\x3c\x40" * 110_000)),
    "a number without end": lambda whole: midi_of(track_of(b"\x80" * 500_000)),
    "many empty tracks": lambda whole: midi_of(*[track_of()] * 65_535),
    "a text of a megabyte": lambda whole: midi_of(track_of(b"\x00\xff\x01\xbd\x84\x40" + b"a" * 10**6)),
    "no MIDI after the header": lambda whole: whole[:14],
    "empty": lambda whole: b"",
    "text": lambda whole: b"This is not music.",
    "truncated": lambda whole: whole[:100],
    "SMPTE": lambda whole: whole[:12] + b"\xe8\x28" + whole[14:],
    "type 2": lambda whole: whole[:9] + b"\x02" + whole[10:],
    "no time": lambda whole: whole[:12] + b"\x00\x00" + whole[14:],
    "no tracks": lambda whole: whole[:10] + b"\x00\x00" + whole[12:14],
}


@pytest.mark.parametrize("damage", BREAK.values(), ids=BREAK)
@pytest.mark.parametrize("read", [read_grid, read_melody])
def test_broken_files_are_refused(tmp_path, damage, read):
    path = tmp_path / "broken.mid"
    path.write_bytes(damage(TWINKLE.read_bytes()))
    began = time.process_time()
    with pytest.raises(MelodyError, match=r"broken\.mid: .+\. .+\."):
        read(path)
    assert time.process_time() - began < 5


def test_missing_and_silent_files_are_refused(tmp_path):
    with pytest.raises(MelodyError, match="no such file"):
        read_melody(tmp_path / "missing.mid")
    with pytest.raises(MelodyError, match="a folder"):
        read_melody(tmp_path)
    with pytest.raises(MelodyError, match="no notes"):
        read_melody(write_notes(tmp_path / "silent.mid", []))
    drum = mido.MidiTrack([mido.Message("note_on", channel=9), mido.Message("note_off", channel=9, time=9)])
    mido.MidiFile(tracks=[drum]).save(tmp_path / "drum.mid")
    with pytest.raises(MelodyError, match="nothing but drums") as caught:
        read_melody(tmp_path / "drum.mid")
    assert caught.value.path == str(tmp_path / "drum.mid")


def test_odd_but_usable_files_give_a_melody(tmp_path):
    path = tmp_path / "odd.mid"
    path.write_bytes(midi_of(track_of(NEVER_ENDING, b"\x83\x60\xff\x51\x03\x00\x00\x00"), kind=0))
    melody = read_melody(path)  # a note that nobody ends, and a tempo of 0
    assert [tuple(note) for note in melody.notes] == [(0, 480, 60, 64)]
    assert melody.tempo == 120
    path.write_bytes(midi_of(track_of(C_NOTE), ticks=1))
    assert read_melody(path).notes[0].end == 480
    path.write_bytes(midi_of(track_of(C_NOTE), ticks=0x7FFF))
    assert read_melody(path).grid.tolist() == [60]  # the least that a note can last


def test_what_is_told_long_after_the_music_is_left_out(tmp_path):
    path = tmp_path / "late.mid"
    late = (b"\xff\xff\xff\x7f" + b"\xff\x06\x00") * 5000 + b"\x00\xff\x51\x03\x07\xa1\x20"
    path.write_bytes(midi_of(track_of(C_NOTE), track_of(late)))
    melody = read_melody(path)
    assert melody.conductor == () and len(melody.notes) == 1


def test_files_that_cannot_be_opened_are_refused(tmp_path):
    loop = tmp_path / "loop.mid"
    loop.symlink_to(loop)
    secret = tmp_path / "secret.mid"
    secret.write_bytes(TWINKLE.read_bytes())
    secret.chmod(0)
    before = os.geteuid()
    for path in (loop, tmp_path / "no\0thing.mid", secret):
        if path is secret and before == 0:
            os.seteuid(65534)  # root may read everything
        try:
            with pytest.raises(MelodyError, match=r"cannot be read|no such file"):
                read_melody(path)
        finally:
            os.seteuid(before)


def test_names_in_any_script_are_kept(tmp_path):
    for name in ("Флейта", "旋律", "Flöte", "لحن"):
        path = write_notes(tmp_path / f"{name}.mid", (name, [(0, 480, 60)]))
        assert read_melody(path).track == name
    latin = midi_of(track_of(b"\x00\xff\x03\x05Fl\xf6te", C_NOTE))
    (tmp_path / "old.mid").write_bytes(latin)
    assert read_melody(tmp_path / "old.mid").track == "Flöte"


def test_what_was_done_is_told(tmp_path):
    chords = [(0, 480, 72), (0, 480, 60), (500, 960, 74), (500, 960, 62)]
    path = write_notes(tmp_path / "a.mid", ("Bass", [(0, 960, 40)]), ("Lead", chords))
    report = " ".join(read_melody(path).report)
    assert '"Lead", by its name the melody of 2 parts: 2 notes' in report
    assert "2 notes below its upper line" in report
    assert "1 notes lie off the sixteenths, at most by 0.042 beats (bar 1)" in report
    assert "as asked for" in read_melody(path, track="bass").report[0]


@pytest.mark.parametrize("shift", [0, 30])
def test_triplets_are_found_and_told_and_sixteenths_are_none(tmp_path, shift):
    triplets = [(480 + 160 * n, 640 + 160 * n, 72 + n) for n in range(3)]
    plain = [(0, 480, 71), (960, 1080 + shift, 74), (1080 + shift, 1200, 76), (1200, 1920, 77)]
    melody = read_melody(write_notes(tmp_path / "a.mid", plain[:1] + triplets + plain[1:]))
    assert np.flatnonzero(melody.triplet).tolist() == [4, 5, 6, 7]
    assert np.flatnonzero(melody.onset)[1:4].tolist() == [4, 5, 7]
    assert any("3 notes in 1 beats of triplets" in line for line in melody.report)
    starts = [start for start, _, _ in notated(melody)]
    assert starts[1:4] == [1, Fraction(4, 3), Fraction(5, 3)]
    assert starts[5] == Fraction(9, 4)


@pytest.mark.parametrize("pickup", [1, 2])
def test_a_short_first_bar_is_a_pickup(tmp_path, pickup):
    def signature(beats, time):
        return mido.MetaMessage("time_signature", numerator=beats, denominator=4, time=time)

    conductor = [signature(pickup, 0), signature(3, pickup * 480)]
    melody = read_melody(write_notes(tmp_path / "a.mid", [(0, 4800, 60)], conductor=conductor))
    assert melody.pickup == pickup
    assert melody.meters == (Meter(0, 3, 4),)
    conductor = [signature(4, 0), signature(3, 4 * 480)]  # a whole bar of another meter is none
    melody = read_melody(write_notes(tmp_path / "a.mid", [(0, 4800, 60)], conductor=conductor))
    assert (melody.pickup, len(melody.meters)) == (0, 2)
    assert read_melody(tmp_path / "a.mid", pickup=1.5).pickup == Fraction(3, 2)
    with pytest.raises(MelodyError, match="pickup"):
        read_melody(tmp_path / "a.mid", pickup=-1)


# --- Scores, streams, typed notes --------------------------------------------


@pytest.fixture(scope="module")
def chorale():
    import music21

    return music21.corpus.parse("bach/bwv66.6")  # with a pickup of a beat


def test_a_score_and_its_stream_read_alike_and_as_they_sound(chorale, tmp_path):
    chorale.write("musicxml", fp=tmp_path / "a.musicxml")
    chorale.write("mxl", fp=tmp_path / "b.mxl")
    stream, plain, packed = (read_song(x) for x in (chorale, tmp_path / "a.musicxml", tmp_path / "b.mxl"))
    assert stream.parts == plain.parts == packed.parts
    assert [part.name for part in stream.parts] == ["Soprano", "Alto", "Tenor", "Bass"]
    assert plain.pickup == 1
    chorale.write("midi", fp=tmp_path / "c.mid")
    played = read_song(tmp_path / "c.mid")
    for part, other in zip(plain.parts, played.parts, strict=True):
        finer = plain.ticks_per_beat / played.ticks_per_beat
        assert [(n.start, n.end, n.pitch) for n in part.notes] == [
            (n.start * finer, n.end * finer, n.pitch) for n in other.notes
        ]
    melody = read_melody(tmp_path / "a.musicxml")
    assert melody.track == "Soprano" and melody.grid[:8].tolist() == [73, 73, 71, 71, 69, 69, 69, 69]


def test_ties_chords_grace_notes_and_transposing_instruments(tmp_path):
    from music21 import bar, chord, clef, duration, instrument, note, stream, tie

    part = stream.Part([instrument.Clarinet(), clef.TrebleClef()])
    first, second = note.Note("D5", quarterLength=4), note.Note("D5", quarterLength=1)
    first.tie, second.tie = tie.Tie("start"), tie.Tie("stop")
    grace = note.Note("E5").getGrace()
    top = chord.Chord(["F#4", "A5"], duration=duration.Duration(3))
    part.append([first, second, grace, top])
    part.makeMeasures(inPlace=True)
    part.getElementsByClass("Measure").last().rightBarline = bar.Repeat(direction="end")
    score = stream.Score([part])
    score.write("musicxml", fp=tmp_path / "a.musicxml")
    melody = read_melody(tmp_path / "a.musicxml")
    assert [note.pitch for note in melody.notes] == [72, 79]  # a tone below what is written
    assert [note.end / melody.ticks_per_beat for note in melody.notes] == [5, 8]
    report = " ".join(melody.report)
    assert "1 grace notes" in report and "Repeats are not played out" in report


def test_drums_of_a_score_are_passed_over(tmp_path):
    from music21 import instrument, note, stream

    drums = stream.Part([instrument.Woodblock(), *(note.Note("C6", quarterLength=1) for _ in range(8))])
    flute = stream.Part([instrument.Flute(), *(note.Note("D5", quarterLength=2) for _ in range(4))])
    stream.Score([drums, flute]).write("musicxml", fp=tmp_path / "a.musicxml")
    assert [part.notes[0].pitch for part in read_song(tmp_path / "a.musicxml").parts] == [74]


def test_typed_notes():
    notes = [("C5", 1), ("f#4", 0.5), ("Bb3", "1/3"), (None, 1), (61, 2)]
    melody = read_melody(notes)
    assert [note.pitch for note in melody.notes] == [72, 66, 58, 61]
    assert melody.notes[-1].end == Fraction(29, 6) * melody.ticks_per_beat
    for pairs in (
        [],
        [("C5",)],
        [("X5", 1)],
        [("C5", 0)],
        [("C5", -1)],
        [(128, 1)],
        [(None, 1)],
        [("C5", 1e9)],
        5,
    ):
        with pytest.raises(MelodyError):
            read_melody(pairs)


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        ("C5", [(72, 1)]),
        ("c4 a0 g9", [(60, 1), (21, 1), (127, 1)]),
        ("f#4:2, Bb3:1/2 | B♭4:.5\nC♯5:1.5;", [(66, 2), (58, 0.5), (70, 0.5), (73, 1.5)]),
        ("c d e4 f b bb", [(72, 1), (74, 1), (64, 1), (65, 1), (71, 1), (70, 1)]),
        ("r:2 C5 R rest:1/3", [(None, 2), (72, 1), (None, 1), (None, Fraction(1, 3))]),
        (TYPED_EXAMPLE, [(p, 1 + (i % 7 == 6)) for i, p in enumerate(
            (72, 72, 79, 79, 81, 81, 79, 77, 77, 76, 76, 74, 74, 72))]),
    ],
)  # fmt: skip
def test_typed_notes_are_read(text, notes):
    assert parse_notes(text) == notes


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no note yet"),
        (" | ,", "no note yet"),
        ("r r:2", "only rests"),
        ("C5 H5", "note 2, 'H5', is none"),
        ("C5 A9", "note 2, 'A9', is none"),
        ("C5-E5", "note 1, 'C5-E5', is none"),
        ("C5 A-2", "note 2, 'A-2', is none"),
        *(
            (f"D5 C5:{beats}", f"note 2, 'C5:{beats}', has no length")
            for beats in ("", "x", "0", "-1", "1/0", "nan", "1e9")
        ),
    ],
)
def test_mistakes_are_named_with_their_place_and_a_cure(text, reason):
    with pytest.raises(MelodyError, match=re.escape(reason)) as caught:
        parse_notes(text)
    assert "C5" in caught.value.advice


def test_broken_scores_are_refused(tmp_path):
    bomb = b'<!DOCTYPE a [<!ENTITY a0 "haha">' + b"".join(
        b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 12)
    )
    with zipfile.ZipFile(tmp_path / "large.mxl", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("score.xml", b" " * 30_000_000)
    with zipfile.ZipFile(tmp_path / "none.mxl", "w") as archive:
        archive.writestr("readme.txt", "no score")
    (tmp_path / "bomb.xml").write_bytes(b'<?xml version="1.0"?>' + bomb + b"]><a>&a11;</a>")
    (tmp_path / "cut.musicxml").write_bytes(b"<?xml version='1.0'?><score-partwise><part-list>")
    (tmp_path / "other.xml").write_bytes(b"<?xml version='1.0'?><html><body>hello</body></html>")
    (tmp_path / "broken.mxl").write_bytes(b"PK\x03\x04 nothing of the kind")
    (tmp_path / "pickle.xml").write_bytes(b"\x80\x04\x95 not even XML")
    for path in sorted(tmp_path.iterdir()):
        began = time.process_time()
        with pytest.raises(MelodyError, match=rf"{path.stem}\.\w+: .+\. .+\."):
            read_melody(path)
        assert time.process_time() - began < 5


# --- Damage of all kinds -----------------------------------------------------


def test_no_damage_leads_to_anything_but_a_melody_or_a_clear_error():
    from fuzz_melody import fuzz

    outcomes, failures, slowest = fuzz(5000)
    assert failures == []
    assert slowest < 5
    assert sum(outcomes.values()) == 5000
    assert outcomes["a melody"] > 500
    assert len(outcomes) > 5


def test_a_length_beyond_all_floats_is_told_in_few_words(tmp_path):
    with pytest.raises(MelodyError, match=r"it lasts 1,000,000,000,000 quarter notes"):
        check_length(tmp_path, 10**400, 480)
