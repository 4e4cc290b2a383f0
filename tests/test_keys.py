"""The key of a melody."""

from pathlib import Path

import numpy as np
import pytest

from utils.corpus.pieces import load_chorales
from utils.music import keys
from utils.music.keys import find_key_of_melody
from utils.music.theory import find_key, sharps_of

CHORALES = Path(__file__).parent.parent / "dataset" / "chorales.npz"
TWINKLE = np.repeat([60, 60, 67, 67, 69, 69, 67, 67, 65, 65, 64, 64, 62, 62, 60, 60], 4)


@pytest.mark.parametrize("up", range(12))
def test_tunes_in_every_key(up):
    assert find_key_of_melody(TWINKLE + up) == (up, "major")
    minor = np.repeat([69, 71, 72, 74, 76, 74, 72, 71, 69], 4)  # A minor by its end, or the middle of C major
    assert find_key_of_melody(minor + up) == ((9 + up) % 12, "minor")
    assert find_key_of_melody(minor + up, sharps_of((9 + up) % 12, "minor")) == ((9 + up) % 12, "minor")


def test_signature_and_end_both_have_a_say():
    line = np.repeat([67, 69, 71, 72, 74], 4)  # G A B C D: G or C major, or what the signature says
    assert find_key_of_melody(np.append(line, [67] * 8), 1) == (7, "major")
    assert find_key_of_melody(np.append(line, [72] * 8), 0) == (0, "major")
    assert find_key_of_melody(np.append(line, [76] * 8), 1) == (4, "minor")


def test_silence_is_in_c_major():
    assert find_key_of_melody(np.full(8, -1)) == (0, "major")
    assert find_key_of_melody(np.array([], int), 3) == (0, "major")
    rests = np.full(200, -1)
    rests[:64] = TWINKLE + 2
    assert find_key_of_melody(rests) == (2, "major")


def test_chorales_are_in_the_key_that_all_four_voices_are_in():
    chorales = load_chorales(CHORALES, split="valid")
    lines = [c.grid[:, 0] for c in chorales]
    right = [
        find_key_of_melody(line, c.sharps) == (c.tonic, c.mode)
        for line, c in zip(lines, chorales, strict=True)
    ]
    assert np.mean(right) >= 0.86
    by_notes = [
        find_key(np.bincount(line[line >= 0] % 12, minlength=12)) == (c.tonic, c.mode)
        for line, c in zip(lines, chorales, strict=True)
    ]
    assert np.mean(by_notes) < np.mean(right) - 0.1


def test_the_tables_are_counted_in_the_training_chorales():
    chorales = load_chorales(CHORALES, split="train")
    for mode in keys.SOUNDS:
        own = [c for c in chorales if c.mode == mode]
        steps = [(c.grid[c.grid[:, 0] >= 0, 0] - c.tonic) % 12 for c in own]
        tables = (
            (keys.SOUNDS, np.concatenate(steps)),
            (keys.ENDS, [line[-1] for line in steps]),
            (keys.BEGINS, [line[0] for line in steps]),
        )
        for table, degrees in tables:
            counted = np.bincount(degrees, minlength=12) + 0.5
            np.testing.assert_allclose(table[mode], 100 * counted / counted.sum(), atol=0.6)
        more = [(c.sharps - sharps_of(c.tonic, mode) + 6) % 12 - 6 for c in own]
        for sharps, percent in keys.SHARPS_MORE[mode].items():
            assert 100 * np.mean(np.array(more) == sharps) == pytest.approx(percent, abs=2)
