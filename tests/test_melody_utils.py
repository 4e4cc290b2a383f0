from pathlib import Path

import mido
import numpy as np
import pretty_midi
import pytest

from utils.melody_utils import read_melody, skyline
from utils.midi_utils import REST, MelodyError, Note, read_grid, write_tracks

TWINKLE = Path(__file__).parent.parent / "input_twinkle_twinkle.mid"
TICKS = 480  # a quarter note


def write_twinkle(path):
    """The song, two hands on one track, a little detached. Made again by
    python -c "from tests.test_melody_utils import *; write_twinkle(TWINKLE)"
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


BREAK = {
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
    with pytest.raises(MelodyError, match=r"broken\.mid: .+\. .+\."):
        read(path)


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
