import hashlib
import itertools
import re
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import mido
import numpy as np
import pytest

from utils import dataset_utils
from utils.corpus import bach, own_music, splits
from utils.corpus.pieces import load_chorales, save_chorales
from utils.corpus.roll_files import ROLL_FILES, load_rolls, save_rolls
from utils.corpus.windows import window_starts, windows_in_three
from utils.music.grid import REST, grid_to_roll, onsets_of, roll_to_grid
from utils.music.meter import Meter, hear_in_common_time, heard_steps
from utils.songs.read_midi import read_grid
from utils.songs.write_midi import write_midi
from utils.training.batches import check_alike, count_voices, load_windows

ROOT = Path(__file__).parent.parent
DATASET, MIDI = ROOT / "dataset", ROOT / "original_midi"
COUNTS = {"train": 229, "valid": 60, "test": 75}
BUILT = ("chorales.npz", "train.npy", "valid.npy", "eval.npy")
# Held-out and training sides of the published split each had one of these.
NEAR_DUPLICATES = [
    ("bwv414", "bwv253"),
    ("bwv280", "bwv176.6"),
    ("bwv16.6", "bwv419"),
    ("bwv245.15", "bwv245.37"),
]


@pytest.fixture(scope="module")
def chorales():
    return load_chorales(DATASET / "chorales.npz")


@pytest.fixture(scope="module")
def rolls():
    return {split: np.load(DATASET / file) for split, file in ROLL_FILES.items()}


def sings_in_every_bar(grid):
    """Whether each voice has a note in each sixteen steps."""
    return all((bar != REST).any(axis=0).all() for bar in np.split(grid, len(grid) // 16))


def two_bar_starts(chorale):
    bars = chorale.bars.tolist()
    return [
        start
        for start, end in itertools.pairwise([*bars, len(chorale.grid)])
        if end - start == 16 and start + 16 in bars and not set(bars) & set(range(start + 17, start + 32))
        if len(chorale.grid) >= start + 32 and sings_in_every_bar(chorale.grid[start : start + 32])
    ]


# --- The files ---------------------------------------------------------------


@pytest.mark.parametrize("split", COUNTS)
def test_rolls_are_single_voices_that_sing_in_every_bar(rolls, split):
    roll = rolls[split]
    assert roll.shape == (COUNTS[split], 32, 128, 4) and roll.dtype == np.int8
    assert set(np.unique(roll)) == {-1, 1}
    sounding = (roll > 0).sum(axis=2)  # [sample, step, track]
    assert sounding.max() == 1
    assert sounding.reshape(-1, 2, 16, 4).any(axis=2).all()
    assert len({window.tobytes() for window in roll}) == len(roll)


@pytest.mark.parametrize("split", COUNTS)
def test_each_window_stands_at_a_bar_of_its_own_chorale(chorales, rolls, split):
    usable = [c for c in chorales if c.split == split and two_bar_starts(c)]
    assert len(usable) == len(rolls[split])
    for chorale, roll in zip(usable, rolls[split], strict=True):
        cuts = [chorale.grid[start : start + 32] for start in two_bar_starts(chorale)]
        assert any(np.array_equal(grid_to_roll(cut), roll) for cut in cuts), chorale.name


def test_midi_files_are_the_training_windows_with_repeated_notes_struck_again(chorales, rolls):
    assert {path.name for path in MIDI.iterdir()} == {f"MIDI-{i}.mid" for i in range(229)}
    usable = [c for c in chorales if c.split == "train" and two_bar_starts(c)]
    repeated = 0
    for index, (chorale, roll) in enumerate(zip(usable, rolls["train"], strict=True)):
        grid, onset, _ = read_grid(MIDI / f"MIDI-{index}.mid")
        assert np.array_equal(grid_to_roll(grid), roll)
        places = [s for s in two_bar_starts(chorale) if np.array_equal(chorale.grid[s : s + 32], grid)]
        struck = [chorale.onset[s : s + 32].copy() for s in places]
        for strokes in struck:
            strokes[0] = grid[0] != REST  # what was held into the window is struck at its beginning
        assert any(np.array_equal(onset, strokes) for strokes in struck)
        repeated += (onset[1:] & (grid[1:] == grid[:-1])).sum()
    assert repeated > 1000


def test_published_test_pieces_are_held_out(chorales):
    split = {c.name: c.split for c in chorales}
    published = bach.read_published_splits(DATASET / "jsb_split.csv")
    assert set(split) == set(published)
    assert {split[name] for name, side in published.items() if side == "test"} == {"test"}
    # Those of the published training split come first: only the family of a held-out piece kept one out.
    kept_out = {name for name, side in published.items() if side == "train" and split[name] != "train"}
    families = splits.families(chorales)
    assert all("test" in {published[n] for n in families[name]} for name in kept_out)


def test_corpus_is_small_and_readable_without_pickle(chorales):
    assert (DATASET / "chorales.npz").stat().st_size < 200_000
    with np.load(DATASET / "chorales.npz", allow_pickle=False) as file:
        assert len(file["name"]) == len(chorales) == 409
    for chorale in chorales:
        assert chorale.grid.shape == chorale.onset.shape and chorale.grid.shape[1] == 4
        assert chorale.grid.dtype == np.int8 and chorale.onset.dtype == bool
        assert not (chorale.onset & (chorale.grid == REST)).any()
        moved = np.diff(chorale.grid, axis=0, prepend=REST) != 0
        assert chorale.onset[moved & (chorale.grid != REST)].all()


def test_readme_names_every_file_with_its_sum_and_count(chorales, rolls):
    readme = (DATASET / "README.md").read_text(encoding="utf-8")
    sums = dict(re.findall(r"^\| `([\w.]+)` \|.*`([0-9a-f]{64})` \|$", readme, re.MULTILINE))
    assert set(sums) == {*BUILT, "jsb_split.csv"}
    for name, expected in sums.items():
        assert hashlib.sha256((DATASET / name).read_bytes()).hexdigest() == expected, name
    digest = hashlib.sha256(b"".join((MIDI / f"MIDI-{i}.mid").read_bytes() for i in range(229)))
    assert digest.hexdigest() in readme
    for side in COUNTS:
        own = [c for c in chorales if c.split == side]
        windows = sum(len(two_bar_starts(c)) for c in own)
        row = (
            f"| {side} | {len(own)} | {sum(len(c.bars) for c in own):,} | {windows:,} | {len(rolls[side])} |"
        )
        assert row in readme, row


# --- No leak -----------------------------------------------------------------


def stretches(grid, length=16):
    """The same idea as ``fingerprints`` in utils/corpus/windows.py, by intervals below the highest note."""
    found = set()
    for start in range(0, len(grid) - length + 1, 4):
        stretch = grid[start : start + length].astype(int)
        if stretch.max() > REST:
            below = stretch.max() - stretch
            found.add(tuple(np.where(stretch == REST, -99, below).ravel().tolist()))
    return found


def test_no_harmonization_stands_on_both_sides(chorales):
    known = {c.name: stretches(c.grid) for c in chorales}
    split = {c.name: c.split for c in chorales}
    shares = {
        (a, b): len(known[a] & known[b]) / min(len(known[a]), len(known[b]))
        for a, b in itertools.combinations(known, 2)
    }
    assert sum(share >= splits.FAMILY_SHARE for share in shares.values()) > 30
    crossing = {pair: share for pair, share in shares.items() if split[pair[0]] != split[pair[1]]}
    assert max(crossing.values()) < splits.FAMILY_SHARE
    for a, b in NEAR_DUPLICATES:
        assert split[a] == split[b]
        assert shares.get((a, b), shares.get((b, a))) >= splits.FAMILY_SHARE


def test_held_out_windows_are_new_to_training_but_for_the_one_that_the_readme_names(chorales, rolls):
    training = set().union(*(stretches(c.grid, 32) for c in chorales if c.split == "train"))
    for split in ("valid", "test"):
        windows = roll_to_grid(rolls[split])
        assert not any(stretches(window, 32) & training for window in windows)
    known = [
        c.name
        for c in chorales
        for start in two_bar_starts(c)
        if c.split != "train" and stretches(c.grid[start : start + 32], 32) & training
    ]
    assert known == ["bwv329"]


def test_share_of_common_tunes_is_reported(chorales, rolls):
    readme = (DATASET / "README.md").read_text(encoding="utf-8")
    tunes = set().union(*(stretches(c.grid[:, :1], 32) for c in chorales if c.split == "train"))
    for split in ("valid", "test"):
        windows = roll_to_grid(rolls[split])[..., :1]
        common = sum(bool(stretches(window, 32) & tunes) for window in windows)
        line = f"{common} of {len(windows)} ({common / len(windows):.0%})"
        print(f"{split} windows with a melody that training has in some key: {line}")
        assert line in readme


def test_a_transposed_copy_joins_the_family_and_a_stranger_does_not(chorales):
    a, b, c = chorales[:3]
    grid = np.where(a.grid == REST, REST, a.grid + 3).astype(np.int8)
    # Half of it, moved by a beat, in another key, with another bass for one note.
    copy = replace(b, name="copy", grid=grid[4 : 4 + len(grid) // 2 // 4 * 4].copy())
    copy.grid[5, 3] += 1
    family = splits.families([a, b, c, copy])
    assert family["copy"] == family[a.name] == {a.name, "copy"}
    assert family[b.name] == {b.name}


def test_families_are_transitive(chorales):
    a, b, c = (c for c in chorales if c.name in ("bwv66.6", "bwv253", "bwv1.6"))
    left = replace(a, name="left", grid=np.concatenate([a.grid, b.grid]))
    right = replace(a, name="right", grid=np.concatenate([b.grid, c.grid]))
    family = splits.families([a, left, right, c])
    assert len(family[a.name]) == 4 and len(set(family.values())) == 1


# --- From the corpus ---------------------------------------------------------


# A pickup; a bar split in two at a repeat; more of them, and a short bar; a bar of one beat; a bar of ten
# quarters; a three-beat bar before a repeat.
@pytest.mark.parametrize("name", ["bwv66.6", "bwv253", "bwv261", "bwv276", "bwv324", "bwv4.8"])
def test_bars_are_those_that_the_score_numbers(chorales, name):
    import music21

    stored = next(c for c in chorales if c.name == name)
    score = music21.corpus.parse(f"bach/{name}.mxl")
    bars = None
    for part in score.parts:
        measures = list(part.getElementsByClass("Measure"))
        whole, index = [], 0
        while index < len(measures):
            # The second half of a split bar repeats its number with a letter: 5, 5a.
            halves = [measures[index]]
            while index + len(halves) < len(measures) and measures[index + len(halves)].numberSuffix:
                halves.append(measures[index + len(halves)])
            beats = sum(half.duration.quarterLength for half in halves)
            if halves[0].number > 0 and beats == 4:
                whole.append(round(halves[0].offset * 4))
            index += len(halves)
        assert bars is None or whole == bars  # the voices agree
        bars = whole
    assert stored.bars.tolist() == bars
    assert bach.read_chorale(name).bars.tolist() == bars


def test_halves_of_two_split_bars_on_end_are_not_mixed_up():
    from music21 import meter, note, stream

    part = stream.Part()
    for number, beats in enumerate([1, 4, 2, 2, 2, 2, 4]):
        measure = stream.Measure(number=number)
        if number == 0:
            measure.append(meter.TimeSignature("4/4"))
        measure.append(note.Note(quarterLength=beats))
        part.append(measure)
    assert bach._full_bars(part).tolist() == [4, 20, 36, 52]


@pytest.mark.parametrize("name", ["bwv66.6", "bwv48.3", "bwv67.4.xml", "bwv1.6", "bwv248.64-6"])
def test_stored_chorales_are_those_of_the_corpus(chorales, name):
    stored = next(c for c in chorales if c.name == name)
    fresh = bach.read_chorale(name)
    for field in ("grid", "onset", "bars", "phrase_ends"):
        assert np.array_equal(getattr(fresh, field), getattr(stored, field)), field
    for field in ("meter", "tonic", "mode", "sharps"):
        assert getattr(fresh, field) == getattr(stored, field), field


# A plain one; one fermata over the second of two tied notes; none at all.
@pytest.mark.parametrize(("name", "count"), [("bwv66.6", 6), ("bwv10.7", 4), ("bwv1.6", 0)])
def test_phrases_end_where_the_soprano_has_its_fermatas(chorales, name, count):
    import music21

    stored = next(c for c in chorales if c.name == name)
    soprano = music21.corpus.parse(f"bach/{name}").parts[0].stripTies()
    expected = [
        round(note.offset * 4)
        for note in soprano.flatten().notes
        if any(isinstance(e, music21.expressions.Fermata) for e in note.expressions)
    ]
    assert len(stored.phrase_ends) == count
    assert set(expected) <= set(stored.phrase_ends.tolist())  # stripTies drops what later notes carry
    assert stored.onset[stored.phrase_ends, 0].all()


def test_most_chorales_know_their_phrases(chorales):
    ends = {c.name: len(c.phrase_ends) for c in chorales}
    assert sum(count == 0 for count in ends.values()) == 6
    assert sum(ends[c.name] for c in chorales if c.split == "valid" and c.meter.startswith("4/4")) == 341
    for chorale in chorales:
        assert chorale.onset[chorale.phrase_ends, 0].all(), chorale.name


def test_notes_are_those_that_music21_plays(chorales, tmp_path):
    import music21

    stored = next(c for c in chorales if c.name == "bwv66.6")
    music21.corpus.parse("bach/bwv66.6").write("midi", fp=tmp_path / "played.mid")
    grid, onset, _ = read_grid(tmp_path / "played.mid")
    length = len(stored.grid)
    assert np.array_equal(grid[:length], stored.grid) and (grid[length:] == REST).all()
    assert np.array_equal(onset[:length], stored.onset)


def test_dataset_is_rebuilt_byte_for_byte(tmp_path):
    (tmp_path / "jsb_split.csv").write_bytes((DATASET / "jsb_split.csv").read_bytes())
    bach.build_dataset(tmp_path, tmp_path / "midi")
    pairs = [(tmp_path / name, DATASET / name) for name in BUILT]
    pairs += [(tmp_path / "midi" / path.name, path) for path in MIDI.glob("*.mid")]
    for rebuilt, committed in pairs:
        assert rebuilt.read_bytes() == committed.read_bytes(), committed


# --- Reading and writing -----------------------------------------------------


def test_chorales_survive_the_file(chorales, tmp_path):
    # Lengths that are no multiple of eight, so that packed onsets end within a byte.
    cuts = zip(chorales[:3], (13, 30, 7), strict=True)
    some = [replace(c, grid=c.grid[:n], onset=c.onset[:n]) for c, n in cuts]
    save_chorales(tmp_path / "some.npz", some)
    back = load_chorales(tmp_path / "some.npz")
    assert [c.name for c in back] == [c.name for c in some]
    for one, other in zip(some, back, strict=True):
        for field in ("grid", "onset", "bars", "phrase_ends"):
            assert np.array_equal(getattr(one, field), getattr(other, field))
            assert getattr(one, field).dtype == getattr(other, field).dtype
        for field in ("split", "meter", "tonic", "mode", "sharps"):
            assert getattr(one, field) == getattr(other, field)
    sides = {c.split for c in load_chorales(DATASET / "chorales.npz", "valid")}
    assert sides == {"valid"}


def test_rolls_survive_the_file(tmp_path):
    grid = np.random.default_rng(0).integers(-1, 128, (3, 32, 5)).astype(np.int8)
    save_rolls(tmp_path / "own.npy", grid)
    assert np.array_equal(load_windows(tmp_path / "own.npy"), grid)
    assert [path.name for path in tmp_path.iterdir()] == ["own.npy"]


GOOD = np.full((2, 32, 128, 4), -1, np.int8)
BAD_FILES = {
    "text.npy": lambda path: path.write_text("not an array"),
    "empty.npy": lambda path: path.write_bytes(b""),
    "cut.npy": lambda path: (np.save(path, GOOD), path.write_bytes(path.read_bytes()[:1000])),
    "pickled.npy": lambda path: np.save(path, np.array([{"a": 1}], object), allow_pickle=True),
    "several.npy": lambda path: (
        np.savez(path.with_suffix(".npz"), GOOD),
        path.with_suffix(".npz").rename(path),
    ),
    "steps.npy": lambda path: np.save(path, GOOD[:, :16]),
    "flat.npy": lambda path: np.save(path, GOOD[0]),
    "number.npy": lambda path: np.save(path, np.int8(1)),
    "none.npy": lambda path: np.save(path, GOOD[:0]),
    "zeros.npy": lambda path: np.save(path, np.zeros_like(GOOD)),
    "nan.npy": lambda path: np.save(path, np.full(GOOD.shape, np.nan)),
    "words.npy": lambda path: np.save(path, np.full(GOOD.shape, "1")),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_rolls_are_named_with_what_was_expected_and_a_cure(tmp_path, name):
    path = tmp_path / name
    BAD_FILES[name](path)
    with pytest.raises(ValueError) as error:
        load_rolls(path)
    message = str(error.value)
    assert str(path) in message and "make dataset" in message
    assert "only -1 and +1" in message or "(samples, 32 steps, 128 pitches, tracks)" in message
    if name == "steps.npy":
        assert "(2, 16, 128, 4)" in message


def test_missing_files_are_named_with_a_cure(tmp_path):
    for load in (load_rolls, load_windows):
        with pytest.raises(FileNotFoundError, match=r"none\.npy is missing.*make dataset"):
            load(tmp_path / "none.npy")
    for load in (load_chorales, load_windows):
        with pytest.raises(FileNotFoundError, match=r"none\.npz is missing.*make dataset"):
            load(tmp_path / "none.npz")


def test_chords_in_a_track_are_refused(tmp_path):
    roll = GOOD.copy()
    roll[0, 3, [60, 64], 1] = 1
    np.save(tmp_path / "chords.npy", roll)
    with pytest.raises(ValueError, match=r"chords\.npy.*several notes at once"):
        load_windows(tmp_path / "chords.npy")


def test_bad_corpora_are_named_with_a_cure(tmp_path):
    (tmp_path / "text.npz").write_text("not an archive")
    np.savez(tmp_path / "other.npz", GOOD)
    np.save(tmp_path / "array.npy", GOOD)
    (tmp_path / "array.npy").rename(tmp_path / "array.npz")
    whole = (DATASET / "chorales.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    for name in ("text.npz", "other.npz", "array.npz", "cut.npz"):
        with pytest.raises(ValueError, match=rf"{name} cannot be read.*expected.*make dataset"):
            load_chorales(tmp_path / name)


def longer_second_beat(bars):
    """Draw bars of three beats out to four, in plain words: [step=12 n, voice] to [step=16 n, voice]."""
    return np.concatenate(
        [np.concatenate([bar[:8], [bar[7]] * 4, bar[8:]]) for bar in bars.reshape(-1, 12, bars.shape[-1])]
    )


def test_all_windows_of_the_training_chorales_are_served(chorales):
    windows = load_windows(DATASET / "chorales.npz")
    training = [c for c in chorales if c.split == "train"]
    expected = [c.grid[s : s + 32] for c in training for s in two_bar_starts(c)]
    in_three = [
        longer_second_beat(c.grid[s : s + 24])
        for c in training
        if c.meter == "3/4"
        for s in c.bars.tolist()
        if s + 12 in c.bars and s + 24 <= len(c.grid)
    ]
    sounding = [cut for cut in in_three if (cut != REST).reshape(2, 16, 4).any(axis=1).all()]
    assert np.array_equal(windows, expected + sounding)
    assert 500 < len(sounding) < len(in_three)


def test_three_beats_are_learned_as_they_are_heard(chorales):
    """The training windows of a piece are what the arranger lets a network hear of it."""
    for chorale in (c for c in chorales if c.split == "valid" and c.meter == "3/4"):
        pickup = Fraction(int(chorale.bars[0]), 4)
        meters = [Meter(Fraction(0), 3, 4)]
        heard = heard_steps(hear_in_common_time(meters, pickup, len(chorale.grid)))
        windows = windows_in_three([chorale])
        first = 16 if pickup else 0
        for number, window in enumerate(windows):
            start = first + 16 * number
            assert np.array_equal(window, chorale.grid[heard[start : start + 32]]), (chorale.name, number)
    assert windows_in_three([c for c in chorales if c.meter != "3/4"]).shape == (0, 32, 4)


def test_windows_begin_where_two_whole_bars_do(chorales):
    for chorale in chorales:
        assert window_starts(chorale) == two_bar_starts(chorale), chorale.name


# --- The user's own music ----------------------------------------------------


def test_our_own_midi_files_give_the_training_windows_back(rolls):
    pieces, report = own_music.read_pieces(MIDI)
    grid, _ = dataset_utils.windows(pieces)
    assert report == [] and grid.dtype == np.int8
    expected = roll_to_grid(rolls["train"])
    assert np.array_equal(grid, expected)


def write(path, grid, tempo=100.0):
    names = [f"voice {i}" for i in range(grid.shape[1])]
    write_midi(path, grid, onsets_of(grid), tempo, names)


def song(bars, voices, seed=0):
    return np.random.default_rng(seed).integers(40, 80, (16 * bars, voices)).astype(np.int8)


def test_windows_begin_at_every_bar_and_leave_out_where_a_voice_rests(tmp_path):
    grid = song(7, 3)
    grid[3 * 16 : 4 * 16, 1] = REST  # the fourth bar: no window may hold it
    grid[5 * 16 : 6 * 16 - 1, 2] = REST  # all but a step of the sixth: fine
    grid[-2:] = REST  # a last bar that stops early
    write(tmp_path / "song.MID", grid[:-2])
    pieces, report = own_music.read_pieces(tmp_path)
    windows, _ = dataset_utils.windows(pieces)
    assert report == []
    assert np.array_equal(windows, [grid[16 * bar : 16 * bar + 32] for bar in (0, 1, 4, 5)])
    save_rolls(tmp_path / "own.npy", windows)
    assert np.array_equal(load_windows(tmp_path / "own.npy"), windows)


def test_files_that_do_not_fit_are_reported(tmp_path):
    for number in range(3):
        write(tmp_path / f"good-{number}.mid", song(2, 2, number))
    write(tmp_path / "three.mid", song(4, 3))
    write(tmp_path / "solo.mid", song(2, 1))
    write(tmp_path / "short.mid", song(1, 2))
    (tmp_path / "text.mid").write_text("no music")
    (tmp_path / "notes.txt").write_text("not meant")
    waltz = mido.MidiFile(tmp_path / "good-0.mid")
    waltz.tracks[0][0] = mido.MetaMessage("time_signature", numerator=3, denominator=4)
    waltz.save(tmp_path / "waltz.mid")
    headless = mido.MidiFile(tmp_path / "good-0.mid")
    headless.tracks.append(headless.tracks[1])
    del headless.tracks[0]
    headless.save(tmp_path / "headless.mid")
    pieces, report = own_music.read_pieces(tmp_path)
    windows, _ = dataset_utils.windows(pieces)
    assert np.array_equal(windows, [song(2, 2, number) for number in range(3)])
    reasons = {
        "headless.mid": "3 voices, but most files have 2",
        "short.mid": "no two bars",
        "solo.mid": "voices: 1",
        "text.mid": "neither MIDI nor MusicXML",
        "three.mid": "3 voices, but most files have 2",
        "waltz.mid": "3/4",
    }
    for name, reason in reasons.items():
        assert any(name in line and reason in line for line in report), name
    assert len(report) == len(reasons)


def test_folders_without_usable_files_are_named_with_a_cure(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ValueError, match=rf"{folder} gives no.*0 files of music found.*Put MIDI"):
            own_music.read_pieces(folder)
    (tmp_path / "text.mid").write_text("no music")
    with pytest.raises(ValueError, match=r"1 files of music found.*text\.mid: neither MIDI"):
        own_music.read_pieces(tmp_path)


def test_a_folder_becomes_files_that_training_takes(tmp_path):
    for number in range(20):
        write(tmp_path / f"{number}.mid", song(4, 5, number))
    double = song(4, 5, 3)
    write(tmp_path / "again.mid", double + 2)  # the third one, in another key
    counts, report = own_music.build_own_dataset(tmp_path, tmp_path / "data", seed=5)
    assert report == []
    assert sum(pieces for pieces, _ in counts.values()) == 21
    assert 2 <= counts["valid"][0] <= 3 and 2 <= counts["test"][0] <= 3
    sides = {}
    for split, file in ROLL_FILES.items():
        path = tmp_path / "data" / file
        windows = load_windows(path)
        assert len(windows) == counts[split][1] == 3 * counts[split][0]
        assert count_voices(path) == 5
        for number in range(20):
            if any(np.array_equal(window, song(4, 5, number)[:32]) for window in windows):
                sides.setdefault(number, set()).add(split)
        if any(np.array_equal(window, double[:32] + 2) for window in windows):
            sides.setdefault(3, set()).add(split)
    assert len(sides) == 20 and all(len(side) == 1 for side in sides.values())
    text = (tmp_path / "data" / "report.txt").read_text()
    assert f"train: {counts['train'][0]} pieces" in text and "again.mid" in text
    other, _ = own_music.build_own_dataset(tmp_path, tmp_path / "other", seed=6)
    assert (tmp_path / "other" / "report.txt").read_text() != text
    assert sum(n for n, _ in other.values()) == 21


def test_too_little_of_ones_own_is_refused(tmp_path):
    for number in range(4):
        write(tmp_path / f"{number}.mid", song(4, 2) + number)  # one piece in four keys
    with pytest.raises(ValueError, match=r"4 pieces, of which 1 have nothing in common.*at least 3"):
        own_music.build_own_dataset(tmp_path, tmp_path / "data")
    for share in (0, 0.5):
        with pytest.raises(ValueError, match="held_out"):
            own_music.build_own_dataset(tmp_path, tmp_path / "data", held_out=share)
    assert not (tmp_path / "data").exists()


def test_tracks_go_where_they_are_told_and_scores_are_read(tmp_path, chorales):
    import music21

    music21.corpus.parse("bach/bwv66.6").write("musicxml", fp=tmp_path / "a.musicxml")
    (piece,), _ = own_music.read_pieces(tmp_path)
    stored = next(c for c in chorales if c.name == "bwv66.6")
    length = len(stored.grid)
    assert np.array_equal(piece.grid[:length], stored.grid) and (piece.grid[length:] == REST).all()
    assert np.array_equal(piece.onset[:length], stored.onset)
    assert piece.bars[0] == stored.bars[0] == 4
    (piece,), _ = own_music.read_pieces(tmp_path, ["tenor", 0])
    assert np.array_equal(piece.grid[:length], stored.grid[:, [2, 0]])
    with pytest.raises(ValueError, match=r"no track 'kazoo'"):
        own_music.read_pieces(tmp_path, ["kazoo", 0])


def test_the_command_makes_data_of_a_folder(tmp_path, capsys):
    for number in range(6):
        write(tmp_path / f"{number}.mid", song(3, 3, number))
    dataset_utils.main([str(tmp_path), str(tmp_path / "data"), "--tracks", "2", "0", "--held-out", "0.2"])
    assert "4 pieces, 8 windows" in capsys.readouterr().out
    assert count_voices(tmp_path / "data" / "train.npy") == 2
    with pytest.raises(SystemExit) as caught:
        dataset_utils.main([str(tmp_path / "none"), str(tmp_path / "data")])
    assert caught.value.code == 1


def test_data_that_could_not_be_judged_is_refused_at_once(tmp_path):
    np.save(tmp_path / "three.npy", load_rolls("dataset/valid.npy")[:2, ..., :3])
    check_alike("dataset/train.npy", "dataset/chorales.npz")
    with pytest.raises(ValueError, match=r"three\.npy has 3 voices, dataset/valid\.npy has 4"):
        check_alike(tmp_path / "three.npy", "dataset/valid.npy")


# --- Batches -----------------------------------------------------------------


def serve(grid, count, **options):
    batches = dataset_utils.batches(grid, **{"batch_size": 4, "seed": 1, **options})
    return [batch.numpy() for batch in batches.take(count)]


@pytest.fixture
def numbered():
    """Ten windows that tell which one they are: sample i holds the pitches 60 + i and rests."""
    grid = np.full((10, 32, 3), REST, np.int8)
    grid[:, ::2] = (60 + np.arange(10))[:, None, None] + np.array([0, -12, -24])
    return grid


def test_batches_are_rolls(numbered):
    (batch,) = serve(numbered, 1)
    assert batch.shape == (4, 32, 128, 3) and batch.dtype == np.int8
    assert set(np.unique(batch)) == {-1.0, 1.0}
    grid = roll_to_grid(batch)
    assert all(any(np.array_equal(window, known) for known in numbered) for window in grid)


def test_every_epoch_visits_every_window_once_in_a_new_order(numbered):
    # Ten windows in batches of four: five batches are two epochs, with a seam inside a batch.
    order = [int(window[0, 0]) for batch in serve(numbered, 10) for window in roll_to_grid(batch)]
    epochs = np.reshape(order, (4, 10))
    assert all(sorted(epoch) == list(range(60, 70)) for epoch in epochs.tolist())
    assert len({tuple(epoch) for epoch in epochs.tolist()}) == 4


@pytest.mark.parametrize("transpose", [False, True])
def test_batch_k_depends_on_seed_and_k_alone(numbered, transpose):
    whole = serve(numbered, 8, transpose=transpose)
    assert all(map(np.array_equal, whole, serve(numbered, 8, transpose=transpose)))
    for start in (1, 5, 7):
        assert all(
            map(np.array_equal, whole[start:], serve(numbered, 8 - start, transpose=transpose, start=start))
        )
    other = serve(numbered, 8, transpose=transpose, seed=2)
    assert not any(map(np.array_equal, whole, other))


def test_transposition_moves_all_voices_alike_and_keeps_rests(numbered):
    shifts = []
    for batch in serve(np.repeat(numbered[:1], 3, axis=0), 150, transpose=True):
        for window in roll_to_grid(batch):
            assert np.array_equal(window == REST, numbered[0] == REST)
            shift = np.unique(window[::2] - numbered[0, ::2])
            assert len(shift) == 1
            shifts.append(int(shift[0]))
    counts = Counter(shifts)
    assert set(counts) == set(range(-6, 6))
    assert min(counts.values()) > 25  # of 50 expected each
    assert any(len(set(shifts[epoch : epoch + 3])) == 3 for epoch in range(0, 30, 3))  # each its own
