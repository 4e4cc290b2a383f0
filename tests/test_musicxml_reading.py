"""Scores as people have them: read as they are written."""

import zipfile
from fractions import Fraction
from pathlib import Path

import pytest
from music21 import (
    articulations,
    bar,
    chord,
    dynamics,
    expressions,
    harmony,
    meter,
    note,
    repeat,
    spanner,
    stream,
)

from utils.music.meter import Bar, bar_lines, divide_into_bars, find_upbeats, hear_in_common_time
from utils.songs.melody import read_melody, read_song
from utils.songs.song import MelodyError

INPUTS = Path(__file__).parent / "inputs"
SYLLABLES = ["A-", "ma", "grace", "how", "sweet", "the", "sound"]
PLAIN = (INPUTS / "x06_gb_major.musicxml").read_text()


def write(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


def zipped(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def container(*names, kind="application/vnd.recordare.musicxml+xml"):
    entries = "".join(f'<rootfile full-path="{name}" media-type="{kind}"/>' for name in names)
    return f"<container><rootfiles>{entries}</rootfiles></container>"


def pitches(path, **options):
    return [n.pitch for n in read_melody(path, **options).notes]


# --- Encodings and containers ---


def test_a_score_in_latin_1_is_read_as_it_declares():
    song = read_song(INPUTS / "x02_latin1.xml")
    assert (song.title, song.parts[0].name) == ("Für Anna", "Flöte")


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [
        ("UTF-8", "utf-8"),
        ("UTF-8", "utf-8-sig"),
        ("UTF-16", "utf-16"),  # with a byte order mark
        ("UTF-16", "utf-16-le"),
        ("UTF-16", "utf-16-be"),
        ("utf-16", "utf-8"),  # what some programs write
        ("windows-1252", "cp1252"),
        ("ISO-8859-1", "latin-1"),
        ("ISO-8859-15", "iso8859-15"),
        ("macintosh", "mac-roman"),
    ],
)
def test_every_encoding_is_read(tmp_path, declared, encoding):
    text = PLAIN.replace('encoding="UTF-8"', f'encoding="{declared}"').replace("Voice", "Größe")
    assert declared in text
    assert read_song(write(tmp_path / "a.musicxml", text, encoding)).parts[0].name == "Größe"


@pytest.mark.parametrize(
    ("text", "encoding", "reason"),
    [
        (PLAIN.replace("Voice", "Größe"), "latin-1", "not in the encoding UTF-8"),
        (PLAIN.replace('"UTF-8"', '"klingon"'), "utf-8", "'klingon', which is unknown"),
        (PLAIN.replace('"UTF-8"', '"rot13"'), "utf-8", "'rot13', which is unknown"),
        ('<?xml version="1.0"?><museScore version="3.02"/>', "utf-8", "MuseScore's own"),
        ('<mei xmlns="http://www.music-encoding.org/ns/mei"/>', "utf-8", "an MEI file"),
        ("<nothing/>", "utf-8", "no MusicXML"),
        (PLAIN.replace("<beats>4", "<beats>99999999"), "utf-8", "a meter or key of 99999999"),
        ("<score-partwise", "utf-8", "cannot be read as MusicXML"),
    ],
)
def test_what_cannot_be_read_is_an_error_with_advice(tmp_path, text, encoding, reason):
    with pytest.raises(MelodyError, match=rf"{reason}.*Export it"):
        read_song(write(tmp_path / "a.musicxml", text, encoding))


@pytest.mark.parametrize("name", ["x10_mac_zip.mxl", "x10b_rootfile_second.mxl"])
def test_the_score_is_the_one_that_the_container_names(name):
    notes = read_song(INPUTS / name).parts[0].notes
    assert [n.pitch for n in notes[:5]] == [72, 74, 76, 77, 79] and len(notes) == 15


def test_of_two_scores_in_a_container_the_first_is_read(tmp_path):
    other = PLAIN.replace("Voice", "Other")
    files = {"a/b.xml": other, "a/c.xml": PLAIN, "META-INF/container.xml": container("a/c.xml", "a/b.xml")}
    assert read_song(zipped(tmp_path / "a.mxl", files)).parts[0].name == "Voice"
    # What is no MusicXML, such as a picture, does not count; nor does a name that is not there.
    picture = container("a/b.xml", kind="application/pdf").replace(
        "</rootfiles>", '<rootfile full-path="gone.xml"/><rootfile full-path="./a/c.xml"/></rootfiles>'
    )
    files["META-INF/container.xml"] = picture
    assert read_song(zipped(tmp_path / "a.mxl", files)).parts[0].name == "Voice"
    # Without a container, whatever is no shadow.
    shadows = {"__MACOSX/._a.xml": "shadow", "._b.xml": "shadow", "a.xml": PLAIN}
    assert read_song(zipped(tmp_path / "a.mxl", shadows)).parts[0].name == "Voice"
    with pytest.raises(MelodyError, match="a zip file without a score"):
        read_song(zipped(tmp_path / "a.mxl", {"META-INF/container.xml": container(), "a.txt": ""}))


def test_a_score_by_time_is_read_as_one_by_parts(tmp_path):
    from xml.etree import ElementTree

    root = ElementTree.parse(INPUTS / "x06b_key_change.musicxml").getroot()
    part = root.find("part")
    turned = ElementTree.Element("score-timewise", root.attrib)
    turned.append(root.find("part-list"))
    for measure in part:
        bar_ = ElementTree.SubElement(turned, "measure", measure.attrib)
        ElementTree.SubElement(bar_, "part", id="P1").extend(measure)
    path = tmp_path / "a.musicxml"
    ElementTree.ElementTree(turned).write(path)
    assert read_song(path).parts == read_song(INPUTS / "x06b_key_change.musicxml").parts


# --- Keys and spelling ---


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("x05_clarinet_bb.musicxml", [(0, -3, "major"), (8, -1, None)]),
        ("x06_gb_major.musicxml", [(0, -6, "major")]),
        ("x06b_key_change.musicxml", [(0, 2, "major"), (16, -3, None)]),
        ("x06c_dorian_d.musicxml", [(0, 0, "dorian")]),
        ("m20_key_meter_tempo_change.mid", [(0, 2, "major"), (16, -3, "major")]),
    ],
)
def test_the_files_own_keys_are_read(name, keys):
    melody = read_melody(INPUTS / name)
    assert [tuple(key) for key in melody.keys] == keys
    told = [m.key for m in melody.conductor if m.type == "key_signature"]
    assert len(told) == len(keys)
    assert not any("key signature" in line for line in melody.report)


def test_minor_keys_are_told_to_midi_as_such(tmp_path):
    text = PLAIN.replace("<mode>major", "<mode>minor")
    melody = read_melody(write(tmp_path / "a.musicxml", text))
    assert [m.key for m in melody.conductor if m.type == "key_signature"] == ["Ebm"]


def test_without_a_signature_the_guess_is_told():
    melody = read_melody([("Eb5", 1), ("F5", 1), ("G5", 1), ("Ab5", 1), ("Bb5", 2), ("G5", 1), ("Eb5", 3)])
    assert melody.keys == ((0, -3, "major"),)
    assert sum("No key signature is given" in line and "E flat major" in line for line in melody.report) == 1


def test_the_tune_is_spelled_as_written():
    melody = read_melody(INPUTS / "x06d_spelling.musicxml")
    ticks = melody.ticks_per_beat
    names = [melody.spelling[n.start, n.pitch] for n in melody.notes]
    assert names[1] == ("D", -1) and names[5] == ("C", 1) and names[7] == ("D", 1) and names[9] == ("E", -1)
    assert melody.spelling[11 * ticks, 73] == ("D", -1)


def test_a_transposing_instrument_is_spelled_as_it_sounds():
    melody = read_melody(INPUTS / "x05_clarinet_bb.musicxml")
    assert [melody.spelling[n.start, n.pitch] for n in melody.notes[:3]] == [("E", -1), ("F", 0), ("G", 0)]


# --- Bars ---


def test_short_bars_and_second_pickups_are_where_the_score_has_them():
    voltas = read_melody(INPUTS / "x03b_voltas_short_bars.musicxml")
    assert voltas.pickup == 1
    assert [b.start for b in voltas.bars] == [0, 1, 5, 9, 13, 16, 20, 24, 28, 32]
    assert any("Repeats are not played out" in line for line in voltas.report)
    pickups = read_melody(INPUTS / "x04_extra_pickup_mid.musicxml")
    assert [b.start for b in pickups.bars] == [0, 1, 5, 9, 10, 14, 18]
    steps = len(pickups.grid)
    lines = bar_lines(pickups.meters, pickups.pickup, steps, pickups.bars)
    assert lines.tolist() == [4, 20, 36, 40, 56, 72]
    heard = hear_in_common_time(pickups.meters, pickups.pickup, steps, pickups.bars)
    # The second pickup is heard as the first: as the last beat of a bar of the model.
    assert heard[[0, 4, 36, 40, 56]].tolist() == [12, 16, 60, 64, 80]
    assert (heard[[36, 37, 38, 39]] % 16).tolist() == [12, 13, 14, 15]
    # Who gives a pickup means it.
    assert read_melody(INPUTS / "x04_extra_pickup_mid.musicxml", pickup=2).bars is None
    assert read_melody(INPUTS / "x06_gb_major.musicxml").bars is None


def test_a_divided_bar_goes_on_and_a_longer_one_ends_later():
    halves = [Bar(Fraction(0), Fraction(4), 4, 4), Bar(Fraction(4), Fraction(6), 4, 4)]
    halves += [Bar(Fraction(6), Fraction(8), 4, 4), Bar(Fraction(8), Fraction(14), 4, 4)]
    assert find_upbeats(halves) == [False, False, True, False]
    meters = ((0, 4, 4),)
    heard = hear_in_common_time([meter_of(*m) for m in meters], 0, 60, halves)
    assert heard[:32].tolist() == list(range(32)) and heard[32:56].tolist() == list(range(32, 56))
    assert heard[56] == 64  # the bar after one of six beats begins with a bar of the model
    assert [b.end for b in divide_into_bars(meters, 0, 16, halves)] == [4, 6, 8, 14, 18]


def meter_of(beat, over, under):
    from utils.music.meter import Meter

    return Meter(Fraction(beat), over, under)


def repeated_score():
    """Six bars of two parts: 2 and 3 three times; D.C. al Fine (bar 4), above the upper part alone."""
    score = stream.Score()
    for name, lowest in (("Soprano", 72), ("Bass", 48)):
        part = stream.Part()
        part.partName = name
        for number in range(6):
            bar_ = stream.Measure(number=number + 1)
            if number == 0:
                bar_.append(meter.TimeSignature("4/4"))
            bar_.append([note.Note(lowest + number) for _ in range(4)])
            part.append(bar_)
        bars = list(part.getElementsByClass(stream.Measure))
        bars[1].leftBarline = bar.Repeat(direction="start")
        bars[2].rightBarline = bar.Repeat(direction="end", times=3)
        if lowest == 72:
            bars[3].insert(4.0, repeat.Fine())
            bars[5].insert(4.0, repeat.DaCapoAlFine())
        score.insert(0, part)
    return score


def test_repeats_are_kept_or_played_out(tmp_path):
    repeated_score().write("musicxml", fp=tmp_path / "a.musicxml", makeNotation=False)
    melody = read_melody(tmp_path / "a.musicxml")
    assert [n.pitch - 72 for n in melody.notes[::4]] == list(range(6))
    found = [(s.tick // melody.ticks_per_beat, *s[1:4]) for s in melody.signs if s.kind in ("repeat", "jump")]
    assert found == [
        (4, "repeat", "forward", 1),
        (12, "repeat", "backward", 3),
        (16, "jump", "fine", 1),
        (24, "jump", "dacapo", 1),
    ]
    played = read_melody(tmp_path / "a.musicxml", play_repeats=True)
    assert [n.pitch - 72 for n in played.notes[::4]] == [0, 1, 2, 1, 2, 1, 2, 3, 4, 5, 0, 1, 2, 3]
    assert not [s for s in played.signs if s.kind in ("repeat", "jump", "bar")]
    assert "Repeats are played out." in played.report
    bass = read_melody(tmp_path / "a.musicxml", track="Bass", play_repeats=True)
    assert len(bass.notes) == len(played.notes)
    voltas = read_melody(INPUTS / "x03b_voltas_short_bars.musicxml", play_repeats=True)
    assert len(voltas.grid) == 4 * (1 + 12 + 3 + 1 + 12 + 4 + 16)


def test_repeats_that_make_no_sense_are_told(tmp_path):
    score = repeated_score()
    for part in score.parts:
        part.getElementsByClass(stream.Measure)[4].leftBarline = bar.Repeat(direction="start")
    score.write("musicxml", fp=tmp_path / "a.musicxml", makeNotation=False)
    melody = read_melody(tmp_path / "a.musicxml", play_repeats=True)
    assert any("cannot be played" in line or "played out" in line for line in melody.report)


# --- What stands beside the notes ---


def test_chord_symbols_are_no_grace_notes():
    melody = read_melody(INPUTS / "x01_lead_sheet.musicxml")
    assert not any("grace" in line for line in melody.report)
    chords = [(s.tick // melody.ticks_per_beat, s.value) for s in melody.signs if s.kind == "chord"]
    assert chords == list(zip(range(0, 32, 4), ["C", "C", "F", "C", "F", "C", "G7", "C"], strict=True))
    assert melody.title == "Alle meine Entchen"


def test_words_and_signs_of_a_hymn_are_kept():
    melody = read_melody(INPUTS / "x07_hymn_lyrics.musicxml")
    assert (melody.title, melody.composer) == ("Amazing Grace", "Traditional")
    beats = [(Fraction(s.tick, melody.ticks_per_beat), s.kind, s.value) for s in melody.signs]
    assert [value for _, kind, value in beats if kind == "lyric"] == [
        "A-",
        "ma",
        "grace",
        "how",
        "sweet",
        "the",
        "sound",
    ]
    assert (10, "fermata", "") in beats
    assert (1, "slur", "start") in beats and (Fraction(7, 2), "slur", "stop") in beats


def test_a_file_without_a_title_has_its_name_for_one():
    assert read_melody(INPUTS / "x06c_dorian_d.musicxml").title == "x06c dorian d"
    assert read_melody([(60, 1)]).title == ""


def test_what_is_kept_and_what_not_is_told(tmp_path):
    part = stream.Part([meter.TimeSignature("4/4")])
    notes = [note.Note("C5"), note.Note("D5"), note.Note("E5", quarterLength=2), note.Note("F5")]
    notes[0].articulations = [articulations.Staccato(), articulations.UpBow()]
    notes[1].expressions = [expressions.Trill()]
    notes[2].articulations = [articulations.BreathMark()]
    for verse, words in ((1, ("Hal", "le", "lu")), (2, ("A", "men", "ja"))):
        for owner, text, place in zip(notes, words, ("begin", "middle", "end"), strict=False):
            owner.lyrics.append(note.Lyric(text, number=verse, syllabic=place))
    part.append(notes)
    part.insert(1, dynamics.Dynamic("mf"))
    part.insert(2, expressions.TextExpression("dolce"))
    part.insert(2, expressions.RehearsalMark("B"))
    part.insert(3, harmony.ChordSymbol("F#m7/A"))
    part.insert(0, dynamics.Crescendo(*notes[:3]))
    part.insert(0, spanner.Glissando(notes[2], notes[3]))
    part.makeMeasures(inPlace=True)
    stream.Score([part]).write("musicxml", fp=tmp_path / "a.musicxml")
    melody = read_melody(tmp_path / "a.musicxml")
    found = {(Fraction(s.tick, melody.ticks_per_beat), *s[1:]) for s in melody.signs}
    assert {
        (0, "articulation", "staccato", 1, ""),
        (0, "lyric", "Hal-", 1, "begin"),
        (2, "lyric", "ja", 2, "end"),
        (1, "dynamic", "mf", 1, ""),
        (2, "text", "dolce", 1, ""),
        (2, "rehearsal", "B", 1, ""),
        (2, "breath", "comma", 1, ""),
        (3, "chord", "F#m7/A", 1, "minor-seventh"),
        (0, "wedge", "crescendo", 1, ""),
        (4, "wedge", "stop", 1, ""),
    } <= found
    (line,) = [line for line in melody.report if line.startswith("Not kept")]
    assert all(f"1 × {what}" in line for what in ("up bow", "trill", "glissando"))


def test_unpitched_percussion_is_passed_over(tmp_path):
    tune = stream.Part([note.Note("C5", quarterLength=4)])
    clap = stream.Part([note.Unpitched(quarterLength=1) for _ in range(4)])
    stream.Score([clap, tune]).write("musicxml", fp=tmp_path / "a.musicxml")
    assert pitches(tmp_path / "a.musicxml") == [72]


@pytest.mark.parametrize(
    ("element", "damaged"),
    [
        ("<divisions>2<", "<divisions>nan<"),
        ("<duration>2<", "<duration>-7<"),
        ("<duration>2<", "<duration>999999999<"),
        ("<beats>4<", "<beats>x<"),
    ],
)
def test_damaged_numbers_lead_to_music_or_an_error_in_words(tmp_path, element, damaged):
    assert element in PLAIN
    path = write(tmp_path / "a.musicxml", PLAIN.replace(element, damaged, 1))
    try:
        assert len(read_melody(path).notes) > 0
    except MelodyError as error:
        assert error.advice


@pytest.mark.parametrize(("written", "groups"), [("2+2+3", None), ("3+2+2", None), ("7", (2, 3, 2))])
def test_the_source_groups_an_odd_meter(tmp_path, written, groups):
    text = (INPUTS / "x08_metres.musicxml").read_text().replace("<beats>7<", f"<beats>{written}<")
    for number, group in enumerate(groups or ()):
        for place in range(group):
            kind = "begin" if place == 0 else "end" if place + 1 == group else "continue"
            text = text.replace("eighth</type></note>", f"eighth</type><beam>{kind}</beam></note>", 1)
        assert number < 3
    melody = read_melody(write(tmp_path / "a.musicxml", text))
    expected = "+".join(map(str, groups)) if groups else written
    assert [(s.tick, s.value) for s in melody.signs if s.kind == "grouping"] == [(0, expected)]


def test_chords_and_ties_are_spelled_too(tmp_path):
    part = stream.Part([chord.Chord(["C#5", "E5", "A-5"], quarterLength=6)])
    part.makeNotation(inPlace=True)
    stream.Score([part]).write("musicxml", fp=tmp_path / "a.musicxml")
    spelling = read_song(tmp_path / "a.musicxml").parts[0].spelling
    assert spelling == {(0, 73): ("C", 1), (0, 76): ("E", 0), (0, 80): ("A", -1)}
