"""Songs that are no chorales come home: the shipped networks and the search, as users meet them."""

from pathlib import Path

import numpy as np
import pytest
from simple_songs import SONGS

from utils.inference_utils import harmonize_takes, parse_notes
from utils.music.theory import pitch_number

INPUTS = Path(__file__).parent / "inputs"
TAKES = 3


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


def test_a_lead_sheet_comes_home():
    take = harmonize_takes(INPUTS / "x01_lead_sheet.musicxml", 1)[0]
    assert take.grid[-1, 3] % 12 == 0 and set((take.grid[-1] % 12).tolist()) <= {0, 4, 7}  # C major
