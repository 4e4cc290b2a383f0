import dataclasses
import re
import subprocess
import threading
from pathlib import Path
from xml.etree import ElementTree

import imageio_ffmpeg
import mido
import music21
import nbformat
import numpy as np
import pytest

from utils.arranger.takes import harmonize_takes
from utils.lesson.definitions import NOTEBOOK
from utils.panel.controls import AS_IT_IS
from utils.panel.lay_out import play_take
from utils.panel.panel import panel as open_panel
from utils.panel.work_file import unpack
from utils.songs.song import MelodyError

TWINKLE = Path("input_twinkle_twinkle.mid")
NOTES = "G4 C5:2 E5 D5 C5:2"
PAIRS = [("G4", 1), ("C5", 2), ("E5", 1), ("D5", 1), ("C5", 2)]


def press(panel, button):
    button.click()
    panel.wait()
    return panel.status.value


def typed(folder, notes=NOTES, takes=1, generator=None):
    """A panel in which somebody has typed a tune."""
    panel = open_panel(generator, folder=folder)
    panel.source.index, panel.entry.value, panel.wishes.takes.value = 1, notes, takes
    return panel


def now(panel):
    return panel._history.now


def choose_note(panel, voice, step):
    """Choose a note, as a click on it does."""
    number = ("soprano", "alto", "tenor", "bass").index(voice)
    notes = panel.instrument.takes[panel.instrument.take]["notes"][number]
    note = next(n for n in reversed(notes) if n["step"] <= step)
    chosen = {"voice": voice, "number": number, "place": note["place"], "pitch": note["name"]}
    panel.instrument.note = chosen | {"step": note["step"]}
    return note["step"]


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """A panel that has harmonized what somebody typed."""
    panel = typed(tmp_path_factory.mktemp("panel") / "new", takes=2)
    panel.wishes.pickup.value, panel.wishes.seed.value = "1 beat", 5
    panel.sound.tempo.value, panel.sound.instrument.value = 60, "church organ"
    press(panel, panel.button)
    return panel


@pytest.fixture
def twinkle(tmp_path):
    """A panel with one take of the first song of the list."""
    panel = open_panel(folder=tmp_path)
    panel.wishes.takes.value = 1
    assert "Twinkle Twinkle: one take." in press(panel, panel.button)
    return panel


def same(one, other):
    """Whether two values are alike to the last bit."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    if dataclasses.is_dataclass(one):
        names = [field.name for field in dataclasses.fields(one) if field.name != "previous"]
        return all(same(getattr(one, name), getattr(other, name)) for name in names)
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


# --- From the button to the files --------------------------------------------


def test_the_panel_does_what_the_plain_cell_does(played, tmp_path):
    takes = harmonize_takes(PAIRS, takes=2, seed=5, pickup=1)
    for number, take in enumerate(takes):
        played.instrument.take = number
        said = press(played, played.desk.home["MIDI"])
        own = take.write(tmp_path / f"{number}.mid", programs=[19] * 4, tempo=60)
        file = played._folder / f"My tune, take {number + 1}.mid"
        assert file.name in said
        assert file.read_bytes() == own.read_bytes()
    played.instrument.take = 0


def test_no_take_is_made_twice(tmp_path, monkeypatch):
    made, panel = [], typed(tmp_path, takes=4)

    def count_takes(*asked, **options):
        made.append(options["takes"])
        return harmonize_takes(*asked, **options)

    monkeypatch.setattr("utils.panel.panel.harmonize_takes", count_takes)
    press(panel, panel.button)
    assert made == [1, 3]
    for take, plain in zip(now(panel).takes, harmonize_takes(PAIRS, takes=4), strict=True):
        np.testing.assert_array_equal(take.grid, plain.grid)


def test_the_first_take_is_shown_before_the_others_are_made(tmp_path):
    panel, seen = typed(tmp_path, takes=3), []
    panel.instrument.observe(lambda change: seen.append(len(change["new"])), "takes")
    press(panel, panel.button)
    assert seen == [1, 3]
    held = now(panel).held
    assert len(held) == 3 and all(array[:, 0].all() and not array[:, 1:].any() for array in held)


def test_how_the_first_take_begins_is_played_before_the_others_are_made(tmp_path, monkeypatch):
    done, panel = [], typed(tmp_path, takes=3)

    def log(act):
        return lambda *asked, **options: done.append(act) or act(*asked, **options)

    monkeypatch.setattr("utils.panel.panel.harmonize_takes", log(harmonize_takes))
    monkeypatch.setattr("utils.panel.instrument.play_take", log(play_take))
    press(panel, panel.button)
    assert done == [harmonize_takes, play_take, harmonize_takes]


def test_what_is_taken_home_opens(played):
    for button in played.desk.home.values():
        press(played, button)
    stem = played._folder / "My tune, take 1"
    midi, score, sound, picture = (stem.with_suffix(end) for end in (".mid", ".musicxml", ".mp3", ".svg"))
    assert mido.MidiFile(midi).length == pytest.approx(7, abs=0.1)
    programs = {
        m.program for track in mido.MidiFile(midi).tracks for m in track if m.type == "program_change"
    }
    assert programs == {19}
    assert len(music21.converter.parse(score).parts) == 4
    told = subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-i", str(sound)], capture_output=True, text=True, check=False
    ).stderr
    assert "44100 Hz, stereo" in told
    minutes, seconds = re.search(r"Duration: 00:(\d\d):(\d\d\.\d\d)", told).groups()
    assert 7 < 60 * int(minutes) + float(seconds) < 10
    root = ElementTree.fromstring(picture.read_text())
    assert root.tag.endswith("svg") and "white" in root.get("style")


def test_files_go_to_the_browser_under_names_that_every_system_takes(tmp_path, monkeypatch):
    panel, sent = typed(tmp_path), []
    monkeypatch.setattr(panel.courier, "send", lambda *message: sent.append(message))
    panel.entry.file = ("what? a/tune: mine.mid", TWINKLE.read_bytes())
    press(panel, panel.button)
    press(panel, panel.desk.home["MIDI"])
    ((message, (data,)),) = sent
    assert message == {"name": "tune- mine.mid", "media": "audio/midi"}
    assert data == (tmp_path / "tune- mine.mid").read_bytes()


def test_an_uploaded_name_cannot_leave_the_folder(tmp_path):
    panel = typed(tmp_path / "in")
    for name in ("../../out.mid", "..\\out.mid", "/elsewhere/out.mid"):
        panel.entry.file = (name, TWINKLE.read_bytes())
        path = panel._melody(tmp_path)
        assert path == tmp_path / "out.mid"
        path.unlink()


def test_wishes_reach_the_arranger(tmp_path, monkeypatch):
    asked = []

    def harmonize_nothing(melody, **options):
        asked.append((options["phrases"], options["chords"], options["closeness"]))
        raise ValueError("/home/anybody/enough")

    monkeypatch.setattr("utils.panel.panel.harmonize_takes", harmonize_nothing)
    panel = open_panel(folder=tmp_path)
    panel.wishes.closeness.value = 2
    for phrases, chords in (("", ""), (" 1:3 ", "C | F"), ("none", "score")):
        panel.wishes.phrases.value, panel.wishes.chords.value = phrases, chords
        said = press(panel, panel.button)
    assert asked == [(None, None, 2), ("1:3", "C | F", 2), ("none", "score", 2)]
    assert "enough" in said and "anybody" not in said


def test_what_was_said_about_a_song_is_not_said_about_the_next(tmp_path):
    panel = open_panel(folder=tmp_path)
    panel.wishes.chords.value, panel.wishes.phrases.value, panel.wishes.pickup.value = "C", "1:1", "1 beat"
    panel.tune.index = 3
    wishes = panel.wishes
    assert (wishes.chords.value, wishes.phrases.value, wishes.pickup.value) == ("", "", AS_IT_IS)


def visible(widget):
    """Everything of a widget that is not hidden."""
    if getattr(widget.layout, "display", None) == "none":
        return []
    return [widget, *(one for child in getattr(widget, "children", ()) for one in visible(child))]


def test_chords_can_be_wished_for_from_the_start(tmp_path):
    panel = typed(tmp_path, "C5 D5 E5 C5")
    assert panel.wishes.chords in visible(panel) and panel.desk.again not in visible(panel)
    panel.wishes.chords.value, panel.wishes.closeness.value = "Am", 3
    press(panel, panel.button)
    assert {pitch % 12 for pitch in now(panel).shown.grid[0]} <= {9, 0, 4}
    panel.wishes.chords.value = "C"
    press(panel, panel.button)
    assert {pitch % 12 for pitch in now(panel).shown.grid[0]} <= {0, 4, 7}


def write_without_its_pickup(path):
    """A song that begins with an upbeat, in a file that does not say so."""
    song = mido.MidiFile(ticks_per_beat=480)
    song.tracks.append(track := mido.MidiTrack())
    for pitch, beats in [(67, 1), *[(72, 2), (74, 1), (76, 1)] * 5, (72, 3)]:
        track.append(mido.Message("note_on", note=pitch, velocity=80))
        track.append(mido.Message("note_off", note=pitch, time=480 * beats))
    song.save(path)
    return path.read_bytes()


def test_a_pickup_that_is_suspected_is_one_click_away(tmp_path):
    panel = typed(tmp_path)
    offer = panel.wishes.offer
    assert offer not in visible(panel)
    panel.entry.file = ("upbeat.mid", write_without_its_pickup(tmp_path / "upbeat.mid"))
    assert "better with a pickup" in press(panel, panel.button)
    assert offer in visible(panel) and offer.description == "Harmonize upbeat with a pickup of 1 beat"
    assert now(panel).shown.melody.pickup == 0
    said = press(panel, offer)
    assert "upbeat: one take." in said and "pickup" not in said
    assert offer not in visible(panel) and panel.wishes.pickup.value == "1 beat"
    assert now(panel).shown.melody.pickup == 1


def test_a_pickup_is_offered_of_the_chosen_song_only(tmp_path):
    panel = typed(tmp_path)
    panel.entry.file = ("upbeat.mid", write_without_its_pickup(tmp_path / "upbeat.mid"))
    press(panel, panel.button)
    panel.source.index = 0
    assert panel.wishes.offer not in visible(panel)
    panel.source.index = 1
    panel.button.click()
    panel.source.index = 0  # meanwhile
    panel.wait()
    assert panel.wishes.offer not in visible(panel) and "better" not in panel.status.value


# --- What goes wrong ---------------------------------------------------------


def test_what_goes_wrong_is_said_with_advice(tmp_path):
    panel = typed(tmp_path, "")
    assert 'role="alert"' in press(panel, panel.button)
    assert "there is no note yet. Write them like this" in panel.status.value
    panel.entry.value = "<b>"
    assert "&lt;b&gt;" in press(panel, panel.button)
    panel.entry.value, panel.wishes.phrases.value = "C5 D5 E5 C5", "1:9"
    assert "that bar has no such beat" in press(panel, panel.button)
    panel.entry.file = ("letter.mid", b"Dear Sir")
    said = press(panel, panel.button)
    assert "Not done." in said and "letter.mid" in said and "/tmp" not in said


def test_an_unforeseen_failure_is_said_too(tmp_path):
    def generator(inputs, training):
        raise RuntimeError("output array is read-only")

    panel = open_panel(generator, folder=tmp_path)
    said, details = press(panel, panel.button).split("<details>")
    assert "Try it once more" in said and "read-only" not in said
    assert "RuntimeError: output array is read-only" in details


def test_a_failure_leaves_no_take_under_a_wrong_name(tmp_path):
    """One press after another, each in a thread of its own."""
    panel = open_panel(folder=tmp_path)
    panel.wishes.takes.value = 2
    assert "Twinkle Twinkle: 2 takes, the likeliest first." in press(panel, panel.button)
    panel.source.index, panel.entry.value = 1, "C5 D5 H5"
    assert "What stands below is still Twinkle Twinkle." in press(panel, panel.button)
    names = [take["name"] for take in panel.instrument.takes]
    assert names == ["Twinkle Twinkle, take 1", "Twinkle Twinkle, take 2"]
    for notes in ("C5 D5 E5 C5", "G4 A4 B4 G4"):
        panel.entry.value, panel.wishes.takes.value = notes, 1
        said = press(panel, panel.button)
        assert "My tune: one take." in said and "likeliest" not in said and "network" not in said
        (take,) = panel.instrument.takes
        assert take["name"] == "My tune"
        assert take["notes"][0][0]["name"] == notes[:2]


def test_a_second_click_during_the_work_is_passed_over(tmp_path):
    asked, go_on = [], threading.Event()

    def generator(inputs, training):
        asked.append(1)
        go_on.wait(20)
        raise MelodyError("/somewhere/else/song.mid", "enough", "Stop (--now)")

    panel = open_panel(generator, folder=tmp_path)
    panel.button.click()
    panel.button.click()
    assert "still being worked on" in panel.aside.value
    go_on.set()
    panel.wait()
    assert len(asked) == 1 and panel.aside.value == ""
    assert "song.mid: enough. Stop." in panel.status.value and "somewhere" not in panel.status.value
    press(panel, panel.button)
    assert len(asked) == 2


# --- The instrument's controls -----------------------------------------------


def test_bars_are_written_again_undone_and_done_again(twinkle):
    first = now(twinkle)
    assert twinkle.desk.undo.disabled and twinkle.desk.redo.disabled
    twinkle.instrument.bars = [2, 3]
    assert twinkle.desk.again.description == "Write bars 2-3 again"
    assert "Bars 2-3 written again" in press(twinkle, twinkle.desk.again)
    second = now(twinkle)
    outside = np.ones(192, bool)
    outside[16:48] = False
    np.testing.assert_array_equal(second.shown.grid[outside], first.shown.grid[outside])
    assert (second.shown.grid != first.shown.grid).any()
    assert twinkle.instrument.bars == [2, 3]
    press(twinkle, twinkle.desk.again)
    third = now(twinkle)
    assert (third.shown.grid != second.shown.grid).any()  # another chance at each press
    for button, expected in (
        (twinkle.desk.undo, second),
        (twinkle.desk.undo, first),
        (twinkle.desk.redo, second),
        (twinkle.desk.redo, third),
    ):
        press(twinkle, button)
        assert now(twinkle) is expected
        shown = [note["pitch"] for note in twinkle.instrument.takes[0]["notes"][3]]
        line = expected.shown.grid[:, 3][expected.shown.onset[:, 3]]
        assert shown == line.tolist()
    assert twinkle.desk.redo.disabled and not twinkle.desk.undo.disabled


def test_what_is_held_stays(twinkle):
    first = now(twinkle).shown
    soprano, alto, tenor, bass = twinkle.desk.held.children
    assert soprano.value and soprano.disabled and not bass.value
    bass.value = True
    twinkle.instrument.bars = [5, 6]
    twinkle.desk.hold_bars.click()
    twinkle.instrument.bars = []
    press(twinkle, twinkle.desk.again)
    second = now(twinkle).shown
    np.testing.assert_array_equal(second.grid[:, [0, 3]], first.grid[:, [0, 3]])
    np.testing.assert_array_equal(second.grid[64:96], first.grid[64:96])
    assert (second.grid[:, 1:3] != first.grid[:, 1:3]).any()
    alto.value = tenor.value = True
    assert "everything in all bars is held. Let go" in press(twinkle, twinkle.desk.again)
    alto.value = bass.value = False
    twinkle.instrument.bars = [1]
    twinkle.desk.free_bars.click()
    assert soprano.value
    press(twinkle, twinkle.desk.again)
    np.testing.assert_array_equal(now(twinkle).shown.grid[16:], second.grid[16:])


def test_a_chosen_note_is_changed_and_held(twinkle):
    first = now(twinkle).shown
    step = choose_note(twinkle, "bass", 16)
    twinkle.desk.higher.click()
    twinkle.wait()
    second = now(twinkle).shown
    assert 0 < second.grid[step, 3] - first.grid[step, 3] <= 2
    assert (second.grid[step, 3] - 0) % 12 in {0, 2, 4, 5, 7, 9, 11}  # of C major
    assert twinkle.instrument.note["step"] == step
    twinkle.sound.transposition.value = 2
    twinkle.wait()
    twinkle.change_note("Bb2")
    twinkle.wait()
    assert now(twinkle).shown.grid[step, 3] == 44  # as it sounds, a tone lower in the song's own key
    twinkle.instrument.bars = []
    press(twinkle, twinkle.desk.again)
    assert now(twinkle).shown.grid[step, 3] == 44
    choose_note(twinkle, "bass", 16)
    twinkle.change_note("what")
    twinkle.wait()
    assert "is no note. Write a letter" in twinkle.status.value
    choose_note(twinkle, "soprano", 16)
    twinkle.change_note("C5")
    twinkle.wait()
    assert "the melody is its owner" in twinkle.status.value


def test_chords_are_wished_for_above_the_score(twinkle):
    twinkle.wishes.chords.value = "Am | F | C | G | Am | F | C | G | Am | F | G7 | C"
    twinkle.wishes.closeness.value = 3
    press(twinkle, twinkle.desk.again)
    take = now(twinkle).shown
    assert [chord.figure for chord in take.chords][:2] == ["Am", "F"]
    assert (take.grid[::16, 3] % 12 == np.tile([9, 5, 0, 7], 3)).mean() > 0.5
    twinkle.wishes.chords.value = "Xyz"
    assert "no chord symbol that is known" in press(twinkle, twinkle.desk.again)


def test_marks_of_one_song_are_not_those_of_another(twinkle):
    twinkle.instrument.bars = [2, 11]
    choose_note(twinkle, "bass", 16)
    press(twinkle, twinkle.desk.again)
    assert twinkle.instrument.bars == [2, 11] and twinkle.instrument.note
    twinkle.source.index, twinkle.entry.value = 1, NOTES
    press(twinkle, twinkle.button)
    assert twinkle.instrument.bars == [] and twinkle.instrument.note is None
    twinkle.instrument.bars = [1]
    press(twinkle, twinkle.desk.undo)
    assert twinkle.instrument.bars == [] and twinkle.desk.again.description == "Write it all again"


def test_only_a_note_that_may_change_has_buttons(twinkle):
    def says():
        return twinkle.desk.note.value, twinkle.desk.lower.disabled, twinkle.desk.pitch.disabled

    assert says() == ("click one to change it", True, True)
    choose_note(twinkle, "soprano", 16)
    assert says() == ("soprano at 2:1: A5, of the melody, which stays", True, True)
    choose_note(twinkle, "bass", 16)
    assert says()[0].startswith("bass at 2:1: ") and says()[1:] == (False, False)


def test_answers_stand_between_the_tools_and_the_music(twinkle):
    shown = [twinkle.desk.tools, twinkle.status, twinkle.wishes.offer, twinkle.aside, twinkle.desk]
    assert list(twinkle.children[-6:-1]) == shown
    assert [one.layout.display for one in shown] == [None, None, "none", None, None]
    assert [one.layout.display for one in (open_panel().desk, open_panel().desk.tools)] == ["none"] * 2


def test_how_it_sounds_changes_without_another_computation(twinkle, monkeypatch):
    monkeypatch.setattr("utils.panel.panel.harmonize_takes", None)
    before = now(twinkle)
    notes = [note["pitch"] for note in twinkle.instrument.takes[0]["notes"][1]]
    twinkle.sound.transposition.value = -3
    twinkle.wait()
    assert [note["pitch"] + 3 for note in twinkle.instrument.takes[0]["notes"][1]] == notes
    twinkle.sound.tempo.value = 50
    twinkle.wait()
    beat, second = twinkle.instrument.takes[0]["clock"][-1]
    assert second == pytest.approx(beat * 60 / 50, abs=0.01)
    assert now(twinkle) is before
    press(twinkle, twinkle.desk.home["MusicXML"])
    score = music21.converter.parse(twinkle._folder / "Twinkle Twinkle.musicxml")
    assert score.parts[0].flatten().notes[0].pitch.midi == before.shown.grid[0, 0] - 3
    assert score.flatten().getElementsByClass("KeySignature")[0].sharps == 3  # A major


def test_another_song_begins_in_its_own_key_and_tempo(twinkle):
    sound = twinkle.sound
    sound.transposition.value, sound.tempo.value, sound.instrument.value = 5, 140, "church organ"
    twinkle.wait()
    press(twinkle, twinkle.button)
    assert (sound.transposition.value, sound.tempo.value) == (5, 140)
    twinkle.tune.index = 2
    press(twinkle, twinkle.button)
    assert (sound.transposition.value, sound.tempo.value, sound.instrument.value) == (0, 0, "church organ")
    shown = twinkle.instrument.takes[0]["notes"][0][0]["pitch"]
    assert shown == now(twinkle).shown.grid[0, 0]


def test_phrases_are_moved(twinkle):
    ends = now(twinkle).shown.melody.phrase_ends
    twinkle.instrument.phrases = ["1:4", "12:3"]
    twinkle.wait()
    assert now(twinkle).shown.melody.phrase_ends == (12, 184)
    assert twinkle.instrument.phrases == ["1:4", "12:3"]
    press(twinkle, twinkle.desk.undo)
    assert now(twinkle).shown.melody.phrase_ends == ends


def test_results_are_kept_by_name_and_chosen_again(twinkle):
    first = now(twinkle)
    twinkle.desk.title.value = "plain"
    twinkle.desk.keep.click()
    press(twinkle, twinkle.desk.again)
    changed = now(twinkle)
    twinkle.tune.index = 2
    press(twinkle, twinkle.button)
    other = twinkle.tune.label
    assert twinkle.desk.earlier.options == ("Twinkle Twinkle", "plain", other)
    twinkle.desk.earlier.value = "plain"
    twinkle.wait()
    assert now(twinkle).takes is first.takes and "plain is back" in twinkle.status.value
    twinkle.desk.earlier.value = "Twinkle Twinkle"
    twinkle.wait()
    assert now(twinkle) is changed
    assert twinkle.instrument.takes[0]["name"] == "Twinkle Twinkle"


# --- One file to go on with --------------------------------------------------


def test_work_goes_on_from_a_file_as_if_it_had_never_stopped(played, tmp_path):
    choose_note(played, "bass", 8)
    played.desk.lower.click()
    played.wait()
    played.wishes.chords.value = "C | F"
    press(played, played.desk.again)
    played.desk.held.children[1].value = True
    press(played, played.desk.save)
    saved = played._folder / "My tune.bach"
    results, title, settings = unpack(saved.name, saved.read_bytes())
    (result,) = (one for one in results if one.title == title)
    assert same(result, now(played))
    assert result.takes[0].melody is result.takes[1].melody  # once, as it was
    assert settings["tempo"] == 60
    panel = typed(tmp_path)
    panel.entry.file = (saved.name, saved.read_bytes())
    panel.wait()
    assert same(now(panel), now(played))
    assert (panel.sound.tempo.value, panel.sound.instrument.value) == (60, "church organ")
    assert [toggle.value for toggle in panel.desk.held.children] == [True, True, False, False]
    panel.wishes.chords.value = played.wishes.chords.value
    panel._again = played._again
    for one in (panel, played):
        one.wishes.seed.value = 7
        press(one, one.desk.again)
    assert same(now(panel).shown.grid, now(played).shown.grid)


@pytest.mark.parametrize("harm", [lambda data: data[:-50], lambda data: b"Dear Sir", lambda data: b""])
def test_a_damaged_file_is_refused(played, tmp_path, harm):
    press(played, played.desk.save)
    data = (played._folder / "My tune.bach").read_bytes()
    panel = typed(tmp_path)
    panel.entry.file = ("work.bach", harm(data))
    panel.wait()
    assert "work.bach: it holds no work of this program" in panel.status.value
    assert now(panel) is None


# --- Which part is which voice -----------------------------------------------


def test_parts_of_a_file_are_kept_as_voices(tmp_path):
    panel = open_panel(folder=tmp_path)
    press(panel, panel.button)
    press(panel, panel.desk.home["MusicXML"])
    four = (tmp_path / "Twinkle Twinkle, take 1.musicxml").read_bytes()
    grid = now(panel).shown.grid
    panel.source.index, panel.entry.file, panel.wishes.takes.value = 1, ("four.musicxml", four), 1
    assert panel.voices.several and [part.description for part in panel.voices.parts] == [
        "Soprano:",
        "Alto:",
        "Tenor:",
        "Bass:",
    ]
    assert panel.voices.options() == {}
    panel.voices.parts[3].value = "bass"
    panel.voices.parts[0].value = "soprano"
    press(panel, panel.button)
    np.testing.assert_array_equal(now(panel).shown.grid[:, [0, 3]], grid[:, [0, 3]])
    assert [toggle.value for toggle in panel.desk.held.children] == [True, False, False, True]
    panel.voices.parts[1].value = "bass"
    assert "two parts are to be one voice" in press(panel, panel.button)
    panel.entry.file = None
    assert not panel.voices.several


# --- What it is --------------------------------------------------------------


def test_pages_without_widgets_get_one_sentence():
    assert open_panel()._repr_mimebundle_()["text/plain"].startswith("A panel: it appears when")


def test_every_choice_shows_what_holds_without_choosing():
    panel = open_panel()
    choices = (panel.sound.tempo, panel.sound.instrument, panel.sound.transposition, panel.tune, panel.source)
    assert [choice.index for choice in choices] == [0] * 5
    assert panel.sound.tempo.label == panel.sound.instrument.label == AS_IT_IS
    assert len(panel.tune.options) > 10 and not any("Bach" in name for name, _ in panel.tune.options)


def test_the_panel_opens_right_after_chapter_one(tmp_path):
    """What the first chapter imports is all that its cell needs."""
    cells = {cell.id: cell for cell in nbformat.read(NOTEBOOK, as_version=4).cells}
    (opening,) = (cell.source for cell in cells.values() if cell.source.startswith("inference_utils.panel("))
    listening = list(cells.values())
    first = next(n for n, cell in enumerate(listening) if cell.source.startswith("## 2."))
    imports = [
        line
        for cell in listening[:first]
        if cell.cell_type == "code"
        for line in cell.source.splitlines()
        if line.startswith(("import ", "from "))
    ]
    names = {}
    exec("\n".join([*imports, f"panel = {opening}"]), names)
    assert isinstance(names["panel"].button.description, str)
