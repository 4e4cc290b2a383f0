from pathlib import Path

import mido
import numpy as np
import pretty_midi
import pytest

from utils.midi_utils import load_pianoroll, save_pianoroll_as_midi
from utils.music.grid import REST, VOICES, grid_to_notes, grid_to_roll, onsets_of, roll_to_grid
from utils.songs.read_midi import read_grid
from utils.songs.write_midi import write_midi

TWINKLE = Path(__file__).parent.parent / "input_twinkle_twinkle.mid"
TICKS = 480  # a quarter note


def made_up_grid():
    grid = np.repeat(np.random.default_rng(0).integers(50, 80, (10, 4)), 3, axis=0).astype(np.int8)
    grid[6:12, 1] = REST
    grid[:4, 2] = REST
    grid[-4:] = REST
    onset = onsets_of(grid)
    onset[[1, 13, 14], [0, 0, 3]] = True  # repeated notes, one of them a single step after the first
    return grid, onset


@pytest.mark.parametrize("tempo", [100, 97, 61.5])
def test_write_then_read_is_exact(tmp_path, tempo):
    grid, onset = made_up_grid()
    found_grid, found_onset, found_tempo = read_grid(write_midi(tmp_path / "a.mid", grid, onset, tempo))
    np.testing.assert_array_equal(found_grid, grid)
    np.testing.assert_array_equal(found_onset, onset)
    assert found_tempo == pytest.approx(tempo, rel=1e-6)


def test_others_read_what_is_written(tmp_path):
    grid, onset = made_up_grid()
    other = pretty_midi.PrettyMIDI(str(write_midi(tmp_path / "a.mid", grid, onset, tempo=75)))
    assert [track.name for track in other.instruments] == list(VOICES)
    seconds = 60 / 75 / 4
    for voice, track in enumerate(other.instruments):
        found = [(note.start / seconds, note.end / seconds, note.pitch) for note in track.notes]
        expected = grid_to_notes(grid[:, voice], onset[:, voice])
        np.testing.assert_allclose(sorted(found), expected, atol=1e-3)


def test_roll_and_grid_are_inverse():
    grid, _ = made_up_grid()
    roll = grid_to_roll(grid)
    assert roll.shape == (30, 128, 4)
    assert roll.sum(axis=1).max() == 1 - 127  # one pitch a step and voice
    np.testing.assert_array_equal(roll_to_grid(roll), grid)


def test_a_batch_of_rolls_is_written_end_to_end(tmp_path):
    grid = np.random.default_rng(1).integers(50, 80, (64, 4)).astype(np.int8)
    rolls = grid_to_roll(grid).reshape(2, 32, 128, 4)
    path = save_pianoroll_as_midi(rolls, tempo=80, destination_path=tmp_path / "a.mid")
    found, _, tempo = read_grid(path)
    np.testing.assert_array_equal(found, grid)
    assert tempo == pytest.approx(80)


def test_a_file_without_a_conductor_keeps_its_first_voice(tmp_path):
    grid = np.random.default_rng(3).integers(50, 80, (32, 3)).astype(np.int8)
    path = write_midi(tmp_path / "a.mid", grid, onsets_of(grid), names=list("abc"))
    midi = mido.MidiFile(path)
    del midi.tracks[0]
    midi.save(path)
    np.testing.assert_array_equal(read_grid(path)[0], grid)


@pytest.mark.parametrize("voices", [2, 4, 6])
def test_pianorolls_come_back_from_midi_chords_within_a_track_included(tmp_path, voices):
    rolls = np.full((3, 32, 128, voices), -1.0)
    rolls[0, :, (60, 64), 0] = 1  # two notes at once in one track
    rolls[1, 5:7, 48, voices - 1] = 1  # nothing else in the whole window
    rolls[2, 31, 50, voices - 1] = 1
    file = save_pianoroll_as_midi(rolls, tempo=97, destination_path=tmp_path / "rolls.mid")
    np.testing.assert_array_equal(load_pianoroll(file), rolls.reshape(-1, 128, voices))
