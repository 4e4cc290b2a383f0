import gzip
import threading

import mido
import music21
import numpy as np
import pretty_midi
import pytest
from scipy.signal import oaconvolve

from utils.arranger.takes import harmonize_takes
from utils.panel.instrument import Instrument
from utils.panel.lay_out import draw_take, lay_out, play_take
from utils.panel.modules import join_modules
from utils.songs import sound
from utils.songs.places import find_note


@pytest.fixture(scope="module")
def takes(tmp_path_factory):
    """Two takes of a tune in 3/4 with a pickup, flats, a tie over a bar line, and another tempo in bar 3."""
    song = mido.MidiFile(ticks_per_beat=480)
    song.tracks.append(track := mido.MidiTrack())
    track.append(mido.MetaMessage("time_signature", numerator=3, denominator=4))
    track.append(mido.MetaMessage("key_signature", key="F"))
    track.append(mido.MetaMessage("set_tempo", tempo=600_000))
    tune = [
        (72, 1),
        (77, 2),
        (77, 1),
        (79, 1),
        (77, 1),
        (74, 2),
        (70, 0.5),
        (72, 0.5),
        (74, 2),
        (76, 1),
        (77, 3),
    ]
    for number, (pitch, beats) in enumerate(tune):
        if number == 6:
            track.append(mido.MetaMessage("set_tempo", tempo=900_000))
        track.append(mido.Message("note_on", note=pitch, velocity=80))
        track.append(mido.Message("note_off", note=pitch, time=round(480 * beats)))
    path = tmp_path_factory.mktemp("tune") / "waltz.mid"
    song.save(path)
    return harmonize_takes(path, takes=2, seed=3, pickup=1, phrases="2:3 4:3")


@pytest.fixture(scope="module")
def laid(takes):
    return lay_out(takes[0], "First")


def seconds(laid, beats):
    return np.interp(beats, *np.transpose(laid["clock"]))


def test_notes_are_those_of_the_midi_file(takes, laid, tmp_path):
    played = pretty_midi.PrettyMIDI(str(takes[0].write(tmp_path / "take.mid"))).instruments
    assert laid["voices"] == ["soprano", "alto", "tenor", "bass"] and laid["tune"] == 0
    for notes, voice in zip(laid["notes"], played, strict=True):
        assert [note["pitch"] for note in notes] == [note.pitch for note in voice.notes]
        for edge in ("start", "end"):
            times = seconds(laid, [note[edge] for note in notes])
            np.testing.assert_allclose(times, [getattr(note, edge) for note in voice.notes], atol=1e-3)


def test_another_tempo_holds_throughout(takes):
    laid = lay_out(takes[0], "First", tempo=50)
    assert laid["clock"] == [[0, 0], [pytest.approx(16), pytest.approx(16 * 1.2)]]


def test_places_find_their_notes_again(takes, laid):
    melody = takes[0].melody
    for voice, notes in enumerate(laid["notes"]):
        for note in notes:
            found = find_note(melody, takes[0].grid[:, voice], takes[0].onset[:, voice], note["place"])
            assert (found[0], found[2]) == (note["step"], note["pitch"])
            assert note["given"] == (voice == 0)
    assert laid["notes"][0][0]["place"] == "0:3"  # the pickup is the last beat of its bar
    assert laid["phrases"] == ["2:3", "4:3"]


def test_bars_are_where_they_are_drawn(takes, laid, tmp_path):
    score = music21.converter.parse(takes[0].write(tmp_path / "take.musicxml", chords=True))
    measures = score.parts[0].getElementsByClass("Measure")
    assert [bar["start"] for bar in laid["bars"]] == [float(measure.offset) for measure in measures]
    assert [bar["number"] for bar in laid["bars"]] == [measure.number for measure in measures]
    assert (laid["bars"][0]["first"], laid["bars"][0]["beat"]) == (-2, 1)
    chords = [
        (float(chord.getOffsetInHierarchy(score)), chord.figure)
        for chord in score.recurse().getElementsByClass("Harmony")
    ]
    assert len(chords) > 4
    assert [(beat, symbol[0]) for beat, symbol in laid["chords"]] == [
        (beat, figure[0]) for beat, figure in chords
    ]


def test_every_note_has_its_heads(takes, laid):
    heads, pages = draw_take(takes[0], laid["notes"], 900)
    (page,) = (gzip.decompress(page).decode() for page in pages)
    for voice, notes in enumerate(laid["notes"]):
        own = [head for head in heads if head[1] == voice]
        assert {head[2] for head in own} == set(range(len(notes)))
        for name, _, number, start, end in own:
            assert f'id="{name}" class="note"' in page
            assert notes[number]["start"] <= start < end <= notes[number]["end"] + 1e-6
    tied = [head for head in heads if head[1] == 0 and head[2] == 8]
    assert [head[3:] for head in tied] == [[9, 10], [10, 11]]
    names = {note["name"] for notes in laid["notes"] for note in notes}
    assert "Bb4" in names and "A#4" not in names


def test_voices_add_up_to_the_whole(takes, tmp_path):
    path = takes[0].write(tmp_path / "take.mid", programs=[0, 19, 0, 19])
    voices = list(sound.render_voices(path))
    angles = (sound.pan_places(4) + 1) * np.pi / 4  # as a StereoPannerNode does
    ears = np.stack([np.cos(angles), np.sin(angles)]) @ voices
    ears = ears + oaconvolve(ears.mean(axis=0)[None], sound.echo(), axes=1)[:, : ears.shape[1]]
    whole = sound.render(path).T
    assert ears.shape == whole.shape
    np.testing.assert_allclose(ears * sound.PEAK / np.abs(ears).max(), whole, atol=1e-4)


def test_a_voice_is_found_again_in_its_clip(takes, tmp_path):
    facts, clips = play_take(takes[0], programs=[19] * 4)
    path = takes[0].write(tmp_path / "take.mid", programs=[19] * 4)
    for clip, own, voice in zip(clips, facts["voices"], sound.render_voices(path), strict=True):
        (tmp_path / "voice.mp3").write_bytes(clip)
        raw = sound._ffmpeg(["-i", str(tmp_path / "voice.mp3"), "-f", "f32le", "pipe:1"], b"", "a voice")
        decoded = np.frombuffer(raw, np.float32)[: facts["samples"]] * own["gain"]
        assert np.corrcoef(decoded, voice[: len(decoded)])[0, 1] > 0.98
        assert abs(len(decoded) - len(voice)) < 1200
    assert [voice["pan"] for voice in facts["voices"]] == sorted(voice["pan"] for voice in facts["voices"])


# Just after a note has ended; long after one has begun.
@pytest.mark.parametrize(("first", "last"), [(3.05, 6.3), (10.2, 11.0)])
def test_an_excerpt_is_cut_out_of_the_whole(takes, tmp_path, first, last):
    path = takes[0].write(tmp_path / "take.mid", programs=[0, 19, 0, 19])
    window = slice(round(first * sound.SAMPLE_RATE), round(last * sound.SAMPLE_RATE))
    excerpts = sound.render_voices(path, excerpt=(first, last))
    for part, whole in zip(excerpts, sound.render_voices(path), strict=True):
        np.testing.assert_allclose(part, whole[window], atol=1e-5)
        assert np.abs(part).max() > 0.01


def test_of_long_music_what_comes_next_is_played_first(takes):
    asked = ((None, 0, 61), (0, 0, 15), (30, 30, 15), (59, 45, 15))
    for begin, begins, lasts in asked:
        facts, clips = play_take(takes[0], tempo=15, begin=begin)
        assert (facts["begin"], facts["seconds"]) == (pytest.approx(begins), pytest.approx(60))
        assert facts["samples"] / facts["rate"] == pytest.approx(lasts, abs=0.1) and len(clips) == 4
        assert facts["whole"] == (begin is None)
    whole, short = play_take(takes[0]), play_take(takes[0], begin=4)
    assert whole == short


def test_what_begins_with_a_rest_is_not_blown_up():
    (take,) = harmonize_takes([("C5", 2), (None, 40), ("D5", 2), ("C5", 4)], takes=1)
    whole, rest = (play_take(take, tempo=60, begin=begin)[0]["gain"] for begin in (None, 10))
    assert rest < 5 * whole


@pytest.fixture
def instrument(takes):
    shown = Instrument()
    shown.sent = []
    shown.send = lambda message, buffers=None: shown.sent.append((message, buffers))
    shown.show(takes, ["First", "Second"])
    return shown


def ask(instrument, kind, take=0, **more):
    instrument._answer(instrument, {"kind": kind, "key": instrument.takes[take]["key"], **more}, [])
    return instrument.sent[-1]


def test_the_page_gets_what_it_asks_for(instrument):
    message, clips = ask(instrument, "sound", 1)
    assert message["kind"] == "sound" and message["key"] == instrument.takes[1]["key"] and len(clips) == 4
    message, pages = ask(instrument, "score", width=400)
    narrow = gzip.decompress(pages[0]).decode()
    assert 'viewBox="0 0 400 ' in narrow and message["width"] == 400
    assert 'class="harm"' not in narrow


def test_what_is_prepared_is_not_played_again(instrument, monkeypatch):
    played = []
    monkeypatch.setattr(
        "utils.panel.instrument.play_take", lambda *asked: played.append(asked[3]) or play_take(*asked)
    )
    instrument.prepare()
    (first, clips), (again, same) = (ask(instrument, "sound", begin=0) for _ in range(2))
    assert played == [0] and first == again and clips == same
    ask(instrument, "sound", begin=1.5)
    ask(instrument, "sound")
    ask(instrument, "sound", take=1, begin=0)
    assert played == [0, 1.5, None, 0]


def test_a_score_is_drawn_in_another_thread_too(instrument):
    thread = threading.Thread(target=ask, args=(instrument, "score"), kwargs={"width": 700})
    thread.start()
    thread.join()
    assert instrument.sent[-1][0]["kind"] == "score"


def test_without_a_score_there_is_sound(instrument, monkeypatch):
    monkeypatch.setattr("utils.panel.lay_out.engrave", lambda *_: 1 / 0)
    message, _ = ask(instrument, "score", width=700)
    assert message["kind"] == "trouble" and message["of"] == "score" and "No score" in message["text"]
    assert ask(instrument, "sound")[0]["kind"] == "sound"


def test_who_is_shown_no_more_is_not_played(instrument, takes):
    old = instrument.takes[0]["key"]
    instrument.show(takes[1:], ["Only"])
    instrument._answer(instrument, {"kind": "sound", "key": old}, [])
    assert instrument.sent == []


def test_shown_again_it_keeps_what_was_marked(instrument, takes):
    instrument.take, instrument.bars, instrument.phrases = 1, [2, 3], ["2:3"]
    instrument.show(takes, ["First", "Second"], programs=[19] * 4, tempo=60, chords=True)
    assert (instrument.take, instrument.bars, instrument.phrases) == (1, [2, 3], ["2:3"])
    assert instrument.takes[1]["clock"][-1][1] == pytest.approx(16)
    assert instrument.takes[1]["symbols"]
    instrument.show(takes[1:], ["Other"])
    assert (instrument.take, instrument.bars, instrument.phrases) == (0, [], ["2:3", "4:3"])
    instrument.show([], [])
    assert instrument.takes == []


def test_what_sounds_and_looks_as_before_is_not_made_again(takes, monkeypatch):
    laid = []
    monkeypatch.setattr(
        "utils.panel.instrument.lay_out", lambda *asked: laid.append(asked[0]) or lay_out(*asked)
    )
    shown = Instrument()
    shown.show(takes[:1], ["Only"])
    only = shown.takes[0]["key"]
    shown.show(takes, ["First", "Second"])
    keys, names = ([take[what] for take in shown.takes] for what in ("key", "name"))
    assert keys[0] == only and keys[1] != only and names == ["First", "Second"]
    assert laid == takes
    shown.show(takes, ["First", "Second"], programs=[19] * 4)
    assert not {take["key"] for take in shown.takes} & set(keys)  # another sound, the same notes
    assert laid == takes
    shown.show(takes, ["First", "Second"], programs=[19] * 4, tempo=60)
    assert laid == [*takes, *takes]


def test_what_is_too_long_for_a_page_is_refused_with_advice(takes, monkeypatch):
    monkeypatch.setattr("utils.panel.lay_out.LONGEST_MIX", 1)
    shown, sent = Instrument(), []
    shown.send = lambda message, buffers=None: sent.append(message)
    shown.show(takes[:1], ["Slow"], tempo=5)
    ask_for_sound = {"kind": "sound", "key": shown.takes[0]["key"]}
    shown._answer(shown, ask_for_sound, [])
    shown.prepare()  # which is no trouble yet
    shown._answer(shown, ask_for_sound | {"begin": 0}, [])
    assert [message["kind"] for message in sent] == ["trouble", "trouble"]
    assert "it lasts 3 minutes, and at most 1 are mixed here. Take its MP3 home" in sent[0]["text"]


def test_a_take_of_another_melody_brings_its_phrases(takes):
    other = harmonize_takes([("C5", 1), ("D5", 1), ("E5", 2)] * 4, phrases="1:3 3:3")
    shown = Instrument()
    shown.show([takes[0], other[0]], ["Waltz", "Other"])
    assert shown.phrases == ["2:3", "4:3"]
    shown.phrases = ["3:3"]
    shown.take = 1
    assert shown.phrases == shown.takes[1]["phrases"] and "1:3" in shown.phrases


def test_modules_are_joined_and_keep_their_own(tmp_path):
    (tmp_path / "one.js").write_text("const SIZE = 1;\nexport function one() {\n  return SIZE;\n}\n")
    (tmp_path / "two.js").write_text(
        'import { one } from "./one.js";\n\nconst SIZE = 2;\nexport default { one };\n'
    )
    joined = join_modules("one", "two", folder=tmp_path)
    assert "import" not in joined and joined.count("export") == 1
    assert joined.startswith("const { one } = (() => {") and joined.endswith("export default { one };\n")
