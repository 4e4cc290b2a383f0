"""An arrangement of several given parts: written as their owners wrote them, and read back as it is."""

import os
import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from subprocess import run
from xml.etree import ElementTree

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_reading import write_notes

from utils.arranger.arrangement import Arrangement
from utils.corpus.pieces import load_chorales
from utils.exam.whole import melody_of
from utils.music.grid import REST, quantize, to_steps
from utils.songs.chords import read_chords
from utils.songs.melody import read_melody, read_song
from utils.songs.parts import read_parts
from utils.songs.score import write_musicxml
from utils.songs.song import Note, Sign

ROOT = Path(__file__).parent.parent
CHORALES = load_chorales(ROOT / "dataset" / "chorales.npz", "valid")
TUNES = (ROOT / "dataset" / "gallery").glob("*.mid")
GALLERY = sorted(path for path in TUNES if not path.stem.endswith("_bach"))
MUSESCORE = next(filter(None, map(shutil.which, ("mscore3", "musescore3"))), None)


def bach(number, place=0):
    """A chorale as an arrangement of one of its voices, which somebody gave."""
    chorale = CHORALES[number]
    tune = melody_of(chorale)
    if place:
        swapped = replace(
            chorale, grid=np.roll(chorale.grid, -place, axis=1), onset=np.roll(chorale.onset, -place, axis=1)
        )
        tune = replace(melody_of(swapped), track="Tune")
    return Arrangement(chorale.grid, chorale.onset, tune, {}, place=place)


def around(melody, place=0):
    """Set voices of one kind around a melody."""
    moves = np.array([0, -5, -12, -24])
    grid = np.where(melody.grid == REST, REST, melody.grid + (moves - moves[place])[:, None]).T.astype(
        np.int8
    )
    return Arrangement(grid, np.stack([melody.onset] * 4, axis=-1), melody, {}, place=place)


def check_read_back(path, arrangement):
    """Every voice of a file is the arrangement's: pitches, rests and onsets."""
    read = read_parts(path, keep="all")
    assert sorted(read.parts) == [v for v in range(4) if (arrangement.grid[:, v] != REST).any()]
    for voice, melody in read.parts.items():
        steps = max(len(melody.grid), len(arrangement.grid))
        for own, other, empty in (
            (melody.grid, arrangement.grid[:, voice], REST),
            (melody.onset, arrangement.onset[:, voice], False),
        ):
            one, two = (np.pad(row, (0, steps - len(row)), constant_values=empty) for row in (own, other))
            np.testing.assert_array_equal(one, two)
    return read


# --- Round trips ---


@pytest.mark.parametrize("ending", ["mid", "musicxml"])
@given(number=st.integers(0, len(CHORALES) - 1), place=st.integers(0, 3))
@settings(max_examples=8, deadline=None)
def test_bach_comes_back_in_every_voice(tmp_path_factory, ending, number, place):
    arrangement = bach(number, place)
    read = check_read_back(arrangement.write(tmp_path_factory.mktemp("a") / f"a.{ending}"), arrangement)
    assert read.place == 0


@pytest.mark.parametrize("tune", GALLERY, ids=lambda path: path.stem)
@pytest.mark.parametrize("ending", ["mid", "musicxml"])
def test_gallery_tunes_come_back_too(tmp_path, tune, ending):
    melody = read_melody(tune)
    arrangement = around(melody)
    steps = {int(to_steps(note.start, melody.ticks_per_beat)) for note in melody.notes}
    if ending == "musicxml" and (melody.triplet.any() or len(steps) < len(melody.notes)):
        pytest.skip("its triplets and grace notes are finer than the grid")
    check_read_back(arrangement.write(tmp_path / f"a.{ending}"), arrangement)


@pytest.mark.skipif(not MUSESCORE, reason="MuseScore 3 is missing: apt-get install musescore3")
@pytest.mark.parametrize("name", [0, 7, 15, "twinkle"])
def test_what_musescore_saved_comes_back(tmp_path, name):
    arrangement = around(read_melody(ROOT / "input_twinkle_twinkle.mid")) if name == "twinkle" else bach(name)
    ours = arrangement.write(tmp_path / "ours.musicxml")
    saved = tmp_path / "saved.musicxml"
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "HOME": str(tmp_path)}
    run([MUSESCORE, "-o", saved, ours], env=environment, capture_output=True, timeout=120, check=True)
    read = check_read_back(saved, arrangement)
    assert [read.parts[voice].track for voice in range(4)] == ["Soprano", "Alto", "Tenor", "Bass"]


# --- What was given is written as it was ---


OWN = {
    "Flöte": [(3, 470, 72, 31), (480, 1925, 74, 99), (1920, 3840, 76, 64)],
    "Alto": [(0, 960, 64, 50), (961, 1910, 65, 51), (1920, 2880, 67, 52), (2880, 3840, 65, 53)],
    "Cello": [(0, 30, 50, 20), (30, 1920, 48, 80), (1920, 3840, 43, 90)],
}


def several(path):
    """Three parts of a file, one with a pedal, on instruments of their own."""
    tracks = [(name, [(a, b, p) for a, b, p, _ in notes]) for name, notes in OWN.items()]
    midi = mido.MidiFile(write_notes(path, *tracks))
    for number, (track, notes) in enumerate(zip(midi.tracks[1:], OWN.values(), strict=True)):
        velocities = {(a, p): v for a, _, p, v in notes}
        now = 0
        for place, message in enumerate(track):
            now += message.time
            if message.type == "note_on" and message.velocity:
                track[place] = message.copy(velocity=velocities[now, message.note])
        track.insert(1, mido.Message("program_change", program=40 + number, channel=number))
        track.insert(2, mido.Message("control_change", control=64, value=99, channel=number))
    midi.save(path)
    return path


def arrange(read, **options):
    """Fill the voices that are free with one note."""
    grid = np.full((len(read.tune.grid), 4), 57, np.int8)
    onset = np.zeros(grid.shape, bool)
    onset[::4] = True
    kept = np.zeros(grid.shape, bool)
    for voice, melody in read.parts.items():
        grid[:, voice], onset[:, voice], kept[:, voice] = melody.grid, melody.onset, True
    others = {voice: melody for voice, melody in read.parts.items() if voice != read.place}
    return Arrangement(grid, onset, read.tune, {}, place=read.place, kept=kept, parts=others, **options)


def test_kept_parts_are_exact_to_the_tick(tmp_path):
    read = read_parts(several(tmp_path / "a.mid"), keep="all")
    assert sorted(read.parts) == [0, 1, 3]
    arrangement = arrange(read)
    assert arrangement.names == ("Flöte", "Alto", "tenor", "Cello")
    song = read_song(arrangement.write(tmp_path / "b.mid"))
    assert [part.name for part in song.parts] == ["Flöte", "Alto", "tenor", "Cello"]
    for part in song.parts:
        if part.name in OWN:
            assert [tuple(note) for note in part.notes] == OWN[part.name]
            assert [m.value for m in part.messages if m.type == "control_change"] == [99]
    assert [part.program for part in song.parts] == [40, 41, 0, 42]
    played = read_song(arrangement.write(tmp_path / "c.mid", programs=[1, 2, 3, 4]))
    assert [part.program for part in played.parts] == [1, 2, 3, 4]
    with pytest.raises(ValueError, match="give 4 numbers"):
        arrangement.write(tmp_path / "d.mid", programs=[1])


def test_parts_of_files_with_other_ticks_stay_exact(tmp_path):
    bass = write_notes(tmp_path / "b.mid", ("Low", [(0, 95, 48), (96, 377, 43)]), ticks=96)
    tune = write_notes(tmp_path / "t.mid", ("Tune", [(1, 480, 72), (480, 1920, 74)]))
    arrangement = arrange(read_parts(tune, keep={"bass": bass}))
    song = read_song(arrangement.write(tmp_path / "a.mid"))
    tune, *_, low = song.parts
    assert song.ticks_per_beat == 480
    assert [(n.start, n.end) for n in tune.notes] == [(1, 480), (480, 1920)]
    assert [(n.start, n.end) for n in low.notes] == [(0, 475), (480, 1885)]


def scored(path):
    """A score of a soprano and a bass, with what their owners wrote."""
    notes = [
        (Fraction(n), Fraction(n + 1), pitch) for n, pitch in enumerate((72, 73, 74, 75, 76, 77, 79, 72))
    ]
    low = [(start, end, pitch - 24) for start, end, pitch in notes]
    signs = [
        Sign(Fraction(0), "lyric", "Lob", 1, "single"),
        Sign(Fraction(3), "fermata"),
        Sign(Fraction(4), "tempo", "Largo"),
    ]
    own = [
        Sign(Fraction(0), "lyric", "Preis", 1, "single"),
        Sign(Fraction(4), "lyric", "Dank", 1, "single"),
        *(Sign(Fraction(0), "slur", "start"), Sign(Fraction(2), "slur", "stop")),
        *(Sign(Fraction(3), "slur", "start"), Sign(Fraction(5), "slur", "stop")),
        *(Sign(Fraction(1), "articulation", "accent"), Sign(Fraction(5), "articulation", "staccato")),
        Sign(Fraction(2), "dynamic", "pp"),
    ]
    spelling = {(Fraction(1), 73): ("D", -1)}
    low_spelling = {(Fraction(1), 49): ("C", 1), (Fraction(3), 51): ("D", 1)}
    parts = [("Soprano", 0, notes), ("Bass", 0, low)]
    return write_musicxml(
        path, parts, [(0, 4, 4)], signs=signs, spelling=spelling, owned={1: (own, low_spelling)}
    )


def marks(file, part):
    """List what a part of a score has: kind and the beat of its note, in order."""
    found, now = [], 0
    for element in ElementTree.parse(file).getroot().findall("part")[part].iter():
        if element.tag == "note":
            now += float(element.findtext("duration")) / 10_080
            beat = now - float(element.findtext("duration")) / 10_080
            found += [(lyric.findtext("text"), beat) for lyric in element.findall("lyric")]
            found += [(slur.get("type"), beat) for slur in element.iter("slur")]
            found += [
                (kind, beat)
                for kind in ("accent", "staccato", "fermata")
                if element.find(f".//{kind}") is not None
            ]
        elif element.tag == "dynamics":
            found += [(child.tag, now) for child in element]
        elif element.tag == "words":
            found.append((element.text, now))
    return found


LOW_MARKS = [
    *(("Preis", 0), ("start", 0), ("accent", 1), ("pp", 2), ("stop", 2), ("start", 3)),
    *(("Dank", 4), ("stop", 5), ("staccato", 5), ("fermata", 3)),  # the last is the tune's, for all
]


def names_in(file, part):
    pitches = ElementTree.parse(file).getroot().findall("part")[part].iter("pitch")
    return [
        pitch.findtext("step") + {"1": "#", "-1": "b", None: ""}[pitch.findtext("alter")] for pitch in pitches
    ]


def test_a_score_keeps_words_slurs_signs_and_spelling_of_every_part(tmp_path):
    file = scored(tmp_path / "a.musicxml")
    assert sorted(marks(file, 1)) == sorted(LOW_MARKS)
    read = read_parts(file, keep="all")
    arrangement = arrange(read)
    again = arrangement.write(tmp_path / "b.musicxml")
    assert sorted(marks(again, 3)) == sorted(LOW_MARKS)
    assert sorted(marks(again, 0)) == sorted([("Lob", 0), ("fermata", 3), ("Largo", 4)])
    assert names_in(again, 0)[1] == "Db" and names_in(again, 3)[1] == "C#"
    assert names_in(again, 3)[3] == "D#"
    assert marks(again, 1) == [("fermata", 3)]
    check_read_back(again, arrangement)


def test_words_of_a_midi_file_stay_in_time_beside_a_score(tmp_path):
    write_notes(tmp_path / "t.mid", ("Tune", [(0, 960, 72), (960, 3840, 74)]))
    read = read_parts(tmp_path / "t.mid", keep={"bass": scored(tmp_path / "b.musicxml")})
    sung = replace(read.tune, signs=(Sign(960, "lyric", "Preis", 1, "single"),))
    arrangement = replace(arrange(read), melody=sung)
    file = arrangement.write(tmp_path / "a.musicxml")
    assert ("Preis", 2) in marks(file, 0) and ("Dank", 4) in marks(file, 3)


# --- Some cells are kept ---


def test_what_is_kept_of_a_part_is_its_owners_and_the_rest_new(tmp_path):
    path = write_notes(
        tmp_path / "a.mid",
        ("Soprano", [(0, 3840, 72)]),
        ("Alto", [(5, 950, 64), (960, 2400, 65), (2400, 3000, 67), (3000, 3840, 65)]),
    )
    read = read_parts(path, keep="all")
    arrangement = arrange(read)
    kept = arrangement.kept.copy()
    kept[:, 1] = np.arange(len(kept)) < 16  # the first bar alone
    grid, onset = arrangement.grid.copy(), arrangement.onset.copy()
    grid[16:, 1], onset[16:, 1] = 62, np.arange(16) % 8 == 0
    arrangement = replace(arrangement, grid=grid, onset=onset, kept=kept)
    alto = read_song(arrangement.write(tmp_path / "b.mid")).parts[1].notes
    # The second note began in the first bar and lasted into the second one: it ends with the bar.
    assert [tuple(note)[:3] for note in alto] == [
        (5, 950, 64),
        (960, 1920, 65),
        (1920, 2880, 62),
        (2880, 3840, 62),
    ]
    check_read_back(arrangement.write(tmp_path / "b.musicxml"), arrangement)


def test_a_new_note_makes_way_for_one_that_its_owner_begins_early(tmp_path):
    alto = [(0, 1900, 64), (1911, 3840, 65)]
    tune = ("Soprano", [(0, 3840, 72)])
    arrangement = arrange(read_parts(write_notes(tmp_path / "a.mid", tune, ("Alto", alto)), keep="all"))
    kept, grid = arrangement.kept.copy(), arrangement.grid.copy()
    kept[:16, 1], grid[:16, 1] = False, 65
    arrangement = replace(arrangement, kept=kept, grid=grid)
    written = read_song(arrangement.write(tmp_path / "b.mid")).parts[1].notes
    assert [tuple(note)[:3] for note in written] == [(0, 1911, 65), (1911, 3840, 65)]


def test_a_changed_note_is_written_and_the_others_are_their_owners(tmp_path):
    read = read_parts(scored(tmp_path / "a.musicxml"), keep="all")
    arrangement = arrange(read)
    grid = arrangement.grid.copy()
    grid[16:20, 3] = 53  # "Dank"
    changed = replace(arrangement, grid=grid)
    file = changed.write(tmp_path / "b.musicxml")
    # Its word is gone; the slur over it stays, since both its ends do.
    assert sorted(marks(file, 3)) == sorted(set(LOW_MARKS) - {("Dank", 4)})
    grid[12:16, 3] = 52  # where the slur begins
    gone = {("Dank", 4), ("start", 3), ("stop", 5)}
    assert sorted(marks(replace(arrangement, grid=grid).write(file), 3)) == sorted(set(LOW_MARKS) - gone)
    check_read_back(file, replace(arrangement, grid=grid))


@given(st.integers(0, len(CHORALES) - 1), st.integers(0, 10**6), st.sampled_from(["mid", "musicxml"]))
@settings(max_examples=10, deadline=None)
def test_any_mixture_of_kept_and_new_is_what_the_grid_says(tmp_path_factory, number, seed, ending):
    rng = np.random.default_rng(seed)
    folder = tmp_path_factory.mktemp("m")
    read = read_parts(bach(number).write(folder / "bach.mid"), keep="all")
    whole = arrange(read)
    blocks = rng.random((-(-len(whole.grid) // 6), 4)) < 0.5
    kept = blocks.repeat(6, axis=0)[: len(whole.grid)]
    new = np.where(
        whole.grid == REST, REST, np.clip(whole.grid + rng.integers(-3, 4, whole.grid.shape), 0, 127)
    )
    grid = np.where(kept, whole.grid, new).astype(np.int8)
    onset = np.where(kept, whole.onset, rng.random(grid.shape) < 0.3)
    before = np.vstack([np.full((1, 4), REST), grid[:-1]])
    onset = (onset | (grid != before)) & (grid != REST)  # a note begins wherever the pitch changes
    kept &= onset == whole.onset
    mixed = replace(whole, grid=grid, onset=onset, kept=kept)
    song = read_song(mixed.write(folder / f"mixed.{ending}"))
    for voice, part in enumerate(song.parts):
        found, struck = quantize(part.notes, song.ticks_per_beat, len(grid))
        np.testing.assert_array_equal(found, grid[:, voice])
        np.testing.assert_array_equal(struck, onset[:, voice])


# --- Chords ---


def harmonies(file, part=0):
    found = ElementTree.parse(file).getroot().findall("part")[part].iter("harmony")
    return [harmony.find("kind").get("text") for harmony in found]


def test_chords_that_were_asked_for_are_written_above_the_score(tmp_path):
    read = read_parts(several(tmp_path / "a.mid"), keep="all")
    chords = read_chords(read.tune, "C G7/D | N.C.")
    asked = arrange(read, chords=chords)
    assert harmonies(asked.write(tmp_path / "a.musicxml")) == []
    file = asked.write(tmp_path / "b.musicxml", chords=True)
    assert harmonies(file) == ["", "7", "N.C."] and harmonies(file, 1) == []
    assert read_parts(file, chords="score").chords == chords
    heard = harmonies(bach(0).write(tmp_path / "c.musicxml", chords=True))
    assert len(heard) > 5
    asked.write(tmp_path / "a.mid", chords=True)  # of which MIDI says nothing


def test_a_cellos_tune_is_the_lowest_column(tmp_path):
    melody = read_melody(ROOT / "tests" / "inputs" / "m12_cello.mid")
    arrangement = around(melody, place=3)
    assert arrangement.names == ("soprano", "alto", "tenor", "Cello")
    assert arrangement.given[:, 3].all() and not arrangement.given[:, :3].any()
    song = read_song(arrangement.write(tmp_path / "a.mid"))
    assert [part.name for part in song.parts] == ["soprano", "alto", "tenor", "Cello"]
    assert tuple(song.parts[3].notes) == melody.notes
    assert song.parts[3].notes[0] == Note(*melody.notes[0])
