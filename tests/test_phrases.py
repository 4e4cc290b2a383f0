"""Where phrases end: guessed from a melody, read from its signs, said by its owner."""

import json
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import music21
import numpy as np
import pytest

from pretrained.make_phrases import collect, fit, score
from utils.arranger.arrangement import Arrangement
from utils.corpus.pieces import load_chorales
from utils.exam.whole import melody_of
from utils.harmonize import main as harmonize
from utils.music import phrases
from utils.music.grid import REST
from utils.music.phrases import find_likeliest_ends, guess_phrase_ends
from utils.songs.find_phrases import find_phrase_ends
from utils.songs.melody import read_melody
from utils.songs.places import name_place
from utils.songs.song import SCORE_TICKS, MelodyError, Sign
from utils.songs.typed import parse_notes

ROOT = Path(__file__).parent.parent
TWINKLE = "C5 C5 G5 G5 A5 A5 G5:2 F5 F5 E5 E5 D5 D5 C5:2 G5 G5 F5 F5 E5 E5 D5:2 G5 G5 F5 F5 E5 E5 D5:2"


@pytest.fixture(scope="module")
def chorales():
    return [c for c in load_chorales(ROOT / "dataset" / "chorales.npz") if len(c.phrase_ends)]


def of_split(chorales, split):
    return [chorale for chorale in chorales if chorale.split == split]


def stream(*notes, meter="4/4"):
    """A score of (pitch, quarters, signs above it)."""
    part = music21.stream.Part()
    part.append(music21.meter.TimeSignature(meter))
    for pitch, quarters, *signs in notes:
        note = music21.note.Note(pitch, quarterLength=quarters)
        for sign in signs:
            (note.articulations if isinstance(sign, music21.articulations.Articulation) else note.expressions
             ).append(sign)  # fmt: skip
        part.append(note)
    return part


def fermata():
    return music21.expressions.Fermata()


# --- Guessed ---


def test_guesses_are_as_good_as_they_are_said_to_be(chorales):
    """On validation chorales, the last note, which always ends a phrase, left out."""
    precision, recall = score(of_split(chorales, "valid"))
    assert precision > 0.82 and recall > 0.77


def test_long_notes_alone_would_not_do(chorales):
    """The plain rule, that a note of two beats or more ends a phrase, is far worse than the model."""
    right = guessed = true = 0
    for chorale in of_split(chorales, "valid"):
        start, *_, described = phrases.describe_notes(chorale.grid[:, 0], chorale.onset[:, 0], chorale.bars)
        long = start[described["two beats or more"]]
        right += np.isin(long, chorale.phrase_ends).sum()
        guessed, true = guessed + len(long), true + len(chorale.phrase_ends)
    assert right / guessed < 0.65 and right / true < 0.55


def test_stored_weights_are_those_that_the_maker_fits(chorales):
    note, length, ends = collect(of_split(chorales, "train"))
    weights = fit(np.stack([*note.values(), *length.values()], axis=1), ends)
    stored = json.loads(phrases.WEIGHTS_FILE.read_text())
    assert (list(stored["note"]), list(stored["length"])) == (list(note), list(length))
    stored = [*stored["note"].values(), *stored["length"].values()]
    np.testing.assert_allclose(stored[1:], weights[1:], atol=0.05)  # the first has the caution added


@pytest.mark.parametrize("key", [0, 5])
@pytest.mark.parametrize("pickup", [0, 1])
def test_phrases_of_twinkle(key, pickup):
    """In any key, and wherever the bar lines are known to be."""
    notes = [(pitch + key, beats) for pitch, beats in parse_notes(TWINKLE)]
    melody = read_melody([(67 + key, pickup), *notes] if pickup else notes, pickup=pickup)
    assert melody.phrase_ends == tuple(24 + 32 * phrase + 4 * pickup for phrase in range(4))


def test_rests_end_phrases():
    """Even where bars and lengths say nothing of them: after five beats, and then after seven."""
    notes = [(72, 1)] * 5 + [(None, 1)] + [(72, 1)] * 7 + [(None, 1)] + [(72, 1)] * 8
    assert set(read_melody(notes).phrase_ends) >= {16, 48, 84}
    assert not set(read_melody([(72, 1)] * 22).phrase_ends) & {16, 48}


def test_fingers_that_leave_the_keys_early_are_no_rests():
    notes = parse_notes(TWINKLE)
    short = [each for pitch, beats in notes[:-1] for each in ((pitch, beats - Fraction(1, 4)), (None, 0.25))]
    told = []
    for tune in (notes, [*short, notes[-1]]):
        melody = read_melody(tune)
        told.append(phrases.describe_notes(melody.grid, melody.onset, np.arange(0, 128, 16)))
    for legato, played in zip(*[each[-1].values() for each in told], strict=True):
        np.testing.assert_array_equal(legato, played)


def test_little_is_guessed_of_little():
    silence = np.full(16, REST)
    assert guess_phrase_ends(silence, silence > REST, [0]).tolist() == []
    assert guess_phrase_ends(np.full(4, 60), np.arange(4) == 0, []).tolist() == [0]
    long = np.full(400, 60)
    assert guess_phrase_ends(long, np.arange(400) == 0, [0, 16]).tolist() == [0]
    # A note that is longer than any phrase, and others around it.
    assert guess_phrase_ends(long, np.isin(np.arange(400), (0, 4, 396)), [0, 16])[-1] == 396


def test_known_ends_are_kept_and_the_others_guessed():
    melody = read_melody(parse_notes(TWINKLE))
    bars = np.arange(0, 128, 16)
    guessed = guess_phrase_ends(melody.grid, melody.onset, bars)
    with_one = guess_phrase_ends(melody.grid, melody.onset, bars, known=[44])
    assert 44 not in guessed and set(with_one) >= {44, 88, 120}


def test_search_finds_the_likeliest_division():
    """Against all divisions of a few notes, weighed one by one."""
    rng = np.random.default_rng(0)

    by_length = np.where(np.arange(100) == 16, 1.5, -0.5)

    def price(ends, place, alone):
        total, begin = 0.0, 0
        for end in ends:
            odds = alone[begin : end + 1] + by_length[place[begin + 1 : end + 2] - place[begin]]
            chance = 1 / (1 + np.exp(-odds))
            total += np.log(1 - chance[:-1]).sum() + (np.log(chance[-1]) if end < len(alone) - 1 else 0)
            begin = end + 1
        return total

    for _ in range(20):
        alone, place = rng.normal(size=8), np.append(0, np.cumsum(rng.choice([4, 8], 8)))
        every = [[n for n in range(7) if number >> n & 1] + [7] for number in range(128)]
        best = max(every, key=lambda ends: price(ends, place, alone))
        assert find_likeliest_ends(place, alone, by_length).tolist() == best


# --- Read ---


def test_fermatas_tell_all(chorales):
    """As they stand in music21's own score of a chorale."""
    chorale = next(c for c in chorales if c.name == "bwv66.6")
    melody = read_melody(music21.corpus.parse("bach/bwv66.6").parts[0])
    assert melody.phrase_ends == tuple(chorale.phrase_ends.tolist()) == melody_of(chorale).phrase_ends
    assert "read from 6 fermatas." in melody.report[-1]


def test_breath_marks_and_typed_marks_tell():
    breath = music21.articulations.BreathMark
    notes = [("C5", 4), ("D5", 2, breath()), ("E5", 2), ("F5", 4), ("G5", 4, fermata())]
    melody = read_melody(stream(*notes))
    assert melody.phrase_ends == (16, 48) and "read from 1 fermata and 1 breath mark." in melody.report[-1]
    typed = read_melody(parse_notes("C5:4 D5:2! E5:2 F5:4 G5:4"))
    assert typed.phrase_ends == (16, 48)
    assert [(sign.kind, sign.value) for sign in typed.signs] == [("breath", "comma")]


@pytest.mark.parametrize("text", ["C5:2! D5", "C5:2 ! D5", "C5:2, ! | D5", "C5:2\U0001d110 D5", "C5:2 𝄐D5"])
def test_the_mark_may_stand_behind_the_note_or_apart(text):
    assert parse_notes(text) == [(72, 2, "!"), (74, 1)]


def test_a_mark_behind_a_rest_belongs_to_the_note_before():
    melody = read_melody(parse_notes("C5 D5 r! E5 F5"))
    assert melody.phrase_ends == (4, 16)
    assert read_melody(parse_notes("r! C5 D5")).phrase_ends == (8,)


@pytest.mark.parametrize("pairs", [[("C5", 1, "?")], [("C5", 1, "!", "!")], [("C5", 1, "")]])
def test_other_marks_are_refused(pairs):
    with pytest.raises(MelodyError, match="has a mark that is not '!'"):
        read_melody(pairs)


def test_a_fermata_at_the_end_alone_tells_nothing_of_the_rest():
    notes = [(pitch, float(beats)) for pitch, beats in parse_notes(f"{TWINKLE} {TWINKLE}")]
    plain = read_melody(stream(*notes))
    closed = read_melody(stream(*notes[:-1], (*notes[-1], fermata())))
    assert len(plain.phrase_ends) == 8 and closed.phrase_ends == plain.phrase_ends
    assert ": guessed; say otherwise with phrases= (--phrases)." in closed.report[-1]
    midst = read_melody(stream(*notes[:11], (*notes[11], fermata()), *notes[12:]))
    assert 48 in midst.phrase_ends and len(midst.phrase_ends) > 4
    assert "read from 1 fermata, the others guessed" in midst.report[-1]


def test_a_fermata_over_the_second_of_tied_notes_counts_for_the_first():
    part = stream(("C5", 4), ("D5", 4), ("D5", 4, fermata()), ("E5", 4), ("F5", 4))
    first, second = list(part.recurse().notes)[1:3]
    first.tie, second.tie = music21.tie.Tie("start"), music21.tie.Tie("stop")
    assert read_melody(part).phrase_ends == (16, 64)


def test_slurs_are_no_phrases():
    part = stream(*[("C5", 1)] * 4, *[("D5", 1)] * 3, ("C5", 1))
    notes = list(part.recurse().notes)
    part.insert(0, music21.spanner.Slur(notes[0], notes[1]))
    assert read_melody(part).phrase_ends == read_melody(stream(*[("C5", 1)] * 4, *[("D5", 1)] * 3, ("C5", 1))
                                                        ).phrase_ends  # fmt: skip


# --- Said ---


@pytest.mark.parametrize("asked", ["2:3 4:3", "2:3, 4:4", ["2:3", (4, 3)], [(2, 4), "4:3.5"], "4:3 2:3 2:4"])
def test_owners_say_where_phrases_end(asked):
    """At the beginning of the last note or while it sounds, in any order; the melody's end is one too."""
    melody = read_melody(parse_notes(TWINKLE), phrases=asked)
    assert melody.phrase_ends == (24, 56, 120)
    assert melody.report[-1] == "Phrases end (bar:beat) at 2:3, 4:3, 8:3: as you say."


def test_owners_may_say_none_and_overrule_signs():
    score = stream(("C5", 4, fermata()), ("D5", 4), ("E5", 4))
    assert read_melody(score).phrase_ends == (0, 32)
    assert read_melody(score, phrases="2:1").phrase_ends == (16, 32)
    for none in ("none", " None ", ["none"]):
        melody = read_melody(score, phrases=none)
        assert melody.phrase_ends == () and melody.report[-1] == "No phrases, as you say."


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ("2", "2 is no place"),
        ("two:three", "two:three is no place"),
        ("", " is no place"),
        ("2:0", "2:0 is no place"),
        ("2:3 99:1", "99:1: its bars are 1 to 8"),
        ("0:4", "0:4: its bars are 1 to 8"),
        ("2:5", "2:5: that bar has no such beat"),
        (["2:3", None], "None is no place"),
        (5, "5 is no place"),
        ("1:1" * 9999, "is no place"),
    ],
)
def test_what_is_no_place_is_refused_in_words(asked, reason):
    with pytest.raises(MelodyError) as error:
        read_melody(parse_notes(TWINKLE), phrases=asked)
    assert reason in str(error.value) and '"2:3 4:3"' in error.value.advice and len(str(error.value)) < 300


def test_a_phrase_does_not_end_before_its_first_note():
    with pytest.raises(MelodyError, match="no note has begun at 1:2"):
        read_melody([(None, 4), ("C5", 4)], phrases="1:2")
    assert read_melody([("C5", 2), (None, 2), ("C5", 4)], phrases="1:4").phrase_ends == (0, 16)


def test_bars_and_beats_are_counted_as_the_meter_does():
    """A pickup is bar 0 and has the last beats of a bar; in 6/8 eighths count."""
    pickup = read_melody(parse_notes("G4 C5 C5 C5 E5 D5 C5 D5 E5"), pickup=1, phrases="0:4 1:4")
    assert pickup.phrase_ends == (0, 16, 32)
    assert pickup.report[-1].startswith("Phrases end (bar:beat) at 0:4, 1:4, 2:4")
    with pytest.raises(MelodyError, match="0:3: that bar has no such beat"):
        read_melody(parse_notes("G4 C5 C5 C5 E5"), pickup=1, phrases="0:3")
    part = stream(*[("C5", 0.5)] * 12, meter="6/8")
    assert read_melody(part, phrases="1:6").phrase_ends == (10, 22)
    assert "1:6, 2:6" in read_melody(part, phrases="1:6").report[-1]


def test_long_lists_are_told_in_short():
    melody = read_melody(parse_notes(" ".join(["C5 D5 E5 C5:1!"] * 20)))
    assert len(melody.phrase_ends) == 20 and "and 12 more: read from 20 breath marks." in melody.report[-1]


def test_the_command_hears_where_phrases_end(tmp_path, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(
        "utils.arranger.takes.harmonize_takes",
        lambda *_, phrases, **__: asked.append(phrases) or (_ for _ in ()).throw(MelodyError("a", "b", "c")),
    )
    song = str(ROOT / "input_twinkle_twinkle.mid")
    for words in (["--phrases", "2:3", "4:3"], ["--phrases", "none"], []):
        assert harmonize([song, "--output", str(tmp_path / "out.mid"), *words]) == 1
    assert asked == ["2:3 4:3", "none", None]


def test_places_are_named_as_they_are_read(chorales):
    """Every note of real melodies, with and without pickups, there and back."""
    for chorale in of_split(chorales, "valid")[:12]:
        melody = melody_of(chorale)
        song = replace_song(melody)
        starts = np.flatnonzero(melody.onset)
        names = [name_place(song, len(melody.grid), step) for step in starts]
        ends, _ = find_phrase_ends(song, (), melody.grid, melody.onset, names)
        assert list(ends) == starts.tolist()


def replace_song(melody):
    from utils.songs.song import Song

    return Song("a chorale", [], melody.ticks_per_beat, (), melody.meters, melody.pickup, bars=melody.bars)


# --- Drawn ---


def drawn(melody, path, place=0):
    """Write a melody with two voices below it, or around it: the numbers of its notes with a breath mark."""
    others = [np.where(melody.grid == REST, REST, melody.grid - down) for down in (12, 24)]
    grid = np.stack([melody.grid, *others], axis=-1).astype(np.int8)
    Arrangement(grid, np.stack([melody.onset] * 3, axis=-1), melody, {}, place=place).write(path)
    marked = []
    for number, part in enumerate(ElementTree.parse(path).findall("part")):
        note = -1
        for head in part.iter("note"):
            if head.find("rest") is None and not any(t.get("type") == "stop" for t in head.iter("tie")):
                note += 1
            if head.find(".//breath-mark") is not None:
                assert number == place and not any(t.get("type") == "start" for t in head.iter("tie"))
                marked.append(note)
    return marked


def read_back(path, place=0):
    return read_melody(path, track=place)


@pytest.mark.parametrize(
    ("asked", "marked"),
    [
        (None, [6, 13, 20]),
        ("2:3 4:3 6:3", [6, 13, 20]),
        ("2:4 3:3", [6, 9]),
        (["3:2.5"], [8]),
        ("8:3", [27]),  # else eight bars would be divided by whoever reads them
    ],
)
@pytest.mark.parametrize("place", [0, 1])
def test_a_score_shows_where_phrases_end(tmp_path, asked, marked, place):
    """At the last notes of the tune alone, and whoever reads it finds the same ends."""
    melody = read_melody(parse_notes(TWINKLE), phrases=asked)
    assert drawn(melody, tmp_path / "a.musicxml", place) == marked
    assert read_back(tmp_path / "a.musicxml", place).phrase_ends == melody.phrase_ends


def test_without_phrases_nothing_is_drawn(tmp_path):
    melody = read_melody(parse_notes(TWINKLE), phrases="none")
    assert drawn(melody, tmp_path / "a.musicxml") == []


def test_signs_of_the_owner_stay_and_are_not_doubled(tmp_path):
    notes = [(pitch, float(beats)) for pitch, beats in parse_notes(TWINKLE)]
    notes[6] += (fermata(),)
    notes[13] += (music21.articulations.BreathMark(),)
    notes[16] += (music21.articulations.Accent(), fermata())
    melody = read_melody(stream(*notes))
    assert melody.phrase_ends == (24, 56, 72, 120)
    assert drawn(melody, tmp_path / "a.musicxml") == [13]
    back = read_back(tmp_path / "a.musicxml")
    assert (back.signs, back.phrase_ends) == (melody.signs, melody.phrase_ends)
    # Overruled, they are no ends here, but stay what they are.
    melody = read_melody(stream(*notes), phrases="2:3 6:3")
    assert drawn(melody, tmp_path / "a.musicxml") == [13, 20]
    signs = read_back(tmp_path / "a.musicxml").signs
    assert set(signs) - set(melody.signs) == {Sign(22 * SCORE_TICKS, "breath", "comma")}
    assert set(melody.signs) <= set(signs)


def test_what_stands_at_the_last_of_tied_heads_is_kept_whenever_the_score_is_written(tmp_path):
    """The mark stands where the note ends; the phrase's last note begins with the first head."""
    notes = [("C5", 4), ("D5", 2), ("E5", 4), ("F5", 2), ("G5", 2), ("A5", 2), ("A5", 2, fermata())]
    part = stream(*notes, ("B5", 2), ("C6", 4))
    first, second = list(part.recurse().notes)[5:7]
    first.tie, second.tie = music21.tie.Tie("start"), music21.tie.Tie("stop")
    melody = read_melody(part, phrases="2:3 4:3")
    for _ in range(2):
        assert melody.phrase_ends == (24, 56, 80)
        assert drawn(melody, tmp_path / "a.musicxml") == [2]
        melody = read_back(tmp_path / "a.musicxml")
        kept = [sign for sign in melody.signs if sign.kind == "fermata"]
        assert kept == [Sign(16 * SCORE_TICKS, "fermata")]


@pytest.mark.parametrize(("asked", "ends", "marked"), [("1:4.75", (15, 32), [4]), ("1:4", (12, 32), [1])])
def test_a_phrase_may_end_within_a_triplet(tmp_path, asked, ends, marked):
    """Where the next note is less than a sixteenth away, as well."""
    lengths = [3, Fraction(1, 6), Fraction(1, 6), Fraction(1, 3), Fraction(1, 3), 4, 4]
    melody = read_melody(list(zip(range(72, 79), lengths, strict=True)), phrases=asked)
    assert melody.phrase_ends == ends
    assert drawn(melody, tmp_path / "a.musicxml") == marked
    assert read_back(tmp_path / "a.musicxml").phrase_ends == ends
