"""What a musician hears: each measure on a few chords that tell it from a wrong one, and on Bach."""

import time
from itertools import combinations, pairwise
from pathlib import Path

import music21
import numpy as np
import pytest

from utils.corpus.pieces import load_chorales
from utils.music import beats, cadences, lines
from utils.music.counting import share
from utils.music.grid import REST, onsets_of
from utils.music.hearing import hear
from utils.music.musician import measure_musically, pool

CHORALES = Path(__file__).parent.parent / "dataset" / "chorales.npz"
# In C major, from the top.
ONE, V, IV = (72, 67, 64, 48), (71, 67, 62, 43), (72, 69, 65, 53)
I6, I64, V7 = (72, 67, 60, 52), (72, 67, 64, 55), (71, 65, 62, 43)
II, VI, LEADING = (74, 69, 65, 50), (72, 64, 60, 57), (74, 65, 62, 47)


def piece(*chords):
    """Chords of a beat each, or (chord, steps) of other lengths."""
    timed = [chord if isinstance(chord[0], tuple) else (chord, 4) for chord in chords]
    return np.repeat([chord for chord, _ in timed], [steps for _, steps in timed], axis=0)


def listen(*chords, tonic=0, mode="major", ends=(), bars=None, onset=None):
    grid = piece(*chords)
    bars = np.arange(0, len(grid), 16) if bars is None else bars
    onset = onsets_of(grid) if onset is None else onset
    return measure_musically(grid, onset, bars, tonic, mode, ends)


def heard(*chords, tonic=0, mode="major", ends=(), bars=(0,)):
    grid = piece(*chords)
    return hear(grid, onsets_of(grid), bars, tonic, mode, ends)


@pytest.fixture(scope="module")
def chorales():
    return [c for c in load_chorales(CHORALES, "valid") if c.meter.startswith("4/4")]


def measure(chorale, grid=None):
    grid = chorale.grid if grid is None else grid
    return measure_musically(
        grid, chorale.onset, chorale.bars, chorale.tonic, chorale.mode, chorale.phrase_ends
    )


# --- Chords of the beats ---


OF_MUSIC21 = {
    "major": "isMajorTriad",
    "minor": "isMinorTriad",
    "diminished": "isDiminishedTriad",
    "dominant seventh": "isDominantSeventh",
    "half-diminished seventh": "isHalfDiminishedSeventh",
    "diminished seventh": "isDiminishedSeventh",
}


@pytest.mark.parametrize("name", ["bwv66.6", "bwv244.15", "bwv269"])
def test_chords_are_those_that_music21_names(name):
    """Kind, root and bass of every complete chord of a chorale, as its own spelling has them."""
    found = missed = 0
    for chord in music21.corpus.parse(f"bach/{name}").chordify().recurse().getElementsByClass("Chord"):
        pitches = [pitch.midi for pitch in chord.pitches]
        ours = beats.name_chords(np.array([pitches])).take(0)
        theirs = [kind for kind, method in OF_MUSIC21.items() if getattr(chord, method)()]
        kind = beats.NAMES[ours.kind] if ours.found else None
        missed += kind in OF_MUSIC21 and not theirs  # spelled as no chord: B D E#
        assert not theirs or theirs == [kind], chord
        assert ours.bass == chord.bass().pitchClass
        if theirs and kind != "diminished seventh":  # of which any tone may be the root
            assert ours.root == chord.root().pitchClass
            found += 1
    assert found > 40 and missed < 3


@pytest.mark.parametrize(
    ("tones", "name"),
    [
        ((60, 64), "major without fifth"),
        ((60, 63), "minor without fifth"),
        ((55, 60), "open fifth"),
        ((60, 64, 70), "dominant seventh without fifth"),
        ((60, 63, 70), "minor seventh without fifth"),
        ((60, 64, 71), "major seventh without fifth"),
        ((60, 62, 67), None),
        ((60, 72), None),
    ],
)
def test_incomplete_chords_have_names_of_their_own(tones, name):
    chord = beats.name_chords(np.array([tones])).take(0)
    assert (beats.NAMES[chord.kind] if chord.found else None) == name
    assert chord.root == (0 if name else beats.NONE) and chord.bass == min(tones) % 12


def test_chord_of_a_beat_is_looked_for_on_the_beat_then_on_its_half():
    suspended, between = (77, 67, 60, 48), (74, 67, 60, 48)
    by_beat = heard((suspended, 1), (V, 1), (ONE, 2), ONE, (suspended, 4), (between, 3), (IV, 1)).by_beat
    assert by_beat.step.tolist() == [2, 4, 8, 15]  # the half before the sixteenth; none at all; the last
    assert by_beat.root.tolist() == [0, 0, beats.NONE, 5]


def test_beats_are_counted_from_bar_lines():
    assert beats.find_beats(24, [2, 18]).tolist() == [2, 6, 10, 14, 18, 22]
    assert beats.find_beats(20, [4, 10]).tolist() == [0, 4, 8, 10, 14, 18]  # a bar cut short
    assert beats.find_beats(10, []).tolist() == [0, 4, 8]
    assert beats.find_beats(8, [0, 8, 24]).tolist() == [0, 4]


# --- Phrases ---


def cadence(*chords, **options):
    grid = piece(*chords)
    return cadences.CADENCES[cadences.name_cadences(heard(*chords, ends=[len(grid) - 4], **options))[0]]


@pytest.mark.parametrize(
    ("chords", "tonic", "name"),
    [
        ((IV, V, ONE), 0, "authentic"),
        ((IV, V7, ONE), 7, "authentic"),  # in whatever key
        ((ONE, LEADING, ONE), 0, "authentic"),
        ((IV, (I64, 2), (V, 2), ONE), 0, "authentic"),  # the dominant comes with the last eighth
        ((IV, (I64, 1), (V, 2), ((71, 69, 65, 43), 1), ONE), 0, "authentic"),  # and something after it
        ((V, (IV, 8), ONE), 0, "plagal"),
        ((IV, V, I6), 0, "none"),
        ((IV, V, (72, 67, 70, 48)), 0, "none"),
        ((IV, V), 0, "half"),
        ((II, ONE, V), 0, "half"),
        ((V, ONE, V), 7, "plagal"),  # the same chords, but at home in G
        ((IV, V, VI), 0, "deceptive"),
        ((ONE, VI), 0, "none"),
        ((ONE, ONE), 0, "none"),
    ],
)
def test_cadences_have_their_names(chords, tonic, name):
    assert cadence(*chords, tonic=tonic) == name


def test_phrases_end_on_triads_in_root_position_as_their_last_note_begins():
    suspended = (72, 67, 65, 48)
    for chord, good in ((ONE, 1), (I6, 0), (I64, 0), ((72, 67, 70, 48), 0), ((72, 67, 60, 48), 1)):
        told = listen(V, chord, ONE, ends=[4])
        assert told["phrases end on a root-position triad"] == (good, 1)
    told = listen(V, (suspended, 2), (ONE, 2), V, ONE, ends=[4, 12])
    assert told["phrases end on a root-position triad"] == (1, 2)
    assert told["phrases end in major"] == (1, 2)
    assert listen(V, ONE)["authentic cadences"] == (0, 0)  # nobody has said where phrases end


def test_voices_rest_or_move_under_the_last_note():
    moving = ((ONE, 2), ((72, 67, 62, 48), 2))
    told = listen(V, *moving, V, *moving, ((71, 67, 62, 43), 3), ((72, 60, 62, 43), 1), ends=[4])
    # The note before the last is of three steps: too short to count.
    assert told["voices move at phrase ends"] == (1, 1)
    assert told["voices move elsewhere"] == (1, 3)
    late = ((ONE, 4), ((72, 67, 62, 48), 4))
    told = listen(V, *late, ends=[4])
    assert told["voices move at phrase ends"] == (0, 1)
    assert told["voices move at phrase ends, however late"] == (1, 1)
    # A new chord with the note is no motion under it, nor is a voice that falls silent.
    told = listen(V, (ONE, 2), ((72, REST, 64, 48), 6), ends=[4])
    assert told["voices move at phrase ends"] == (0, 1)
    # The melody strikes its note again: two notes.
    chords = (ONE, 2), (I6, 6)
    onset = onsets_of(piece(*chords))
    onset[4, 0] = True
    assert listen(*chords)["voices move elsewhere"] == (1, 1)
    assert listen(*chords, onset=onset)["voices move elsewhere"] == (1, 2)


@pytest.mark.parametrize(
    ("first", "last", "told"),
    [
        (ONE, ONE, (1, 1)),
        (I6, ONE, (0, 1)),
        (ONE, I6, (1, 0)),
        (V, V, (0, 0)),
        (ONE, (72, 67, 70, 48), (1, 0)),
    ],
)
def test_the_piece_begins_and_ends_at_home(first, last, told):
    silent = (REST,) * 4
    counts = listen((silent, 3), (first, 1), V, last, (silent, 8), bars=[4])
    assert (counts["begins on the tonic"], counts["ends on the tonic"]) == ((told[0], 1), (told[1], 1))


def test_minor_pieces_end_in_major_or_not():
    minor = (72, 67, 63, 48)
    assert listen(V, ONE, mode="minor")["minor ends in major"] == (1, 1)
    assert listen(V, minor, mode="minor")["minor ends in major"] == (0, 1)
    assert listen(V, ONE)["minor ends in major"] == (0, 0)


# --- Chords ---


def test_sevenths_of_lower_voices_resolve_down_by_step():
    name = "sevenths resolved"
    assert listen(V7, (72, 64, 60, 48))[name] == (1, 1)  # F to E
    assert listen(V7, V7, (72, 64, 60, 48))[name] == (1, 1)  # held over two beats: one note
    assert listen(V7, (72, 67, 64, 48))[name] == listen(V7, (72, 69, 64, 48))[name] == (0, 1)  # up
    assert listen(ONE, V7)[name] == (0, 1)  # nowhere
    assert listen((77, 71, 62, 43), (76, 72, 60, 48))[name] == (0, 0)  # the melody's is not theirs


def test_six_four_chords_need_a_reason():
    name = "stray 6/4 per 100 beats"
    stray = (IV, I64, (74, 69, 65, 57))
    assert listen(*stray)[name] == (1, pytest.approx(0.03))
    assert listen(IV, I64, (71, 67, 62, 55))[name][0] == 0  # cadential
    assert listen(IV, (I64, 2), ((71, 67, 62, 55), 2), VI)[name][0] == 0  # within the beat
    assert listen((72, 69, 65, 53), I64, (72, 69, 65, 57))[name][0] == 0  # passing
    assert listen((72, 69, 65, 53), I64, (72, 69, 65, 53))[name][0] == 1  # in by step, but back
    assert listen((71, 67, 62, 55), I64, VI)[name][0] == 0  # over a held bass
    assert listen(IV, I64, (72, 69, 64, 55))[name][0] == 0  # the bass is held on
    assert listen(IV, I6, VI)[name][0] == 0


def test_triads_lack_tones():
    told = listen(ONE, (72, 64, 60, 48), (72, 67, 60, 48), V7, (72, 74, 60, 48))
    assert told["incomplete triads"] == (2, 3)
    assert told["triads without third"] == (1, 3)


def test_leading_tones_are_not_doubled_where_they_lead():
    doubled = (71, 67, 59, 43)
    name = "doubled leading tones"
    assert listen(doubled, ONE)[name] == (1, 1)
    assert listen(V, ONE)[name] == (0, 1)
    assert listen(doubled, IV)[name] == (1, 1)  # the key's own V, wherever it goes
    assert listen(doubled, IV, tonic=2)[name] == (0, 0)  # just a chord
    assert listen((76, 60, 52, 48), IV, tonic=2)[name] == (1, 1)  # C to F, in whatever key


def test_inversions_and_steps_of_the_root():
    told = listen(ONE, I6, I64, V7, ONE)
    assert told["root position"] == (3, 5) and told["first inversion"] == (1, 5)
    assert told["V to I per beat"] == (1, 5)
    assert listen((69, 65, 62, 50), (71, 67, 62, 43))["V to I per beat"] == (0, 2)  # ii to V is none
    assert listen((73, 70, 66, 54), (74, 73, 72, 54))["V to I per beat"] == (0, 2)  # to no chord


def test_dominants_in_minor():
    minor_v, name = (70, 67, 62, 43), "minor dominants"
    assert listen(minor_v, V7, V, mode="minor")[name] == (1, 3)
    assert listen(minor_v, V7)[name] == (0, 0)
    assert listen(minor_v, tonic=7, mode="minor")[name] == (0, 0)  # at home on G


def test_parallels_are_heard_over_notes_between_the_beats():
    octaves = (72, 67, 64, 48), (74, 67, 65, 50)
    dodged = (octaves[0], 2), ((71, 67, 64, 48), 2), octaves[1]
    names = "parallels per 100 beats", "parallels of the outer voices per 100 beats"
    for told in (listen(*octaves), listen(*dodged)):
        assert [told[name][0] for name in names] == [1, 1]
    inner = listen((72, 67, 60, 52), (72, 69, 62, 53))  # fifths of alto and tenor
    assert [inner[name][0] for name in names] == [1, 0]
    assert listen((72, 67, 64, 48), (72, 67, 64, 48))[names[0]][0] == 0


def test_parallels_are_those_of_music21(chorales):
    """Between the beats of a real chorale, against VoiceLeadingQuartet."""
    from music21.note import Note
    from music21.voiceLeading import VoiceLeadingQuartet

    expected = found = 0
    for chorale in chorales[:8]:
        grid = chorale.grid[beats.find_beats(len(chorale.grid), chorale.bars)].astype(int)
        found += measure(chorale)["parallels per 100 beats"][0]
        for before, now in pairwise(grid):
            for upper, lower in combinations(range(4), 2):
                four = before[upper], now[upper], before[lower], now[lower]
                if min(four) == REST or before[upper] == now[upper]:
                    continue
                quartet = VoiceLeadingQuartet(*map(Note, map(int, four)))
                expected += any(
                    quartet.parallelMotion(interval, allowOctaveDisplacement=True)
                    for interval in ("P1", "P5", "P8")
                )
    assert found == expected > 0


# --- Lines ---


def tenor(*pitches, steps=2):
    """A tenor that moves in eighths below a melody that does not, above a bass that does not."""
    return [((72, 67, pitch, 48), steps) for pitch in pitches]


def test_off_beat_notes_pass_or_return():
    told = listen(*tenor(64, 62, 60, 62, 60, 64, 60))  # D passes, D returns, E leaps
    assert told["off-beat notes that pass"] == (1, 3)
    assert told["off-beat neighbors"] == (1, 3)
    told = listen((ONE, 2), ((74, 67, 64, 48), 2), ((76, 67, 64, 48), 2))  # the melody's do not count
    assert told["off-beat notes that pass"] == (0, 0)


def test_see_saw_needs_four_notes_on_end():
    def alto(*pitches):
        return listen(*(((76, pitch, 60, 48), 2) for pitch in pitches))["see-saw in the alto"]

    assert alto(67, 69, 67, 69, 67) == (2, 2)
    assert alto(67, 69, 67, 65) == (0, 1)
    assert alto(67, 67, 69, 69, 67, 69)[0] == 1  # notes, not steps
    assert alto(67, 69, REST, 67, 69)[0] == 0
    assert listen(*tenor(64, 62, 64, 62))["see-saw in the alto"] == (0, 0)


def test_runs_of_the_bass_are_four_notes_by_step_one_way():
    def run(*pitches):
        return listen(*(((72, 67, 64, pitch), 2) for pitch in pitches))["bass runs per 10 bars"][0]

    assert run(48, 50, 52, 53) == 1
    assert run(48, 50, 52, 53, 55, 57) == 1  # a longer one is one
    assert run(48, 50, 52) == run(48, 50, 52, 50, 48) == run(48, 50, 52, 55) == 0
    assert run(48, 50, 52, 53, 52, 50, 48) == 2
    assert listen(*[((72, 67, 64, 48), 32)])["bass runs per 10 bars"] == (0, pytest.approx(0.2))


def test_bass_stays_over_bar_lines_struck_again_or_not():
    told = listen(ONE, ONE, V, V, V, bars=[0, 4, 8, 12])
    assert told["bass stays over the bar line"] == (2, 3)
    silent = (72, 67, 64, REST)
    assert listen(silent, silent, bars=[0, 4])["bass stays over the bar line"] == (0, 0)


def test_outer_voices_against_each_other():
    told = listen((72, 67, 64, 48), (74, 67, 64, 47), (76, 67, 64, 48), (76, 67, 64, 50), (76, 67, 64, 50))
    assert told["outer voices in contrary motion"] == (1, 3)  # where both stay, nothing is told


def test_dissonances_on_the_beat_have_reasons():
    name = "accented dissonances explained"
    suspended = ((72, 69, 65, 53), 4), ((72, 67, 65, 48), 2), (ONE, 2)
    assert listen(*suspended)[name] == (1, 1)
    upward = ((72, 69, 65, 53), 4), ((72, 67, 65, 48), 2), ((72, 67, 64, 48), 1), ((72, 67, 64, 48), 1)
    assert listen(*upward)[name] == (1, 1)
    leapt = ((72, 69, 60, 53), 4), ((72, 67, 65, 48), 2), (ONE, 2)
    assert listen(*leapt)[name] == (0, 1)  # out by step, but in by a fourth
    passing = ((72, 67, 67, 48), 4), ((72, 67, 65, 48), 2), (ONE, 2)
    assert listen(*passing)[name] == (1, 1)
    rises = ((72, 69, 65, 53), 4), ((72, 67, 65, 48), 2), ((72, 67, 67, 52), 2)
    assert listen(*rises)[name] == (0, 1)  # held, but up by step to what comes
    assert listen(ONE, V)[name] == (0, 0)


def test_tied_dissonances_go_down():
    held = ((72, 69, 65, 53), 4), ((72, 67, 65, 48), 2), (ONE, 2)
    assert lines.tied_dissonances(heard(*held)).tolist() == [[False] * 3, [False, True, False]]
    struck = ((72, 69, 62, 53), 4), ((72, 67, 65, 48), 2), (ONE, 2)
    rising = ((72, 69, 65, 53), 4), ((72, 67, 65, 48), 2), ((72, 67, 67, 48), 2)
    consonant = ((72, 69, 64, 57), 4), ((72, 67, 64, 48), 2), ((72, 67, 62, 48), 2)
    melody = ((77, 69, 60, 53), 4), ((77, 67, 60, 48), 2), ((76, 67, 60, 48), 2)
    for other in (struck, rising, consonant, melody):
        assert not lines.tied_dissonances(heard(*other)).any()


def test_wide_leaps_of_the_lower_voices():
    name = "sevenths and wide leaps per 100 moves"
    told = listen(*(((72, 67, pitch, 48), 2) for pitch in (52, 62, 50, 64, 60, 60)))
    assert told[name] == (2, pytest.approx(0.04))  # a seventh, an octave, a ninth, a third
    assert listen(((60, 55, 52, 48), 4), ((74, 55, 52, 48), 4))[name] == (0, 0)


# --- Whole pieces ---


def test_nothing_is_heard_in_silence():
    for steps in (0, 1, 20):
        grid = np.full((steps, 4), REST)
        told = measure_musically(grid, grid > REST, [], 0, "minor")
        assert not any(part for part, _ in told.values())
    assert not np.isfinite(pool([told])["sevenths resolved"])


def test_phrases_end_within_the_piece():
    with pytest.raises(ValueError, match="phrases end at the steps"):
        heard(ONE, V, ends=[8])


def test_counts_add_up():
    told = pool([{"a": (1, 2), "b": (0, 0)}, {"a": (0, 8), "b": (0, 0)}])
    assert told["a"] == 0.1 and np.isnan(told["b"])


def test_the_key_does_not_matter(chorales):
    for chorale in chorales[:5]:
        moved = np.where(chorale.grid == REST, REST, chorale.grid + 3)
        told = measure_musically(
            moved, chorale.onset, chorale.bars, (chorale.tonic + 3) % 12, chorale.mode, chorale.phrase_ends
        )
        assert told == measure(chorale)


# What an independent count of the same measures says of thirty validation chorales: of those at odd places.
BACH = {
    "phrases end on a root-position triad": (0.95, 0.01),
    "authentic cadences": (0.69, 0.03),
    "half cadences": (0.17, 0.04),
    "no cadence": (0.07, 0.02),
    "phrases end in major": (0.75, 0.01),
    "voices move at phrase ends": (0.02, 0.005),
    "ends on the tonic": (0.72, 0.05),
    "sevenths resolved": (0.89, 0.01),
    "stray 6/4 per 100 beats": (0.06, 0.01),
    "incomplete triads": (0.04, 0.01),
    "triads without third": (0.01, 0.005),
    "doubled leading tones": (0.03, 0.01),
    "root position": (0.67, 0.02),
    "first inversion": (0.26, 0.01),
    "V to I per beat": (0.17, 0.02),
    "off-beat notes that pass": (0.61, 0.01),
    "off-beat neighbors": (0.15, 0.01),
    "see-saw in the alto": (0.08, 0.01),
    "bass runs per 10 bars": (4.1, 0.1),
    "bass stays over the bar line": (0.09, 0.04),
    "outer voices in contrary motion": (0.43, 0.01),
    "parallels per 100 beats": (2.3, 0.5),
    "parallels of the outer voices per 100 beats": (0.2, 0.05),
    "accented dissonances explained": (0.97, 0.03),
    "tied dissonances per 10 bars": (5.5, 0.5),
    "sevenths and wide leaps per 100 moves": (0.16, 0.01),
}


def test_bach_does_what_an_independent_count_says(chorales):
    told = pool([measure(chorale) for chorale in chorales[1::2]])
    for name, (value, tolerance) in BACH.items():
        assert told[name] == pytest.approx(value, abs=tolerance), name


def test_every_measure_tells_bach_from_other_voices_under_his_melodies(chorales):
    """But for those of style alone: voices of another chorale, in another key, do worse."""
    bach = pool([measure(chorale) for chorale in chorales])
    others = []
    for chorale, other in zip(chorales, chorales[1:] + chorales[:1], strict=True):
        lower = np.resize(other.grid[:, 1:], (len(chorale.grid), 3))
        others.append(measure(chorale, np.column_stack([chorale.grid[:, 0], lower])))
    shuffled = pool(others)
    for name in ("phrases end on a root-position triad", "authentic cadences", "ends on the tonic"):
        assert shuffled[name] < bach[name] - 0.2, name
    for name in ("no cadence", "voices move at phrase ends"):
        assert shuffled[name] > bach[name] + 0.2, name


def test_a_chorale_takes_milliseconds(chorales):
    longest = max(chorales, key=lambda c: len(c.grid))
    begin = time.perf_counter()
    for _ in range(5):
        measure(longest)
    assert share(time.perf_counter() - begin, 5) < 0.05
