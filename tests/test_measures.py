from functools import lru_cache
from itertools import combinations, pairwise

import music21
import numpy as np
import pytest
from music21.voiceLeading import VoiceLeadingQuartet

from utils.music import counting, grade, measures, theory
from utils.music.grid import REST, as_pitches

CHORALES = [
    f"bach/bwv{number}"
    for number in (
        *("102.7", "110.7", "114.7", "126.6", "13.6", "145-a", "148.6", "159.5", "174.5", "184.5", "197.5"),
        *("244.3", "245.14", "245.5", "256", "270", "276", "289", "290", "291", "292", "66.6"),
    )
]


@lru_cache
def voices_of(name):
    """Return for each voice of a real chorale, step by step, the sounding music21 note."""
    parts = [part.stripTies().flatten() for part in music21.corpus.parse(name).parts]
    steps = max(round(part.highestTime * 4) for part in parts)
    voices = [[None] * steps for _ in parts]
    for voice, part in zip(voices, parts, strict=True):
        for note in part.notes:
            for step in range(round(note.offset * 4), round((note.offset + note.quarterLength) * 4)):
                voice[step] = note
    return voices


def grid_of(voices):
    """Grid and onsets of lists of music21 notes."""
    steps = min(map(len, voices))
    grid = np.array([[v[t].pitch.midi if v[t] else REST for v in voices] for t in range(steps)], np.int8)
    onset = np.array(
        [[v[t] is not None and (t == 0 or v[t - 1] is not v[t]) for v in voices] for t in range(steps)]
    )
    return grid, onset


def chorale(name):
    return grid_of(voices_of(name))


@lru_cache
def windows():
    """Two bars from the middle of each chorale."""
    pieces = [chorale(name) for name in CHORALES]
    assert all(grid.shape[1] == 4 for grid, _ in pieces)
    starts = [len(grid) // 64 * 32 for grid, _ in pieces]
    grids, onsets = zip(
        *((g[s : s + 32], o[s : s + 32]) for (g, o), s in zip(pieces, starts, strict=True)), strict=True
    )
    return np.array(grids), np.array(onsets)


def steps(*chords, dtype=np.int8):
    return np.array(chords, dtype)


def struck(grid):
    """Onsets of a grid of which every step is struck anew."""
    return np.asarray(grid) != REST


def held(grid):
    """Onsets of a grid without repeated notes."""
    return np.diff(np.asarray(grid, int), axis=-2, prepend=-2) != 0


# --- Does it follow the melody? ---


def key_of(grid):
    return theory.find_key(counting.mark_pitch_classes(as_pitches(grid)).sum(axis=(0, 1)))


def test_token_accuracy_is_per_lower_voice():
    reference = steps((72, 60, 55, 48), (72, 60, 55, REST))
    grid = steps((60, 60, 67, 48), (60, 62, 55, 59))
    np.testing.assert_array_equal(measures.token_accuracy(grid, reference), [0.5, 0.5, 0.5])
    np.testing.assert_array_equal(measures.token_accuracy(reference, reference), [1, 1, 1])
    assert np.isnan(measures.token_accuracy(grid[:0], reference[:0])).all()
    with pytest.raises(ValueError, match="compare equals"):
        measures.token_accuracy(grid, reference[:1])


def test_pitch_consonance_of_every_interval():
    scores = [measures.pitch_consonance_score(steps((72, 72 - interval))) for interval in range(12)]
    assert scores == [1, -1, -1, 1, 1, 0, -1, 1, 1, 1, -1, -1]
    assert measures.pitch_consonance_score(steps((60, 65))) == 1  # crossed: -5 mod 12 is a fifth
    assert measures.pitch_consonance_score(steps((72, 72 - 36))) == 1


def test_pitch_consonance_leaves_rests_out():
    assert measures.pitch_consonance_score(steps((60, REST, 56, 59), (REST, 60, 60, 60))) == 0
    assert np.isnan(measures.pitch_consonance_score(steps((60, REST), (REST, 60))))


def test_conditioning_gap_is_the_mean_over_all_mismatches():
    grid, _ = windows()
    grid = grid[:7]
    mismatched = [
        np.concatenate([grid[one, :, :1], grid[other, :, 1:]], axis=1)
        for one in range(7)
        for other in range(7)
        if one != other
    ]
    expected = measures.pitch_consonance_score(grid) - measures.pitch_consonance_score(np.array(mismatched))
    assert measures.conditioning_gap(grid) == pytest.approx(expected, abs=1e-12)


def test_conditioning_gap_mixes_no_windows_of_one_piece():
    grid, _ = windows()
    grid, piece = grid[:5], ["a", "b", "a", "c", "b"]
    mismatched = [
        np.concatenate([grid[one, :, :1], grid[other, :, 1:]], axis=1)
        for one in range(5)
        for other in range(5)
        if piece[one] != piece[other]
    ]
    expected = measures.pitch_consonance_score(grid) - measures.pitch_consonance_score(np.array(mismatched))
    assert measures.conditioning_gap(grid, piece) == pytest.approx(expected, abs=1e-12)
    assert np.isnan(measures.conditioning_gap(grid[:1]))


def test_conditioning_gap_of_one_accompaniment_for_all_is_zero():
    grid, _ = windows()
    ignoring = grid.copy()
    ignoring[..., 1:] = grid[0, :, 1:]
    assert measures.conditioning_gap(ignoring) == pytest.approx(0, abs=0.02)
    assert measures.conditioning_gap(grid) > 0.4


def test_chord_tone_ratio_counts_notes_and_resolved_non_chord_tones():
    c_major = (52, 55, 48)
    # C is a chord tone; D resolves to E; F leaps away to A, which is last.
    melody = (72, 72, 74, 76, 77, 81)
    grid = steps(*((pitch, *c_major) for pitch in melody))
    onset = held(grid)
    assert measures.chord_tone_ratio(grid, onset) == 3 / 5
    onset[1, 0] = True  # the C again: another note
    assert measures.chord_tone_ratio(grid, onset) == 4 / 6


def test_chord_tone_ratio_resolves_within_a_window_only_and_needs_a_chord():
    window = steps((74, 52, 55, 48), (74, 52, 55, 48))
    assert measures.chord_tone_ratio(window, held(window)) == 0
    two = np.stack([window, window])
    assert measures.chord_tone_ratio(two, held(two)) == 0
    bare = steps((74, REST, REST, REST))
    assert np.isnan(measures.chord_tone_ratio(bare, struck(bare)))
    # A rest is no B.
    no_b = steps((71, 48, REST, REST))
    assert measures.chord_tone_ratio(no_b, struck(no_b)) == 0


def test_diversity_is_pairwise_and_ignores_the_melody():
    take = np.tile(steps((72, 60, 55, 48)), (2, 4, 1))
    other = take + np.int8(1)
    assert measures.diversity([take, take, take + steps((1, 0, 0, 0))]) == 0
    assert measures.diversity([take, take, other]) == pytest.approx(2 / 3)
    assert measures.diversity([take, take + steps((0, 1, 0, 0))]) == pytest.approx(1 / 3)
    assert np.isnan(measures.diversity([take]))


# --- Is the harmony right? ---


def test_chordal_share_by_brute_force():
    chords = [
        {(root + tone) % 12 for tone in tones} for tones in theory.CHORDS.values() for root in range(12)
    ]
    grid = np.random.default_rng(0).integers(36, 84, (400, 4)).astype(np.int8)
    grid[::5, 2] = REST
    expected = np.mean(
        [any({int(p) % 12 for p in step if p >= 0} <= chord for chord in chords) for step in grid]
    )
    assert 0.1 < expected < 0.6
    assert measures.chordal_share(grid) == pytest.approx(expected)


def test_chordal_share_counts_sounding_steps_only():
    silence = (REST, REST, REST, REST)
    assert measures.chordal_share(steps((72, 67, 64, 48), silence, (62, 61, 60, REST))) == 0.5
    assert np.isnan(measures.chordal_share(steps(silence)))


def name_of(*pitches):
    index = int(measures.chord_histogram(steps(pitches)).argmax())
    return None if index == theory.NO_CHORD else (list(theory.CHORDS)[index // 12], index % 12)


def test_chords_have_their_names():
    assert name_of(72, 67, 64, 48) == ("major", 0)
    assert name_of(72, 67, 60, 40) == ("major", 0)  # inverted, doubled over octaves
    assert name_of(69, 64, 60, 57) == ("minor", 9)
    assert name_of(65, 62, 59, 55) == ("dominant seventh", 7)
    assert name_of(65, 62, 59, 50) == ("diminished", 11)
    assert name_of(69, 65, 62, 59) == ("half-diminished seventh", 11)
    assert name_of(72, 64, 60, 48) == ("major", 0)  # no fifth
    assert name_of(68, 65, 62, 59) == ("diminished seventh", 11)  # any root would do: the bass
    assert name_of(50, 49, 48, REST) is None


def test_chord_names_move_with_transposition():
    grid, _ = windows()
    counts = measures.chord_histogram(grid)
    assert counts.sum() == (grid != REST).any(axis=-1).sum()
    moved = measures.chord_histogram(np.where(grid == REST, REST, grid + 5))
    expected = np.roll(counts[:-1].reshape(-1, 12), 5, axis=1).ravel()
    np.testing.assert_array_equal(moved, [*expected, counts[-1]])


def test_entropy_leaves_non_chords_out():
    c, g, cluster = (72, 67, 64, 48), (71, 67, 62, 43), (62, 61, 60, REST)
    assert measures.chord_histogram_entropy(steps(c, c, c)) == 0
    assert measures.chord_histogram_entropy(steps(c, g, cluster)) == pytest.approx(np.log(2))
    assert measures.chord_histogram_entropy(steps(c, c, c, g)) == pytest.approx(0.5623351446)
    assert np.isnan(measures.chord_histogram_entropy(steps(cluster)))


# --- Is the voice leading right? ---


def oracle_parallels(voices):
    """[fifths, octaves and unisons] as music21 sees them, between notes struck together."""
    counts = np.zeros(2, int)
    for upper, lower in combinations(voices, 2):
        for t in range(1, min(map(len, voices))):
            notes = (upper[t - 1], upper[t], lower[t - 1], lower[t])
            if None in notes or notes[0] is notes[1] or notes[2] is notes[3]:
                continue
            quartet = VoiceLeadingQuartet(*notes)
            counts[0] += quartet.parallelMotion("P5", allowOctaveDisplacement=True)
            for interval in ("P1", "P8"):
                counts[1] += quartet.parallelMotion(interval, allowOctaveDisplacement=True)
    return counts


def doubled(voice, interval):
    """The same voice at an interval, note for note."""
    moved = {id(note): note.transpose(interval) for note in voice if note}
    return [moved[id(note)] if note else None for note in voice]


def mixes():
    """Real pieces, voices of several pieces together, which break every rule, and doublings."""
    pieces = [voices_of(name) for name in CHORALES]
    soprano, bass = pieces[-1][0], pieces[-1][3]
    return [
        *pieces[:3],
        *([one[0], other[1], one[2], other[3]] for one, other in pairwise(pieces[3:9])),
        [soprano, doubled(soprano, "-P5"), doubled(soprano, "-P12"), bass],
        [doubled(bass, "P15"), doubled(bass, "P8"), soprano, bass],
    ]


MIXES = mixes()
CROSSED_FIFTHS = [((60, 67), (62, 69)), ((67, 60), (72, 79)), ((48, 67), (50, 69))]
CROSSED_FOURTHS = [((60, 65), (62, 67)), ((65, 60), (72, 77)), ((48, 65), (50, 67))]


@pytest.mark.parametrize("voices", MIXES)
def test_parallels_against_music21(voices):
    grid, onset = grid_of(voices)
    expected = oracle_parallels(voices)
    np.testing.assert_array_equal(counting.count_parallels(as_pitches(grid)), expected)
    assert measures.parallels_per_note(grid, onset) == expected.sum() / onset.sum()


@pytest.mark.parametrize("pitches", CROSSED_FIFTHS + CROSSED_FOURTHS)
def test_crossed_voices_against_music21(pitches):
    voices = [[music21.note.Note(pitch) for pitch in line] for line in zip(*pitches, strict=True)]
    expected = oracle_parallels(voices)
    assert expected.tolist() == [pitches in CROSSED_FIFTHS, 0]
    np.testing.assert_array_equal(counting.count_parallels(steps(*pitches, dtype=int)), expected)


def test_random_voices_against_music21():
    white = np.array([pitch for pitch in range(55, 75) if pitch % 12 in theory.SCALES["major"]])
    lines = np.random.default_rng(0).choice(white, (3, 1000))  # white keys are spelled in one way only
    voices = [[music21.note.Note(pitch) for pitch in line] for line in lines.tolist()]
    expected = oracle_parallels(voices)
    assert (expected > 10).all()
    np.testing.assert_array_equal(counting.count_parallels(as_pitches(grid_of(voices)[0])), expected)


@pytest.mark.parametrize("voices", MIXES)
def test_crossings_against_music21(voices):
    crossed, pairs = 0, 0
    for t in range(min(map(len, voices))):
        for upper, lower in pairwise(voices):
            if upper[t] and lower[t]:
                pairs += 1
                crossed += VoiceLeadingQuartet(upper[t], upper[t], lower[t], lower[t]).voiceCrossing()
    assert measures.crossing_rate(grid_of(voices)[0]) == crossed / pairs


def test_mixes_give_the_oracles_something_to_find():
    assert (sum(oracle_parallels(voices) for voices in MIXES[:-2]) > 0).all()
    assert (sum(oracle_parallels(voices) for voices in MIXES[-2:]) > 50).all()
    assert sum(measures.crossing_rate(grid_of(voices)[0]) > 0.05 for voices in MIXES) >= 2


@pytest.mark.parametrize(
    ("grid", "parallels"),
    [
        (((67, 60), (69, 62)), 1),  # fifths
        (((67, 60), (81, 62)), 1),  # a fifth and a twelfth
        (((72, 60), (74, 62)), 1),  # octaves
        (((60, 60), (62, 62)), 1),  # unisons
        (((60, 60), (74, 62)), 0),  # an octave after a unison
        (((67, 60), (67, 60)), 0),  # struck again
        (((67, 60), (69, 50)), 0),  # contrary motion to a twelfth
        (((67, 61), (69, 62)), 0),  # diminished, then perfect
        (((67, 60), (69, 64)), 0),
        (((67, 60), (REST, REST), (69, 62)), 0),
        (((67, REST), (69, 62)), 0),
        (((REST, REST), (62, 62)), 0),
        (((60, 67), (62, 69)), 1),  # fifths of crossed voices
        (((60, 65), (62, 67)), 0),  # fourths of crossed voices
        (((67, 60), (74, 81)), 1),  # fifths, at the second of which the voices have crossed
    ],
)
def test_what_is_parallel(grid, parallels):
    grid = steps(*grid)
    assert measures.parallels_per_note(grid, struck(grid)) == parallels / (grid != REST).sum()


def test_parallels_do_not_cross_windows():
    two = np.array([[(67, 60)], [(69, 62)]], np.int8)
    assert measures.parallels_per_note(two, struck(two)) == 0
    assert np.isnan(measures.parallels_per_note(two[:0], struck(two[:0])))


def test_crossing_and_spacing_are_of_sounding_adjacent_pairs():
    # A unison is no crossing, a rest is not below; tenor and bass may stand apart.
    grid = steps((60, 60, 48, 36), (60, 62, REST, 36), (REST, 62, 48, 30))
    assert measures.crossing_rate(grid) == 1 / 6
    grid = steps((72, 60, 48, 30), (73, 60, 47, 30), (60, 73, REST, 30))
    assert measures.spacing_rate(grid) == 3 / 5
    silence = np.full((4, 4), REST)
    assert np.isnan(measures.crossing_rate(silence)) and np.isnan(measures.spacing_rate(silence))


def test_range_is_per_note_and_per_voice():
    grid = steps((57, 53, 48, 36), (81, 74, 69, 64), (82, 52, 69, 64))
    assert measures.range_rate(grid, held(grid)) == 2 / 10
    assert measures.range_rate(grid[:2], held(grid[:2])) == 0
    with pytest.raises(ValueError, match="give one a voice"):
        measures.range_rate(grid[:, :3], held(grid[:, :3]))


def test_leaps_are_of_the_lower_voices_and_larger_than_a_fifth():
    # Soprano leaps do not count; 7 is no leap, 8 is; a repeated note is no move, nor one over a rest.
    grid = steps((60, 60, 50, 40), (79, 67, 50, REST), (60, 59, 50, 60), (60, 59, 51, 60))
    assert measures.leap_rate(grid, struck(grid)) == 1 / 3
    assert np.isnan(measures.leap_rate(grid[:1], struck(grid[:1])))


def test_moves_stay_within_a_voice_and_a_window():
    # Each note begins when the one before it in the list has ended, but elsewhere.
    voices = steps((REST, 60, REST), (REST, REST, 40))
    assert np.isnan(measures.leap_rate(voices, struck(voices)))
    two = np.array([[(REST, 60), (REST, REST)], [(REST, REST), (REST, 40)]], np.int8)
    assert np.isnan(measures.leap_rate(two, struck(two)))


def test_repeated_notes_count_one_by_one():
    grid = np.full((2, 4, 2), 60, np.int8)
    onset = np.zeros_like(grid, bool)
    onset[:, 0] = True
    onset[0, 2, 1] = True
    onset[1, 3, 0] = True
    np.testing.assert_array_equal(measures.notes_per_window(grid, onset), [1.5, 1.5])
    assert measures.short_note_rate(grid, onset) == 1 / 6
    assert np.isnan(measures.notes_per_window(grid[:0], onset[:0])).all()


def test_a_note_also_begins_at_the_edge_after_a_rest_and_on_another_pitch():
    grid = steps((60,), (60,), (REST,), (60,), (62,), (62,))
    onset = np.zeros_like(grid, bool)
    np.testing.assert_array_equal(measures.notes_per_window(grid, onset), [3])
    assert measures.short_note_rate(grid, onset) == 1 / 3
    circle = steps((60,), (62,), (60,))
    np.testing.assert_array_equal(measures.notes_per_window(circle, np.zeros_like(circle, bool)), [3])
    onset[2] = True  # an onset without a pitch
    np.testing.assert_array_equal(measures.notes_per_window(grid, onset), [3])


def test_int8_does_not_overflow():
    low, high = np.array([[[127, 0]]] * 2, np.int8), np.array([[[127, 0]]] * 2, int)
    high[1] = low[1] = (0, 127)
    assert measures.crossing_rate(low) == measures.crossing_rate(high) == 0.5
    assert measures.chordal_share(steps((71, 70, 69, 68))) == 0


def test_a_roll_or_foreign_onsets_are_refused():
    with pytest.raises(ValueError, match="turn a piano roll into a grid first"):
        measures.crossing_rate(np.zeros((32, 4), np.float32))
    with pytest.raises(ValueError, match="belong together"):
        measures.short_note_rate(steps((60, 50)), np.ones((2, 2), bool))


# --- How far from Bach as a whole? ---


def test_key_against_music21():
    for name in CHORALES[:8]:
        key = music21.corpus.parse(name).analyze("key")
        assert key_of(chorale(name)[0]) == (key.tonic.pitchClass, key.mode)


def test_grade_of_the_reference_itself_is_zero():
    piece = chorale("bach/bwv66.6")
    grades = grade.chorale_grade([piece], [piece])
    assert set(grades) == {
        *("note", "harmony", "interval 0", "interval 1", "interval 2", "interval 3"),
        *("rhythm", "repetition", "parallels", "grade"),
    }
    assert all(values == 0 for values in grades.values())


def test_grade_does_not_mind_transposition():
    reference = [chorale(name) for name in CHORALES[:6]]
    grid, onset = chorale("bach/bwv66.6")
    moved = np.where(grid == REST, REST, grid - 3).astype(np.int8)
    grades = grade.chorale_grade([(grid, onset), (moved, onset)], reference)
    for values in grades.values():
        assert values[0] == pytest.approx(values[1])


def test_grade_prefers_bach():
    names = CHORALES[:6]
    reference = [chorale(name) for name in CHORALES[6:]]
    bach = [chorale(name) for name in names]
    mixed = [grid_of(voices_of(a)[:1] + voices_of(b)[1:]) for a, b in zip(names, CHORALES[6:12], strict=True)]
    rng = np.random.default_rng(0)
    noise = [(np.where(onset, rng.integers(40, 80, grid.shape), grid), onset) for grid, onset in bach]
    median = [np.median(grade.chorale_grade(p, reference)["grade"]) for p in (bach, mixed, noise)]
    assert median[0] < median[1] < median[2]
    assert 2 < median[0] < 8  # the paper: 4.91, standard deviation 1.63


def test_each_component_sees_its_own():
    grid, onset = chorale("bach/bwv10.7")
    stretched = (
        np.repeat(grid, 2, axis=0),
        np.repeat(onset, 2, axis=0) & (np.arange(2 * len(grid)) % 2 == 0)[:, None],
    )
    grades = grade.chorale_grade([stretched], [(grid, onset)])
    changed = {name for name, values in grades.items() if values > 1e-9}
    assert changed == {"rhythm", "repetition", "grade"}


def test_degrees_and_intervals_are_held_against_the_same_mode_only():
    major, minor = chorale("bach/bwv292"), chorale("bach/bwv66.6")
    assert [key_of(grid)[1] for grid, _ in (major, minor)] == ["major", "minor"]
    grades = grade.chorale_grade([minor], [major, minor])
    assert grades["note"] == grades["harmony"] == grades["interval 3"] == 0
    assert grades["rhythm"] > 0 and grades["repetition"] > 0
    assert 0 < grade.chorale_grade([minor], [major])["note"] < np.inf


def test_repeated_passages_differ_by_steps():
    short, long = [60, 62, 64, 60, 62, 65], [60, 62, 64, 65, 66, 60, 62, 64, 65, 67]
    pieces = [(np.array(line)[:, None], np.ones((len(line), 1), bool)) for line in (short, long)]
    assert grade.chorale_grade(pieces[:1], pieces[1:])["repetition"] == 4 - 2


def test_ranks_are_those_of_the_reference():
    reference = np.array([1, 6, 3, 0, 0])  # ranks 2, 0, 1
    assert grade._rank_distance(np.array([0, 4]), reference) == pytest.approx(0.5)
    assert grade._rank_distance(np.array([0, 0, 0, 7]), reference) == pytest.approx(3 - 0.5)
    # Of two strangers the rarer stands nearer; categories that neither has take no place.
    assert grade._rank_distance(np.array([0, 0, 0, 0, 0, 2, 1]), reference) == pytest.approx(11 / 3 - 0.5)


def test_parallels_are_weighted_by_their_rate():
    target = {"parallels": np.array([3, 1]), "rhythm": np.array([0, 1000])}
    ours = {"parallels": np.array([2, 0]), "rhythm": np.array([0, 100])}
    assert grade._parallels_distance(ours, target) == pytest.approx(0.25 * 5)
    none = {"parallels": np.array([0, 0]), "rhythm": np.array([0, 100])}
    assert grade._parallels_distance(none, target) == 0
    assert grade._parallels_distance(ours, none) == np.inf
    assert grade._parallels_distance(none, none) == 0


def repetitions(line, onset=None):
    grid = as_pitches(np.array(line)[:, None])
    onset = held(grid) if onset is None else np.array(onset, bool)[:, None]
    counts = grade._repetition_histogram(grid, counting.find_notes(grid, onset))
    return {length: int(count) for length, count in enumerate(counts) if count}


def test_repeated_passages():
    assert repetitions([60, 62, 64, 65]) == {0: 1}
    assert repetitions([60, 62, 64, 60, 62, 65]) == {2: 2}
    assert repetitions([60, 62, 70, 60, 62, 71, 60, 62, 72]) == {2: 3}
    assert repetitions([60, 60, 70, 60, 60, 71]) == {0: 1}  # one held note
    assert repetitions([60, 60, 70, 60, 60, 71], [1, 1, 1, 1, 1, 1]) == {2: 2}
    assert repetitions([60, 60, 62, 70, 60, 60, 62, 71], [1, 0, 1, 1, 1, 1, 1, 1]) == {0: 1}
    # What is shared begins in the middle of a held note: the passage begins with the next.
    assert repetitions([60, 60, 62, 64, 70, 61, 61, 62, 64, 71]) == {2: 2}


def test_grade_of_nothing():
    piece = chorale("bach/bwv66.6")
    assert len(grade.chorale_grade([], [piece])["grade"]) == 0
    with pytest.raises(ValueError, match="give at least one"):
        grade.chorale_grade([piece], [])
    with pytest.raises(ValueError, match=r"pieces of \[2, 4\] voices"):
        grade.chorale_grade([(piece[0][:, :2], piece[1][:, :2])], [piece])
    with pytest.raises(ValueError, match="nothing sounds in a piece of 8 steps"):
        grade.chorale_grade([(np.full((8, 4), REST), np.zeros((8, 4), bool))], [piece])


# --- Does Bach measure as Bach? ---


def test_real_chorales_are_near_their_published_figures():
    grid, onset = windows()
    shuffled = np.concatenate([grid[..., :1], np.roll(grid[..., 1:], 1, axis=0)], axis=-1)
    assert measures.pitch_consonance_score(grid) == pytest.approx(0.68, abs=0.06)
    assert measures.conditioning_gap(grid) == pytest.approx(0.56, abs=0.1)
    assert abs(measures.conditioning_gap(shuffled)) < 0.15
    assert measures.chordal_share(grid) == pytest.approx(0.9, abs=0.06)
    assert measures.chordal_share(shuffled) < 0.7
    assert measures.parallels_per_note(grid, onset) < 0.005
    assert measures.crossing_rate(grid) < 0.03
    assert measures.leap_rate(grid, onset) < 0.08
    assert measures.short_note_rate(grid, onset) < 0.08
    assert measures.range_rate(grid, onset) < 0.02
    assert measures.chord_tone_ratio(grid, onset) > 0.75
