"""What surrounds the notes of a MIDI file: what is kept, what is passed over, and what is said of it."""

import struct
from fractions import Fraction
from pathlib import Path

import mido
import numpy as np
import pytest
from test_arranger import absolute
from test_find_melody import generator
from test_reading import C_NOTE, TWINKLE, midi_of, track_of, write_notes

from utils import midi_utils
from utils.arranger.takes import harmonize
from utils.music.meter import Meter, snap_meters
from utils.pictures.rolls import plot_pianoroll
from utils.songs.melody import read_melody, read_song
from utils.songs.song import Key, MelodyError, Sign
from utils.songs.typed import parse_notes

INPUTS = Path(__file__).parent / "inputs"
NOTES = ("note_on", "note_off", "end_of_track", "track_name")


def arranged(path, tmp_path, **options):
    return mido.MidiFile(harmonize(path, takes=1, generator=generator).write(tmp_path / "out.mid", **options))


def said(track):
    return [m for m in absolute(track) if m.type not in NOTES]


def test_words_pedal_bend_and_program_stay_with_the_melody(tmp_path):
    before = mido.MidiFile(INPUTS / "m06_lyrics_pedal_bend.mid")
    after = arranged(INPUTS / "m06_lyrics_pedal_bend.mid", tmp_path)
    own = [m for m in said(before.tracks[1]) if m.type not in ("copyright", "marker")]
    assert len(own) == 29 and sorted(map(str, own)) == sorted(map(str, said(after.tracks[1])))
    assert [m.name for m in after.tracks[0] if m.type == "track_name"] == ["song"]
    song = {str(m) for m in said(after.tracks[0])}
    assert {str(m) for m in said(before.tracks[0])} <= song
    assert any("(c) N. N." in m for m in song) and any("Verse" in m and "time=960" in m for m in song)
    assert not any(said(track)[1:] for track in after.tracks[2:])  # the others have their program alone


def test_words_are_signs_of_their_notes():
    melody = read_melody(INPUTS / "m06_lyrics_pedal_bend.mid")
    assert melody.signs[:4] == (
        Sign(0, "lyric", "A-", detail="begin"),
        Sign(480, "lyric", "ma-", detail="middle"),
        Sign(960, "lyric", "zing", detail="end"),
        Sign(1440, "lyric", "grace,", detail="single"),
    )
    assert len(melody.signs) == len(melody.notes) == 23
    assert melody.copyright == "(c) N. N." and melody.title == "song"


def test_other_channels_programs_banks_and_late_pedals(tmp_path):
    def control(number, value, time=0, channel=3):
        return mido.Message("control_change", channel=channel, control=number, value=value, time=time)

    events = [
        *(control(0, 5), control(32, 1), mido.Message("program_change", channel=3, program=52)),
        *(control(7, 90, channel=4), mido.Message("note_on", channel=3, note=72)),
        *(control(123, 0, 100), mido.Message("aftertouch", channel=3, value=9), control(121, 0)),
        mido.Message("note_off", channel=3, note=72, time=380),
        mido.Message("sysex", data=[1, 2, 3]),
        *(control(64, 0, time=100_000), mido.MetaMessage("lyrics", text="late", time=100)),
    ]
    mido.MidiFile(tracks=[mido.MidiTrack(events)]).save(tmp_path / "a.mid")
    melody = read_melody(tmp_path / "a.mid")
    assert any("Not kept: 1 messages to one make" in line for line in melody.report)
    after = arranged(tmp_path / "a.mid", tmp_path)
    found = [(m.type, getattr(m, "control", None), m.time) for m in said(after.tracks[1])]
    kept = [("aftertouch", None, 100), ("control_change", 121, 100), ("control_change", 64, 480)]
    bank = [("control_change", 0, 0), ("control_change", 32, 0)]
    assert found == [*bank, ("program_change", None, 0), *kept, ("lyrics", None, 480)]
    assert {m.channel for m in said(after.tracks[1]) if not m.is_meta} == {0}
    after = arranged(tmp_path / "a.mid", tmp_path, programs=[19, 0, 0, 0])
    assert [m.program for m in said(after.tracks[1]) if m.type == "program_change"] == [19]


def test_karaoke_words_of_another_track_go_to_the_part_that_sings_them(tmp_path):
    path = write_notes(tmp_path / "a.mid", ("Tune", [(0, 480, 72), (480, 960, 74), (960, 1440, 76)]))
    midi = mido.MidiFile(path)
    texts = [("@KMIDI", 0), ("\\Glo", 0), ("ri", 478), ("a", 482)]
    midi.tracks.append(mido.MidiTrack([mido.MetaMessage("text", text=t, time=time) for t, time in texts]))
    midi.save(path)
    melody = read_melody(path)
    found = [(sign.tick, sign.value, sign.detail) for sign in melody.signs]
    assert found == [(0, "Glo-", "begin"), (480, "ri-", "middle"), (960, "a", "end")]
    assert [m.text for m in said(arranged(path, tmp_path).tracks[1]) if m.type == "text"] == [
        "\\Glo",
        "ri",
        "a",
    ]


@pytest.mark.parametrize("text", ["Fl\xf6te", "Flöte", "歌"])
def test_words_in_any_script_stay(tmp_path, text):
    raw = text.encode("latin-1") if text == "Fl\xf6te" else text.encode()
    word = b"\x00\xff\x05" + bytes([len(raw)]) + raw
    (tmp_path / "a.mid").write_bytes(midi_of(track_of(word, C_NOTE)))
    midi = arranged(tmp_path / "a.mid", tmp_path)
    (found,) = [m.text for m in midi.tracks[1] if m.type == "lyrics"]
    assert found.encode("latin-1").decode() == text


def test_keys_meters_and_tempi_change_where_the_file_says(tmp_path):
    file = INPUTS / "m20_key_meter_tempo_change.mid"
    melody = read_melody(file)
    assert melody.keys == (Key(Fraction(0), 2, "major"), Key(Fraction(16), -3, "major"))
    assert melody.meters == (Meter(0, 4, 4), Meter(16, 3, 4))
    before, after = mido.MidiFile(file), arranged(file, tmp_path)
    assert said(after.tracks[0]) == said(before.tracks[0])
    minor = [mido.MetaMessage("key_signature", key=key, time=480 * n) for n, key in enumerate(("G#m", "Dm"))]
    path = write_notes(tmp_path / "b.mid", [(0, 960, 72)], conductor=minor)
    assert read_melody(path).keys == (Key(Fraction(0), 5, "minor"), Key(Fraction(1), -1, "minor"))


# --- Time signatures off the grid ----------------------------------------------


@pytest.mark.parametrize("file", ["signature_one_tick_early.mid", "signature_one_tick_late.mid"])
def test_a_signature_beside_a_step_counts_at_the_step(tmp_path, file):
    arrangement = harmonize(INPUTS / file, takes=1, generator=generator)
    assert arrangement.melody.meters == (Meter(0, 4, 4), Meter(8, 3, 4))
    assert arrangement.bars.tolist() == [0, 16, 32, 44, 56]
    assert not any("time signature" in line for line in arrangement.report)  # nobody hears a tick
    song = read_song(arrangement.write(tmp_path / "a.musicxml"))
    assert song.meters == (Meter(0, 4, 4), Meter(8, 3, 4))


def test_a_signature_far_from_a_step_is_reported():
    meters, remarks = snap_meters([Meter(Fraction(0), 4, 4), Meter(Fraction(65, 16), 3, 4)])
    assert meters == [(0, 4, 4), (Fraction(4), 3, 4)]
    assert len(remarks) == 1 and "3/4" in remarks[0] and "0.062 beats" in remarks[0]
    meters, remarks = snap_meters(
        [Meter(Fraction(2), 1, 1 << 200), Meter(Fraction(3), 0, 4), Meter(0, 1, 16)]
    )
    assert meters == [(0, 1, 16)]
    assert "left out" in remarks[0] and "0/4" in remarks[0]


# --- Damage that players pass over -----------------------------------------------


def chunk(name, body):
    return name + struct.pack(">I", len(body)) + body


LATE_NOTE = b"\x83\x60\xff\x60\x01\x00" + C_NOTE  # a quarter after a message of an unknown kind


def meta(kind, body):
    return b"\x00\xff" + bytes([kind, len(body)]) + body


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ((INPUTS / "m01_key_18_flats.mid").read_bytes(), "1 message"),
        ((INPUTS / "m03_xf_chunk_between.mid").read_bytes(), "1 foreign chunk "),
        (midi_of(track_of(C_NOTE), promised=0xFFFF), "promises 65535 tracks, there are 1"),
        (midi_of(track_of(), track_of(C_NOTE), promised=1), "promises 1 tracks, there are 2"),
        (midi_of(track_of(), track_of(C_NOTE), promised=0), "promises 0 tracks, there are 2"),
        (b"RIFF\x00\x00\x00\x00RMIDdata\x00\x00\x00\x00" + midi_of(track_of(C_NOTE)), "20 bytes of wrapping"),
        (b"\0" * 128 + midi_of(track_of(C_NOTE)), "128 bytes of wrapping"),
        (midi_of(track_of(C_NOTE)) + b"\0" * 7, "7 bytes after"),
        (midi_of(track_of(C_NOTE)) + b"some text of a mail program", "27 bytes after"),
        (midi_of(track_of(C_NOTE), chunk(b"XFKM", b"abc"), promised=1), "1 foreign chunk "),
        (midi_of(track_of(), b"garbage!", track_of(C_NOTE), promised=2), "1 foreign chunk "),
        (midi_of(track_of(meta(0x59, b"\x07\x02"), C_NOTE)), "1 message"),
        (midi_of(track_of(meta(0x59, b""), meta(0x51, b"\x07"), meta(0x58, b"\x04"), C_NOTE)), "3 messages"),
        (midi_of(track_of(meta(0x54, b"\xff\xff\xff\xff\xff"), C_NOTE)), "1 message"),
    ],
)
def test_common_damage_is_passed_over_with_a_word(tmp_path, data, said):
    path = tmp_path / "a.mid"
    path.write_bytes(data)
    melody = read_melody(path)
    assert len(melody.notes) in (1, 23)
    assert sum(said in line for line in melody.report) == 1, melody.report
    midi_utils.read_grid(path)


def test_a_longer_header_is_read(tmp_path):
    whole = midi_of(track_of(C_NOTE))
    (tmp_path / "a.mid").write_bytes(whole[:4] + struct.pack(">I", 8) + whole[8:14] + b"\0\0" + whole[14:])
    assert len(read_melody(tmp_path / "a.mid").notes) == 1


def test_a_message_of_an_unknown_kind_keeps_its_time(tmp_path):
    (tmp_path / "a.mid").write_bytes(midi_of(track_of(LATE_NOTE)))
    assert [note.start for note in read_melody(tmp_path / "a.mid").notes] == [480]


def test_film_time_is_refused_in_words(tmp_path):
    data = TWINKLE.read_bytes()
    (tmp_path / "a.mid").write_bytes(data[:12] + b"\xe8\x28" + data[14:])
    with pytest.raises(MelodyError, match=r"frames per second.*not in beats.*ticks per quarter note"):
        read_melody(tmp_path / "a.mid")


# --- What no number or name may do -------------------------------------------------


@pytest.mark.parametrize("pickup", [float("nan"), float("inf"), -1, "x", 1e300])
def test_impossible_pickups_are_refused(pickup):
    with pytest.raises(MelodyError, match="a pickup of"):
        read_melody(TWINKLE, pickup=pickup)


def test_a_pickup_ends_with_a_step():
    assert read_melody(TWINKLE, pickup=1 / 3).pickup == Fraction(1, 4)


@pytest.mark.parametrize(
    "text", ["C5:1e10000000", "C" + "5" * 5000, "C5:" + "1" * 5000, "C5:1/" + "3" * 5000]
)
def test_endless_numbers_are_refused_at_once(text):
    with pytest.raises(MelodyError, match="note 1, ") as caught:
        parse_notes(text)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "pair", [("C5", "1e10000000"), ("C" + "5" * 5000, 1), (10**5000, 1), ("C5", 10**400), ("C5", -(10**5000))]
)
def test_endless_numbers_in_pairs_are_refused_at_once(pair):
    with pytest.raises(MelodyError) as caught:
        read_melody([pair])
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("voices", [2, 6])
def test_pictures_name_as_many_voices_as_there_are(voices):
    rolls = np.full((1, 32, 128, voices), -1.0)
    figure = plot_pianoroll(1, rolls, rolls, programs=[0] * voices)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        f"voice {1 + voice}" for voice in range(voices)
    ]
    figure = plot_pianoroll(1, rolls, rolls)  # four programs, as by default
    assert all(text.get_text().startswith("voice") for text in figure.legends[0].get_texts())
