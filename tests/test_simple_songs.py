"""Songs that are no chorales come home: the shipped networks and the search, as users meet them."""

from itertools import groupby, pairwise
from pathlib import Path

import numpy as np
import pytest
from simple_songs import SONGS

from utils.inference_utils import harmonize_takes, parse_notes
from utils.metrics_utils import chordal_share
from utils.music.theory import pitch_number

INPUTS = Path(__file__).parent / "inputs"
TAKES = 3
# In minor with the raised sixth and seventh degrees.
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 9, 10, 11)}
# Of the notes of a bar, by length. In Bach's validation chorales 1% of the bars have fewer, and never three
# on end (pretrained/EXPERIMENTS.md).
IN_KEY = 0.75
LEAST_CHORDAL = 0.75


def longest_way_out(grid, bars, home, mode):
    """Count the most bars on end whose lower voices leave a key that the melody keeps to."""
    in_scale = np.isin((grid.astype(int) - home) % 12, SCALES[mode])
    edges = np.unique([0, *bars, len(grid)])
    out = [
        in_scale[a:b, 1:].mean() < IN_KEY and in_scale[a:b, 0].mean() >= IN_KEY for a, b in pairwise(edges)
    ]
    return max((len(list(run)) for left, run in groupby(out) if left), default=0)


def test_the_way_out_of_a_key_is_counted_in_bars_on_end():
    chords = {"C": (72, 67, 64, 48), "F sharp": (72, 66, 61, 54), "all F sharp": (73, 66, 61, 54)}
    song = ("C", "F sharp", "F sharp", "F sharp", "C", "F sharp", "all F sharp", "F sharp", "F sharp", "C")
    grid = np.repeat([chords[name] for name in song], 16, axis=0)
    # Where the melody leaves its key as well, the voices go with it.
    assert longest_way_out(grid, range(0, 160, 16), 0, "major") == 3
    # After a pickup, which counts, bars divide the same notes in another way: halves of two chords in each.
    assert longest_way_out(grid[16:], range(8, 144, 16), 0, "major") == 5
    minor = np.repeat([(69, 66, 63, 56)], 16, axis=0)  # A, F sharp, D sharp, G sharp: of A minor but for one
    assert longest_way_out(minor, (0,), 9, "minor") == 1
    minor[:4, 2] = 64
    assert longest_way_out(minor, (0,), 9, "minor") == 0


@pytest.mark.parametrize("name", SONGS)
def test_a_song_ends_on_its_tonic_with_all_voices_at_rest(name):
    pickup, tonic, mode, notes = SONGS[name]
    for take in harmonize_takes(parse_notes(notes), TAKES, pickup=pickup):
        home = pitch_number(f"{tonic}4") % 12
        last = take.grid[-1].astype(int)
        above = set(((last - home) % 12).tolist())
        assert last[3] % 12 == home, f"the bass ends on {last[3]}"
        assert above <= {0, 4, 7} or (mode == "minor" and above <= {0, 3, 7}), last
        begins = np.flatnonzero(take.melody.onset)[-1]
        assert (take.grid[begins:, 1:] == take.grid[begins, 1:]).all()  # at rest
        # A take that is bad is worse than one that is dull.
        assert chordal_share(take.grid) >= LEAST_CHORDAL
        assert longest_way_out(take.grid, take.bars, home, mode) <= 2


def test_a_lead_sheet_comes_home():
    take = harmonize_takes(INPUTS / "x01_lead_sheet.musicxml", 1)[0]
    assert take.grid[-1, 3] % 12 == 0 and set((take.grid[-1] % 12).tolist()) <= {0, 4, 7}  # C major
