"""Any part given, bars redone, notes changed: what is kept stays, and the rest is written around it."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_arranger import HOLD, Recorder, made_up_melody

from utils import harmonize as harmonize_command
from utils.arranger import proposals
from utils.arranger.takes import change, fill_rests, harmonize, harmonize_given, harmonize_takes, redo
from utils.music.grid import REST, grid_to_roll
from utils.music.measures import chordal_share
from utils.networks.store import load_shipped_generator
from utils.songs.parts import read_parts
from utils.songs.song import MelodyError

ROOT = Path(__file__).parent.parent
INPUTS = Path(__file__).parent / "inputs"
TWINKLE = ROOT / "input_twinkle_twinkle.mid"
VOICES = ("soprano", "alto", "tenor", "bass")


class Listener(Recorder):
    """A generator that may be given any part, and proposes the same chord throughout."""

    input_shape = ((None, None, 128, 4), (None, None, 8, 512))
    output_shape = (None, None, 128, 4)

    def __init__(self, chord=(72, 67, 64, 48)):
        def answer(heard, noise):
            sure = grid_to_roll(np.broadcast_to(chord, (*heard.shape[:2], 4)))
            return sure.astype(np.float32)

        super().__init__(answer)

    @property
    def heard(self):
        """What it was given in the last call: its grid [step, voice], and where nothing was said."""
        rolls = np.asarray(self.calls[-1][0])[0]
        return np.where((rolls == 0).all(axis=1), REST, rolls.argmax(axis=1)), (rolls == 0).all(axis=1)


@pytest.fixture(scope="module")
def twinkle():
    return harmonize(TWINKLE)


@pytest.fixture(scope="module")
def twinkle_file(twinkle, tmp_path_factory):
    return twinkle.write(tmp_path_factory.mktemp("twinkle") / "twinkle.musicxml")


# ------------------------------------------------------------------------------------ what the network hears
def test_a_network_hears_what_is_given_and_zero_elsewhere():
    given = np.array([[72, REST, 60, REST]] * 16 + [[74, 67, REST, REST]] * 16)
    listener = Listener()
    proposals.propose(listener, given, keys=(0, -2))
    rolls = np.asarray(listener.calls[-1][0])
    for sample, key in enumerate((0, -2)):
        told = given != REST
        np.testing.assert_array_equal((rolls[sample] == 0).all(axis=1), ~told)
        np.testing.assert_array_equal(rolls[sample].argmax(axis=1)[told], given[told] + key)
        assert set(np.unique(rolls[sample][:, :, 0])) == {-1, 1}


def test_a_network_that_knows_melodies_hears_the_first_voice_alone():
    recorder = Recorder(lambda heard, noise: np.zeros((*heard.shape[:3], 4), np.float32))
    given = np.array([[72, 67, 60, 48]] * 32)
    proposals.propose(recorder, given)
    np.testing.assert_array_equal(recorder.calls[-1][0], grid_to_roll(given[None, :, :1]))


@pytest.mark.parametrize("voice", range(4))
def test_a_tune_is_heard_in_its_own_voice(voice):
    line = np.repeat([[72, 74, 76, 72], [55, 54, 56, 55], [50, 52, 51, 50], [43, 45, 47, 43]][voice], 8)
    listener = Listener()
    arrangement = harmonize(made_up_melody(line), generator=listener)
    heard, unknown = listener.heard
    np.testing.assert_array_equal(unknown, np.tile(np.arange(4) != voice, (32, 1)))
    np.testing.assert_array_equal(heard[:, voice], line)
    assert arrangement.place == voice
    np.testing.assert_array_equal(arrangement.grid[:, voice], line)


def test_a_take_depends_on_every_kept_voice():
    """The shipped network listens to a bass, not to the melody alone."""
    melody = np.repeat([72, 74, 76, 74, 72, 71, 72, 72], 4)
    grids = []
    for bass in ([48, 47, 48, 50, 52, 55, 48, 48], [45, 50, 45, 47, 45, 52, 45, 45]):
        given = np.full((32, 4), REST)
        given[:, 0], given[:, 3] = melody, np.repeat(bass, 4)
        (take,) = harmonize_given(load_shipped_generator(), given, sober=1, costs=HOLD)
        np.testing.assert_array_equal(take.grid[:, [0, 3]], given[:, [0, 3]])
        grids.append(take.grid[:, 1:3])
    assert (grids[0] != grids[1]).mean() > 0.2


# ---------------------------------------------------------------------------------------- kept whole voices
@pytest.mark.parametrize("keep", ["bass", "soprano bass", "alto tenor", "tenor", "all"])
def test_kept_voices_come_out_as_they_were(twinkle, twinkle_file, keep):
    names = VOICES if keep == "all" else keep.split()
    columns = [VOICES.index(name) for name in names]
    arrangement = harmonize(twinkle_file, keep=keep)
    np.testing.assert_array_equal(arrangement.grid[:, columns], twinkle.grid[:, columns])
    np.testing.assert_array_equal(arrangement.onset[:, columns], twinkle.onset[:, columns])
    assert arrangement.kept[:, columns].all()
    assert arrangement.kept.sum() == arrangement.kept[:, columns].sum()
    assert arrangement.place == columns[0]


def test_rests_of_kept_voices_are_filled_for_the_network_and_stay_rests():
    grid = np.array([[72, 64, 60, 48]] * 8 + [[74, REST, 62, 50]] * 8 + [[REST, 65, 62, 50]] * 16)
    kept = np.zeros(grid.shape, bool)
    kept[:, :2] = True
    kept[20:24, 3] = True
    given = fill_rests(grid, kept)
    np.testing.assert_array_equal(given == REST, ~kept)
    np.testing.assert_array_equal(given[8:16, 1], 64)
    np.testing.assert_array_equal(given[16:, 0], 74)
    tune, alto = made_up_melody(grid[:, 0]), made_up_melody(grid[:, 1])
    arrangement = harmonize(tune, keep={"soprano": tune, "alto": alto}, generator=Listener())
    np.testing.assert_array_equal(arrangement.grid[:, :2], grid[:, :2])
    assert (arrangement.grid[:, 2:] != REST).all()  # the others go on where one voice rests


def test_voices_rest_where_all_that_is_given_is_silent_for_long():
    tune = np.array([72] * 16 + [REST] * 32 + [74] * 16)
    bass = np.array([48] * 16 + [REST] * 16 + [50] * 32)
    keep = {"soprano": made_up_melody(tune), "bass": made_up_melody(bass)}
    alone = harmonize(keep["soprano"], generator=Listener())
    np.testing.assert_array_equal(alone.grid[:, 1] == REST, tune == REST)
    both = harmonize(keep["soprano"], keep=keep, generator=Listener())
    np.testing.assert_array_equal(both.grid[:, 1] == REST, (tune == REST) & (bass == REST))


def test_a_network_that_knows_melodies_only_keeps_parts_too(twinkle, twinkle_file):
    recorder = Recorder(lambda heard, noise: np.zeros((*heard.shape[:3], 4), np.float32))
    for keep, columns in {"soprano bass": [0, 3], "bass": [3], "alto": [1]}.items():
        arrangement = harmonize(twinkle_file, keep=keep, generator=recorder)
        np.testing.assert_array_equal(arrangement.grid[:, columns], twinkle.grid[:, columns])


# ------------------------------------------------------------------------------------------------- redoing
@pytest.mark.parametrize(
    ("bars", "voices", "steps"),
    [("5-8", None, slice(64, 128)), ("1 12", "bass", None), (3, ["alto", "tenor"], slice(32, 48))],
)
def test_redoing_changes_nothing_else(twinkle, bars, voices, steps):
    found = redo(twinkle, bars, voices, seed=3)
    free = np.zeros(twinkle.grid.shape, bool)
    if steps is None:
        free[:16] = free[-16:] = True
    else:
        free[steps] = True
    for column, name in enumerate(VOICES):
        if column == 0 or (voices and name not in voices):
            free[:, column] = False
    assert (found.grid != twinkle.grid)[free].any()
    np.testing.assert_array_equal(found.grid[~free], twinkle.grid[~free])
    struck = found.onset != twinkle.onset
    struck[1:] &= ~free[:-1]  # where a kept note follows one that has changed, it may have to begin anew
    assert not struck[~free].any()
    assert found.previous is twinkle
    assert found.melody is twinkle.melody


def test_seeds_reproduce_what_is_redone(twinkle):
    one, same, other = (redo(twinkle, "5-8", seed=seed).grid for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
    sober = redo(twinkle, "5-8", creativity=0)
    np.testing.assert_array_equal(sober.grid, redo(twinkle, "5-8", seed=9, creativity=0).grid)


@given(st.sets(st.integers(1, 12), min_size=1), st.sets(st.sampled_from(VOICES[1:]), min_size=1))
@settings(max_examples=12, deadline=None, derandomize=True, database=None)
def test_any_bars_of_any_voices_can_be_redone(twinkle, bars, voices):
    found = redo(twinkle, sorted(bars), sorted(voices), generator=Listener((72, 69, 65, 53)), costs=HOLD)
    free = np.isin(np.arange(192) // 16 + 1, list(bars))[:, None] & np.isin(VOICES, list(voices))
    np.testing.assert_array_equal(found.grid[~free], twinkle.grid[~free])


def test_the_network_hears_what_is_kept_when_bars_are_redone(twinkle):
    listener = Listener()
    redo(twinkle, "5-8", "alto tenor", generator=listener)
    heard, unknown = listener.heard
    free = np.zeros(twinkle.grid.shape, bool)
    free[64:128, 1:3] = True
    np.testing.assert_array_equal(unknown, free)
    np.testing.assert_array_equal(heard[~free], twinkle.grid[~free])


def test_a_file_that_came_back_can_be_redone(twinkle, twinkle_file):
    found = harmonize(twinkle_file, keep="all", redo="5-8", redo_voices="alto tenor", seed=1)
    np.testing.assert_array_equal(found.grid, redo(twinkle, "5-8", "alto tenor", seed=1).grid)
    assert not found.kept[64:128, 1:3].any()
    assert found.kept[:64].all()


def test_what_was_given_is_redone_only_if_it_is_named(twinkle_file):
    arrangement = harmonize(twinkle_file, keep="soprano bass")
    by_default = redo(arrangement, "2-3", seed=5)
    np.testing.assert_array_equal(by_default.grid[:, 3], arrangement.grid[:, 3])
    named = redo(arrangement, "2-3", "bass", seed=5)
    assert not named.kept[16:48, 3].any()
    np.testing.assert_array_equal(named.grid[:, :3], arrangement.grid[:, :3])


@pytest.mark.parametrize(
    ("bars", "voices", "message"),
    [
        ("40", None, "there is no bar 40: its bars are 1 to 12"),
        ("soon", None, "soon names no bars"),
        ("3", "baritone", "no voice 'baritone'. The voices are soprano, alto, tenor, bass"),
        ("3", "soprano", "nothing there may be written anew"),
    ],
)
def test_what_cannot_be_redone_is_said(twinkle, bars, voices, message):
    with pytest.raises(MelodyError, match=message):
        redo(twinkle, bars, voices)


# ---------------------------------------------------------------------------------------- a note is changed
def test_a_changed_note_is_kept_and_the_others_follow(twinkle):
    place = next(s for s in range(32, 160) if twinkle.onset[s, 3] and s % 4 == 0)
    bar, beat = place // 16 + 1, place % 16 // 4 + 1
    wanted = int(twinkle.grid[place, 3]) - 1
    found = change(twinkle, "bass", f"{bar}:{beat}", wanted)
    end = place + 1 + int(np.argmax(np.append(twinkle.onset[place + 1 :, 3], True)))
    np.testing.assert_array_equal(found.grid[place:end, 3], wanted)
    assert found.onset[place, 3]
    assert found.kept[place:end, 3].all()
    assert found.previous is twinkle
    around = np.zeros(192, bool)
    around[max(0, place - 4) : end + 4] = True
    np.testing.assert_array_equal(found.grid[~around], twinkle.grid[~around])
    np.testing.assert_array_equal(found.grid[:, 0], twinkle.grid[:, 0])
    again = redo(found, seed=2)  # a change stays when everything else is written anew
    np.testing.assert_array_equal(again.grid[place:end, 3], wanted)


def test_voices_around_a_changed_note_make_a_chord_with_it(twinkle):
    """Where a changed bass note clashes, the others move as a rule; where it does not, they may stay."""
    clashes, chords = [], []
    for step, after in pairwise(np.flatnonzero(twinkle.onset[:, 3])):
        for wanted in twinkle.grid[step, 3] - [1, 2] if after - step >= 4 and step % 4 == 0 else ():
            alone = twinkle.grid[step : step + 4].copy()
            alone[:, 3] = wanted
            if chordal_share(alone) < 1:
                at = f"{step // 16 + 1}:{step % 16 // 4 + 1}"
                found = change(twinkle, "bass", at, int(wanted)).grid[step : step + 4]
                clashes.append(chordal_share(alone))
                chords.append(chordal_share(found))
    assert len(clashes) >= 4
    assert np.mean(chords) > np.mean(clashes) + 0.2


@pytest.mark.parametrize(
    ("voice", "at", "pitch", "message"),
    [
        ("soprano", "2:1", "C5", "the melody is its owner's"),
        ("bass", "2:1", "H5", "H5 is no pitch"),
        ("bass", "2:1", 200, "200 is no pitch"),
        ("bass", "20:1", "C3", "its bars are 1 to 12"),
        ("cello", "2:1", "C3", "no voice 'cello'"),
    ],
)
def test_what_cannot_be_changed_is_said(twinkle, voice, at, pitch, message):
    with pytest.raises(MelodyError, match=message):
        change(twinkle, voice, at, pitch)


# -------------------------------------------------------------------------------------------- chords, takes
def test_wanted_chords_lead_the_search_as_closely_as_asked():
    melody = made_up_melody(np.repeat([72, 72, 76, 79], 16))
    figures = "C | F | Am | G"
    roots = np.repeat([0, 5, 9, 7], 16)
    followed = []
    for closeness in (0, 1):
        found = harmonize(melody, chords=figures, closeness=closeness)
        followed.append(np.mean(found.grid[::4, 3] % 12 == roots[::4]))
    assert followed[1] > 0.8 > followed[0]


def test_one_take_by_default_and_noise_when_a_seed_is_asked_for():
    sober, seeded, same, other = (
        harmonize(TWINKLE, **o) for o in ({}, {"seed": 1}, {"seed": 1}, {"seed": 2})
    )
    assert not sober.noise.any()
    assert seeded.noise.any()
    np.testing.assert_array_equal(seeded.grid, same.grid)
    assert (seeded.grid != other.grid).any()
    first, second = harmonize_takes(TWINKLE, takes=2, seed=1)
    np.testing.assert_array_equal(first.grid, sober.grid)
    assert second.noise.any()


# ---------------------------------------------------------------------------------------------- the command
def test_the_command_keeps_and_redoes(twinkle, twinkle_file, tmp_path, capsys):
    out = tmp_path / "out.musicxml"
    words = [
        "--keep",
        "all",
        "--redo",
        "5-8",
        "--voices",
        "alto",
        "tenor",
        "--seed",
        "1",
        "--output",
        str(out),
    ]
    assert harmonize_command.main([str(twinkle_file), *words]) == 0
    found = read_parts(out, "all")
    grid = np.column_stack([found.parts[voice].grid for voice in range(4)])
    np.testing.assert_array_equal(grid, redo(twinkle, "5-8", "alto tenor", seed=1).grid)
    capsys.readouterr()
    assert harmonize_command.main([str(twinkle_file), "--keep", "all", "--redo", "50"]) == 1
    assert "there is no bar 50" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--redo", "5-8"], ["--voices", "alto"], ["--closeness", "-1"]])
def test_the_command_refuses_what_makes_no_sense(words, capsys):
    with pytest.raises(SystemExit):
        harmonize_command.main([str(TWINKLE), *words])
    assert words[0] in capsys.readouterr().err


@pytest.mark.parametrize("ending", [".mid", ".musicxml"])
def test_a_changed_note_of_a_kept_part_is_written_changed(twinkle_file, tmp_path, ending):
    arrangement = harmonize(twinkle_file, keep="soprano bass")
    wanted = int(arrangement.grid[16, 3]) + 2
    changed = arrangement.change("bass", "2:1", wanted)
    found = read_parts(changed.write(tmp_path / f"changed{ending}"), "all").parts
    np.testing.assert_array_equal(found[3].grid, changed.grid[:, 3])
    assert found[3].grid[16] == wanted
    owner = {note.start: note.pitch for note in arrangement.parts[3].notes}
    others = [note for note in changed.parts[3].notes if note.pitch != owner[note.start]]
    assert len(others) == 1
