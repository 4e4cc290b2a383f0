"""Which part is the melody, which of its notes, and which voice it is."""

import time
from pathlib import Path

import mido
import numpy as np
import pytest
from test_arranger import made_up_melody
from test_reading import TICKS, TWINKLE, write_notes
from test_search import count_parallels

from utils.arranger.takes import harmonize, harmonize_takes, voice_of
from utils.music.grid import REST
from utils.music.theory import VOICE_RANGES
from utils.songs.find_melody import follow_line, is_named_melody, rank, skyline
from utils.songs.melody import read_melody, read_song
from utils.songs.song import Note
from utils.songs.typed import parse_notes

INPUTS = Path(__file__).parent / "inputs"


def generator(inputs, training):
    """No network is needed: the melody's own pitches, in every voice."""
    return np.repeat(inputs[0], 4, axis=-1)


def notes_of(*lines):
    """Lines of (beats, pitch), one after the other, None for a rest, as notes."""
    notes = []
    for line in lines:
        now = 0
        for beats, pitch in line:
            if pitch is not None:
                notes.append(Note(round(now * TICKS), round((now + beats) * TICKS), pitch, 80))
            now += beats
    return sorted(notes)


@pytest.mark.parametrize(
    ("file", "count", "lowest"),
    [
        ("one_track_hymn.mid", 32, 62),  # none below D4
        ("m33_legato_lost_note.mid", 4, 72),
        ("m27_piano_rh_lh.mid", 23, 71),
        ("m29b_gesang.mid", 23, 71),
        ("m12_cello.mid", 23, 39),
        ("m32_eighth_pickup_4_4.mid", 8, 69),
    ],
)
def test_the_tune_of_each_file(file, count, lowest):
    melody = read_melody(INPUTS / file)
    assert len(melody.notes) == count
    assert min(note.pitch for note in melody.notes) == lowest


def test_rests_of_the_tune_stay_rests():
    melody = read_melody(INPUTS / "one_track_hymn.mid")
    assert (melody.grid[9 * 4 : 10 * 4] == REST).all()  # where the left hand plays G2 alone
    assert len(read_melody(TWINKLE).notes) == 42


def test_an_inner_voice_does_not_show_through_a_breath():
    tune = [(1, 72), (1, 74), (2, 76), (1, None), (1, 77), (2, 76)]
    alto = [(2, 67), (2, 67), (1, 65), (1, 69), (2, 67)]
    tenor = [(2, 60), (2, 60), (2, 60), (2, 60)]
    bass = [(2, 48), (2, 48), (2, 53), (2, 48)]
    notes = notes_of(tune, alto, tenor, bass)
    assert 65 in [note.pitch for note in skyline(notes, 30)]
    assert [note.pitch for note in follow_line(notes, TICKS)] == [72, 74, 76, 77, 76]


def test_where_all_voices_sound_the_highest_is_the_tune_however_low_it_goes():
    tune, bass = [(1, 76), (1, 64), (1, 76), (2, 74)], [(1, 48), (1, 48), (1, 55), (2, 48)]
    alto = [(1, 67), (1, 60), (1, 67), (2, 65)]
    found = follow_line(notes_of(tune, alto, bass), TICKS)
    assert [note.pitch for note in found] == [76, 64, 76, 74]


def test_a_tune_that_begins_and_goes_on_alone_is_kept():
    tune = [(1, 67), (1, 72), (1, 72), (1, 71), (1, 67), (1, 69), (1, 71), (2, 72)]
    rest = [(1, None), (2, 64), (1, None), (1, None), (1, None), (1, 62), (2, 64)]
    bass = [(1, None), (2, 48), (1, None), (1, None), (1, None), (1, 43), (2, 48)]
    found = follow_line(notes_of(tune, rest, bass), TICKS)
    assert [note.pitch for note in found] == [pitch for _, pitch in tune]


@pytest.mark.parametrize("overlap", [0, 0.05, 0.2])
def test_a_single_line_is_kept_whole_whatever_its_leaps(overlap):
    rng = np.random.default_rng(1)
    for _ in range(50):
        pitches = rng.integers(36, 96, 40)
        pitches[1:][np.diff(pitches) == 0] += 1
        ends = np.cumsum(rng.choice([1, 1, 2, 0.5], 40))
        starts = np.concatenate([[0], ends[:-1]])
        held = np.minimum(overlap * (ends - starts), 0.4 * np.append(np.diff(ends), 1))
        notes = [
            Note(round(start * TICKS), round((end + over) * TICKS), int(pitch), 80)
            for start, end, over, pitch in zip(starts, ends, held, pitches, strict=True)
        ]
        assert follow_line(notes, TICKS) == notes


def test_the_line_of_an_hour_is_found_in_seconds():
    rng = np.random.default_rng(0)
    voices = [
        [(1, int(pitch)) for pitch in middle + rng.integers(-4, 5, 5000)] for middle in (72, 65, 58, 48)
    ]
    breath = rng.random(5000) < 0.1
    voices[0] = [(1, None if rests else pitch) for rests, (_, pitch) in zip(breath, voices[0], strict=True)]
    began = time.process_time()
    found = follow_line(notes_of(*voices), TICKS)
    assert time.process_time() - began < 5
    assert 4000 < len(found) < 5000


@pytest.mark.parametrize(
    "name",
    [
        "Melody",
        "GESANG",
        "Voix",
        "Lead Vocal",
        "soprano 1",
        "Piano (right)",
        "Piano RH",
        "旋律",
        "Мелодия",
        "Canto",
        "Singstimme",
        "main droite",
        "Vocal_1",
    ],
)
def test_names_of_melodies(name):
    assert is_named_melody(name)


@pytest.mark.parametrize(
    "name",
    ["Bright Piano", "Single reed", "Backing vocals", "Bass voice", "Flute", "Piano LH", "", "Fortune"],
)
def test_names_of_others(name):
    assert not is_named_melody(name)


def test_a_part_with_words_in_time_is_the_melody_and_the_next_is_named(tmp_path):
    high, low = (
        [(n * 480, n * 480 + 480, 84) for n in range(8)],
        [(n * 480, n * 480 + 480, 60) for n in range(8)],
    )
    path = write_notes(tmp_path / "a.mid", ("Flute", high), ("Oboe", low))
    assert read_melody(path).track == "Flute"
    midi = mido.MidiFile(path)
    words = mido.MidiTrack([mido.MetaMessage("lyrics", text="la", time=480 * (n > 0)) for n in range(8)])
    midi.tracks.append(words)
    midi.save(tmp_path / "same.mid")  # in time with both: the first of them
    midi.tracks[2].insert(2, mido.MetaMessage("text", text="x"))
    midi.tracks[1][2].time = 240  # the flute plays off the words
    midi.save(tmp_path / "b.mid")
    melody = read_melody(tmp_path / "b.mid")
    assert melody.track == "Oboe" and "by its words" in melody.report[0]
    assert any('next likeliest is "Flute"' in line and "--track 0" in line for line in melody.report)
    assert read_melody(tmp_path / "b.mid", track=0).track == "Flute"


def test_the_runner_up_is_named():
    song = read_song(INPUTS / "m29b_gesang.mid")
    assert [song.parts[place].name for place, _ in rank(song)] == ["Gesang", "Flöte", "Gitarre"]
    report = read_melody(INPUTS / "m29b_gesang.mid").report
    assert any('"Flöte"' in line and "--track 0" in line for line in report)
    assert not any("--track" in line for line in read_melody(INPUTS / "m29b_gesang.mid", track=1).report)


# --- Which voice it is -------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high", "place"), [(60, 79, 0), (72, 96, 0), (54, 72, 1), (48, 65, 2), (36, 57, 3), (20, 40, 3)]
)
def test_a_tune_is_the_voice_whose_range_it_has(low, high, place):
    line = np.linspace(low, high, 32).round().astype(int)
    assert voice_of(line, 4) == place
    arrangement = harmonize(made_up_melody(np.repeat(line, 4)), takes=2, generator=generator)
    assert arrangement.place == place
    names = ["soprano", "alto", "tenor", "bass"]
    names[place] = "Tune"
    assert list(arrangement.names) == names
    np.testing.assert_array_equal(arrangement.grid[:, place], np.repeat(line, 4))
    ranges, others = np.delete(VOICE_RANGES, place, axis=0), np.delete(arrangement.grid, place, axis=1)
    assert (others >= ranges[:, 0]).all() and (others <= ranges[:, 1]).all()


@pytest.mark.parametrize(("voice", "place"), [("tenor", 2), ("bass", 3)])
def test_a_tune_in_the_middle_or_at_the_bottom_is_crossed_by_nobody(voice, place):
    pitches = np.array([0, 2, 4, 5, 7, 4, 5, 4, 2, 0, 2, -3, 0, 2, 4, 9]) + (51 if voice == "tenor" else 45)
    for take in harmonize_takes(made_up_melody(np.repeat(pitches, 4)), takes=2):
        assert take.place == place
        above, tune, below = np.split(take.grid, [place, place + 1], axis=1)
        assert (above >= tune).all() and (below <= tune).all()
        in_order = take.grid.astype(int)
        assert sum(map(count_parallels, in_order[:-1], in_order[1:])) == 0


def test_nobody_crosses_a_tune_below(tmp_path):
    arrangement = harmonize(INPUTS / "m12_cello.mid", takes=2)
    assert arrangement.names == ("soprano", "alto", "tenor", "Cello")
    assert (arrangement.grid[:, :3] > arrangement.grid[:, 3:]).all()
    assert any("range of the bass and is that voice here" in line for line in arrangement.report)
    assert not any("soprano, heard it" in line for line in arrangement.report)
    score = read_song(arrangement.write(tmp_path / "a.musicxml"))
    assert [part.name for part in score.parts] == ["Soprano", "Alto", "Tenor", "Bass"]
    assert [note.pitch for note in score.parts[3].notes] == [note.pitch for note in arrangement.melody.notes]
    kept = read_melody(arrangement.write(tmp_path / "a.mid"), track=3)
    assert kept.notes == arrangement.melody.notes and kept.track == "Cello"


# --- Pickups -----------------------------------------------------------------


def test_a_pickup_that_would_fit_is_named_and_not_taken(tmp_path):
    tune = "G4 C5:2 C5 E5:2 D5 C5:2 E5 G5:2 G5 A5:2 A5 A5:2 G5 E5:2 D5 C5:2"
    notes, now = [], 0
    for pitch, beats in parse_notes(tune):
        notes.append((round(now * TICKS), round((now + beats) * TICKS), pitch))
        now += beats
    meter = [mido.MetaMessage("time_signature", numerator=3, denominator=4)]
    path = write_notes(tmp_path / "a.mid", notes, conductor=meter)
    melody = read_melody(path)
    assert melody.pickup == 0
    assert any("--pickup 1)" in line for line in melody.report)
    asked = read_melody(path, pickup=1)
    assert asked.pickup == 1 and not any("--pickup" in line for line in asked.report)
    for file in (TWINKLE, *INPUTS.glob("*.mid")):
        assert not any("--pickup" in line for line in read_melody(file).report)


def test_two_notes_under_the_tail_of_a_higher_one_are_a_chord():
    tail = Note(0, 500, 84, 64)  # nearly over when the others begin
    upper, lower = Note(400, 900, 77, 64), Note(400, 950, 50, 64)
    assert skyline([tail, upper, lower]) == [tail, upper]
    # The same where the upper one is alone at the top for no moment at all.
    tail, newest = Note(0, 480, 84, 64), Note(450, 1000, 86, 64)
    upper, lower = Note(400, 500, 77, 64), Note(400, 500, 50, 64)
    assert skyline([tail, upper, lower, newest]) == [tail, upper, newest]
