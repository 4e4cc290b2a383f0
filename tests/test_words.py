"""The words of music that the lesson lets its readers hear mean what they are said to mean."""

import numpy as np
import pytest

from utils.lesson import words
from utils.midi_utils import read_grid
from utils.music.measures import pitch_consonance_score


def heard(word, tmp_path, monkeypatch):
    monkeypatch.setattr(words, "MODEL_DIR", tmp_path)
    return read_grid(words.example(word))[0].astype(int)


def parallel_fifths(grid):
    chords = grid[:: words.STEPS_PER_BEAT]
    fifth = (chords[:, 0] - chords[:, 1]) % 12 == 7
    return int((fifth[1:] & fifth[:-1] & (np.diff(chords[:, 0]) * np.diff(chords[:, 1]) > 0)).sum())


@pytest.mark.parametrize("word", words.WORDS)
def test_every_word_can_be_heard(word, tmp_path, monkeypatch):
    grid = heard(word, tmp_path, monkeypatch)
    beats = sum(beats for _, beats in words.WORDS[word])
    assert 4 * words.STEPS_PER_BEAT < len(grid) <= beats * words.STEPS_PER_BEAT


def test_an_unknown_word_names_the_known_ones():
    with pytest.raises(ValueError, match=r"'loud'.*consonant, dissonant"):
        words.example("loud")


def test_fifths_are_parallel_or_not(tmp_path, monkeypatch):
    assert parallel_fifths(heard("parallel fifths", tmp_path, monkeypatch)) == 4
    assert parallel_fifths(heard("no parallels", tmp_path, monkeypatch)) == 0


def test_consonant_notes_blend_and_dissonant_ones_rub(tmp_path, monkeypatch):
    blend, rub = (heard(word, tmp_path, monkeypatch) for word in ("consonant", "dissonant"))
    assert pitch_consonance_score(blend) > 0.5 > 0 > pitch_consonance_score(rub)


def test_a_suspended_voice_stays_behind(tmp_path, monkeypatch):
    late, in_time = (heard(f"{no}suspension", tmp_path, monkeypatch) for no in ("", "no "))
    differing = np.flatnonzero((late != in_time).any(axis=1))
    np.testing.assert_array_equal(differing, np.arange(8, 12))  # a beat after the chord has changed
    assert (late[differing, 1] == late[0, 1]).all()
