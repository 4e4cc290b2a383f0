"""Scores as other programs see them: MuseScore 3 and LilyPond (Debian: musescore3, lilypond).

Slow, since each program takes seconds to start; skipped where they are missing.
"""

import os
import shutil
import struct
from fractions import Fraction
from pathlib import Path
from subprocess import PIPE, STDOUT, run

import pytest
from test_score_kept import INPUTS, arrange

from utils.songs.score import write_musicxml
from utils.songs.song import Sign

MUSESCORE = next(filter(None, map(shutil.which, ("mscore3", "musescore3"))), None)
LILYPOND = shutil.which("musicxml2ly") and shutil.which("lilypond")
# What MuseScore says of its own doings.
CHATTER = ("convert <", "to <", "... success", "QStandardPaths", "libpng", "propagateSizeHints", "plugin")
SONGS = sorted(path.name for path in INPUTS.iterdir())

pytestmark = pytest.mark.slow


def everything(path):
    """Write a score with every sign that there is."""
    third = Fraction(1, 3)
    notes = [(Fraction(n), Fraction(n + 1), 72 + n % 5) for n in range(16)]
    notes[5:6] = [(5 + k * third, 5 + (k + 1) * third, 74) for k in range(3)]
    below = [(Fraction(n), Fraction(n + 2), 55 + n % 3) for n in range(0, 16, 2)]
    at = [
        *((0, "lyric", "Glo-", 1, "begin"), (1, "lyric", "ri", 1, "middle"), (2, "lyric", "a", 1, "end")),
        *((0, "lyric", "Hal-", 2, "begin"), (1, "lyric", "le", 2, "end"), (0, "dynamic", "mf")),
        *((3, "slur", "start"), (6, "slur", "start", 1), (6, "slur", "stop"), (7, "slur", "stop", 1)),
        *(
            (1, "articulation", "staccato"),
            (2, "articulation", "accent"),
            (3, "fermata"),
            (6, "breath", "comma"),
        ),
        *(
            (0, "rehearsal", "A"),
            (0, "tempo", "Andante"),
            (4, "text", "dolce"),
            (4, "chord", "F#m7/A", 1, "minor-seventh"),
        ),
        *(
            (5, "wedge", "crescendo"),
            (7, "wedge", "stop"),
            (8, "barline", "light-light"),
            (4, "jump", "segno"),
        ),
        *(
            (4, "repeat", "forward"),
            (8, "repeat", "backward", 3),
            (16, "jump", "dalsegno", 1, "D.S. al Fine"),
        ),
        (12, "jump", "fine"),
    ]
    signs = [Sign(Fraction(beat), *rest) for beat, *rest in at]
    parts = [("Soprano", 0, notes), ("Tenor", 0, below)]
    keys = [(0, 2, "major"), (8, -3, "minor")]
    return write_musicxml(
        path, parts, [(0, 4, 4)], title="Alles & mehr", keys=keys, signs=signs, composer="Anon"
    )


def written(name, folder):
    path = folder / "score.musicxml"
    if name == "everything":
        return everything(path)
    arrange(name, path)
    return path


@pytest.mark.parametrize("name", [*SONGS, "everything"])
def test_musescore_opens_it_without_a_word(tmp_path, name):
    if not MUSESCORE:
        pytest.skip("MuseScore 3 is missing: apt-get install musescore3")
    path = written(name, tmp_path)
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "HOME": str(tmp_path)}
    command = [MUSESCORE, "-r", "60", "-o", str(tmp_path / "page.png"), str(path)]
    done = run(command, env=environment, stdout=PIPE, stderr=STDOUT, text=True, timeout=120, check=False)
    words = [
        line for line in done.stdout.splitlines() if line.strip() and not any(w in line for w in CHATTER)
    ]
    assert (done.returncode, words) == (0, [])
    page = (tmp_path / "page-1.png").read_bytes()
    width, height = struct.unpack(">II", page[16:24])
    assert min(width, height) > 300


@pytest.mark.parametrize("name", [*SONGS, "everything"])
def test_lilypond_opens_it_without_a_warning(tmp_path, name):
    if not LILYPOND:
        pytest.skip("LilyPond is missing: apt-get install lilypond")
    path = written(name, tmp_path)
    for command in (
        ["musicxml2ly", "-o", "score.ly", str(path)],
        ["lilypond", "--loglevel=WARN", "-o", "score", "score.ly"],
    ):
        done = run(command, cwd=tmp_path, stdout=PIPE, stderr=STDOUT, text=True, timeout=300, check=False)
        complaints = [
            line for line in done.stdout.splitlines() if "warning" in line.lower() or "error" in line.lower()
        ]
        assert (done.returncode, complaints) == (0, [])
    assert Path(tmp_path / "score.pdf").stat().st_size > 5000
