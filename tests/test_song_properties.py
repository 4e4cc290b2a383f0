"""Any song goes through the whole chain: read, harmonized, written as MIDI and as a score, read back.

Made-up songs of all lengths, meters, pickups, rests and units of time; each gives its melody back, to the
tick, in bars that add up, or one MelodyError. ``SONG_EXAMPLES=5000`` tries so many instead of some hundred.
"""

import os
import tempfile
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import mido
import numpy as np
import pytest
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st
from test_arranger import Recorder
from test_reading import write_notes

from utils.arranger.prices import without_prices
from utils.arranger.search import decode, give_line
from utils.arranger.takes import harmonize
from utils.music import counting
from utils.music.grid import REST, quantize
from utils.music.meter import divide_into_bars
from utils.music.theory import voice_ranges
from utils.songs.engrave import read_notes
from utils.songs.melody import notated, read_melody, read_song
from utils.songs.song import MelodyError

EXAMPLES = int(os.environ.get("SONG_EXAMPLES", "250"))
HEALTH = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]


def tries(share=1):
    """Settings; the same examples every time unless more of them are asked for."""
    more = "SONG_EXAMPLES" in os.environ
    return settings(
        max_examples=max(1, int(EXAMPLES * share)),
        deadline=None,
        derandomize=not more,
        database=None,
        suppress_health_check=HEALTH,
    )


def stub(voices):
    """A generator that needs no network: the melody's own pitches in every voice."""
    return Recorder(lambda melody, noise: np.repeat(melody, voices, axis=-1), voices)


STEPS = st.one_of(st.integers(1, 12), st.sampled_from([1, 2, 4, 4, 8, 16]))
LENGTHS = st.one_of(
    STEPS.map(lambda steps: Fraction(steps, 4)),  # quarter notes
    st.sampled_from([Fraction(1, 3), Fraction(2, 3), Fraction(1, 6), Fraction(1, 32), Fraction(3, 16)]),
    st.fractions(Fraction(1, 100), 5, max_denominator=480),
)
PITCHES = st.one_of(st.integers(55, 84), st.integers(0, 127))
EVENTS = st.tuples(st.one_of(st.none(), PITCHES, PITCHES, PITCHES), LENGTHS)
METERS = st.tuples(st.integers(1, 13), st.integers(0, 6).map(lambda power: 2**power))
WHERE = st.one_of(st.integers(0, 100).map(lambda steps: Fraction(steps, 4)), st.fractions(0, 40))
SIGNATURES = st.lists(st.tuples(WHERE, METERS), max_size=5)
TICKS = st.one_of(st.sampled_from([480, 96, 120, 1, 2, 3, 32_767, 10_080]), st.integers(1, 32_767))
NAMES = st.one_of(st.just("Melody"), st.text(max_size=12))
PICKUPS = st.one_of(st.none(), st.none(), st.fractions(0, 6), st.floats())


@st.composite
def songs(draw):
    """Lines of notes, where meters change, ticks a beat, names: what write_notes takes."""
    ticks = draw(TICKS)
    lines = draw(st.lists(st.lists(EVENTS, min_size=1, max_size=60), min_size=1, max_size=3))
    parts = []
    for line in lines:
        now, notes = Fraction(0), []
        for pitch, length in line:
            start, end = round(now * ticks), round((now + length) * ticks)
            if pitch is not None and start < end:
                notes.append((start, end, pitch, 1 + pitch % 127))
            now += length
        parts.append((draw(NAMES), notes))
    conductor = [
        mido.MetaMessage("time_signature", numerator=over, denominator=under, time=round(beat * ticks))
        for beat, (over, under) in draw(SIGNATURES)
    ]
    conductor += [
        mido.MetaMessage("key_signature", key=key, time=round(beat * ticks))
        for beat, key in draw(
            st.lists(st.tuples(WHERE, st.sampled_from(["C", "Abm", "F#", "Gm"])), max_size=2)
        )
    ]
    return parts, sorted(conductor, key=lambda message: message.time), ticks


@given(songs(), PICKUPS, st.integers(2, 8), st.integers(0, 9))
@tries()
def test_every_song_keeps_its_melody_in_bars_that_add_up(song, pickup, voices, lot):
    parts, conductor, ticks = song
    with tempfile.TemporaryDirectory() as folder:
        path = write_notes(Path(folder) / "in.mid", *parts, conductor=conductor, ticks=ticks)
        try:
            melody = read_melody(path, pickup=pickup)
        except MelodyError as error:
            assert error.reason and error.advice
            event(f"refused: {error.reason.split('(')[0][:20]}")
            return
        event("arranged")
        lines = [[note[:3] for note in notes] for _, notes in parts]
        assert [note[:3] for note in melody.notes] in lines  # a line of one voice is taken whole
        check_arrangement(harmonize(melody, takes=1, generator=stub(voices)), Path(folder), music21=lot == 0)


PAIRS = st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 127)), LENGTHS), min_size=1, max_size=40)


@given(PAIRS, PICKUPS)
@tries(1 / 4)
def test_typed_notes_likewise(pairs, pickup):
    with tempfile.TemporaryDirectory() as folder:
        try:
            melody = read_melody(pairs, pickup=pickup)
        except MelodyError:
            return
        assert len(melody.notes) == sum(pitch is not None for pitch, _ in pairs)
        check_arrangement(harmonize(melody, takes=1, generator=stub(4)), Path(folder))


def check_arrangement(arrangement, folder, music21=False):
    """Write and read back; compare everything that has to stay."""
    melody, grid = arrangement.melody, arrangement.grid
    place = arrangement.place
    np.testing.assert_array_equal(grid[:, place], melody.grid)
    ranges, others = np.delete(voice_ranges(grid.shape[1]), place, axis=0), np.delete(grid, place, axis=1)
    assert ((others == REST) | ((others >= ranges[:, 0]) & (others <= ranges[:, 1]))).all()
    assert (np.diff(arrangement.bars) > 0).all()

    back = read_song(arrangement.write(folder / "out.mid"))
    finer = back.ticks_per_beat // melody.ticks_per_beat
    own = [note._replace(start=finer * note.start, end=finer * note.end) for note in melody.notes]
    sounding = [voice for voice in range(grid.shape[1]) if (grid[:, voice] != REST).any()]
    by_voice = dict(zip(sounding, back.parts, strict=True))
    assert by_voice.pop(place).notes == own
    assert back.conductor == tuple(
        message.copy(time=finer * message.time)
        for message in melody.conductor
        if finer * message.time <= max(note.end for part in back.parts for note in part.notes)
    )
    for voice, part in by_voice.items():
        found, onset = quantize(part.notes, back.ticks_per_beat, len(grid))
        np.testing.assert_array_equal(found[: len(grid)], grid[:, voice])
        np.testing.assert_array_equal(onset[: len(grid)], arrangement.onset[:, voice])

    file = arrangement.write(folder / "out.musicxml")
    check_bars(file, melody)
    shown = notated(melody)
    _, parts, _ = read_notes(file)
    assert parts[arrangement.place] == shown
    if music21:
        event("read back by music21")
        score = read_song(file)
        track = [part.name for part in score.parts].index(names_of(file)[arrangement.place])
        assert [(note.start, note.pitch) for note in score.parts[track].notes] == [
            (round(start * score.ticks_per_beat), pitch) for start, _, pitch in shown
        ]
        again = read_melody(file, track=track)
        if np.array_equal([again.grid, again.onset], [melody.grid, melody.onset]):  # else it lay off the grid
            event("phrases read back")
            assert again.phrase_ends == melody.phrase_ends


def names_of(file):
    return [entry.text for entry in ElementTree.parse(file).iter("part-name")]


def check_bars(file, melody):
    """Each bar of each part is as long as it should be, and the music fits in."""
    root = ElementTree.parse(file).getroot()
    lengths = []
    for part in root.findall("part"):
        divisions = int(part.findtext("measure/attributes/divisions"))
        lengths.append(
            [
                Fraction(sum(int(note.findtext("duration")) for note in bar.findall("note")), divisions)
                for bar in part.findall("measure")
            ]
        )
    assert all(own == lengths[0] for own in lengths)
    bars = divide_into_bars(melody.meters, melody.pickup, sum(lengths[0]), melody.bars)
    assert lengths[0] == [bar.end - bar.start for bar in bars]
    assert sum(lengths[0]) >= Fraction(len(melody.grid), 4)


# --- The search counts what the measure counts ------------------------------------


def count_parallels(grid):
    """Parallel unisons, fifths and octaves of int [step, voice], pair by pair, in plain words."""
    count = 0
    for before, now in zip(grid[:-1].tolist(), grid[1:].tolist(), strict=True):
        for upper in range(len(now)):
            for lower in range(upper + 1, len(now)):
                moved = now[upper] - before[upper], now[lower] - before[lower]
                kinds = [perfect(pair[upper] - pair[lower]) for pair in (before, now)]
                count += moved[0] * moved[1] > 0 and kinds[0] == kinds[1] != None  # noqa: E711
    return count


def perfect(distance):
    distance = abs(distance)
    return "unison" if distance == 0 else {0: "octave", 7: "fifth"}.get(distance % 12)


@given(st.integers(0, 10**6), st.integers(2, 5), st.integers(0, 4))
@example(seed=0, voices=4, place=0)
@tries(1 / 5)
def test_the_search_counts_parallels_as_musicians_do(seed, voices, place):
    rng, place = np.random.default_rng(seed), place % voices
    ranges = np.array(voice_ranges(voices))
    grid = rng.integers(ranges[:, 0], ranges[:, 1] + 1, (12, voices))
    steps = np.cumsum(rng.integers(-2, 3, (12, 1)), axis=0)  # many parallels
    grid = np.where(rng.random((12, 1)) < 0.7, np.clip(grid[:1] + steps, ranges[:, 0], ranges[:, 1]), grid)
    grid = grid.repeat(4, axis=0)  # voices move with the beats
    others = np.delete(grid, place, axis=1)
    certain = np.full((48, voices - 1, 128), 1e-4)
    np.put_along_axis(certain, others[..., None], 1.0, axis=-1)
    # Too little to avoid one.
    costs = replace(without_prices(), crowd=1e-3)
    found, price = decode(*give_line(certain, grid[:, place], place), costs, tune=place)
    np.testing.assert_array_equal(found, grid)
    assert 48 * price / 1e-3 == pytest.approx(count_parallels(grid), abs=0.01)
    assert counting.count_parallels(grid).sum() == count_parallels(grid)
