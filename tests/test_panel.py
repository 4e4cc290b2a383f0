import base64
import re
import threading
from datetime import datetime
from pathlib import Path

import mido
import music21
import nbformat
import pytest

from utils.arranger.takes import harmonize_takes
from utils.lesson.definitions import NOTEBOOK
from utils.panel.panel import AS_IT_IS
from utils.panel.panel import panel as open_panel
from utils.songs.song import MelodyError


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """A panel that has harmonized what somebody typed."""
    panel = open_panel(folder=tmp_path_factory.mktemp("panel") / "new")
    panel.source.index, panel.notes.value = 2, "G4 C5:2 E5 D5 C5:2"
    panel.pickup.value = "1 beat"
    panel.takes.value, panel.seed.value, panel.tempo.value, panel.instrument.value = 2, 5, 60, "church organ"
    panel.button.click()
    panel.wait()
    return panel


def data_of(page, kind):
    return base64.b64decode(
        re.search(rf'href="data:[^,]*;base64,([^"]*)"[^>]*aria-label="{kind} of ', page)[1]
    )


def test_the_panel_does_what_the_plain_cell_does(played, tmp_path):
    assert "typed-notes: 2 takes" in played.status.value
    notes = [("G4", 1), ("C5", 2), ("E5", 1), ("D5", 1), ("C5", 2)]
    takes = harmonize_takes(notes, takes=2, seed=5, pickup=1)
    for number, (take, page) in enumerate(zip(takes, played.results.children, strict=True), start=1):
        own = take.write(tmp_path / f"{number}.mid", programs=[19] * 4, tempo=60)
        assert data_of(page.value, "MIDI") == own.read_bytes()


def test_files_are_on_disk_and_in_the_page(played):
    folder = played._folder
    assert len(list(folder.glob("typed-notes_take-[12].*"))) == 6
    page = played.results.children[1].value
    for kind, ending in (("MIDI", "mid"), ("MusicXML", "musicxml"), ("MP3", "mp3")):
        assert data_of(page, kind) == (folder / f"typed-notes_take-2.{ending}").read_bytes()
        assert f'download="typed-notes_take-2.{ending}"' in page
    assert len(music21.converter.parse(folder / "typed-notes_take-1.musicxml").parts) == 4
    midi = mido.MidiFile(folder / "typed-notes_take-1.mid")
    assert midi.length == pytest.approx(7, abs=0.1)
    assert {m.program for track in midi.tracks for m in track if m.type == "program_change"} == {19}


def test_what_goes_wrong_is_said_and_leaves_the_button_alive(tmp_path):
    panel = open_panel(folder=tmp_path)
    panel.source.index = 1
    panel.button.click()
    panel.wait()
    assert 'role="alert"' in panel.status.value and "none is chosen yet" in panel.status.value
    panel.source.index, panel.notes.value = 2, "<b>"
    panel.button.click()
    panel.wait()
    assert "&lt;b&gt;" in panel.status.value
    assert not panel.button.disabled
    panel.notes.value, panel.phrases.value = "C5 D5 E5 C5", "1:9"
    panel.button.click()
    panel.wait()
    assert "that bar has no such beat" in panel.status.value


def test_phrases_are_where_the_owner_says(tmp_path, monkeypatch):
    asked = []

    def harmonize_nothing(melody, **options):
        asked.append(options["phrases"])
        raise ValueError("/home/anybody/enough")

    monkeypatch.setattr("utils.panel.panel.harmonize_takes", harmonize_nothing)
    panel = open_panel(folder=tmp_path)
    for words in ("", " 1:3 ", "none"):
        panel.phrases.value = words
        panel.button.click()
        panel.wait()
    assert asked == [None, "1:3", "none"]
    assert "enough" in panel.status.value and "anybody" not in panel.status.value


def test_an_unforeseen_failure_is_said_too(tmp_path):
    def generator(inputs, training):
        raise RuntimeError("out of memory")

    panel = open_panel(generator, folder=tmp_path)
    panel.button.click()
    panel.wait()
    said, details = panel.status.value.split("<details>")
    assert "Try it once more" in said and "RuntimeError" not in said
    assert "RuntimeError: out of memory" in details
    assert not panel.button.disabled


def test_an_uploaded_name_cannot_leave_the_folder(tmp_path):
    panel = open_panel(folder=tmp_path / "in")
    panel.source.index = 1
    content = memoryview(Path("input_twinkle_twinkle.mid").read_bytes())
    upload = {"type": "", "size": len(content), "content": content, "last_modified": datetime.now()}
    for name in ("../../out.mid", "..\\out.mid", "/elsewhere/out.mid"):
        panel.file.value = [upload | {"name": name}]
        assert panel._melody()[1] == tmp_path / "in" / "melodies" / "out.mid"
    assert not list(tmp_path.glob("*.mid"))


def test_pages_without_widgets_get_one_sentence():
    assert open_panel()._repr_mimebundle_()["text/plain"].startswith("A panel: it appears when")


def test_every_choice_shows_what_holds_without_choosing():
    panel = open_panel()
    assert [panel.tempo.index, panel.instrument.index, panel.tune.index, panel.source.index] == [0] * 4
    assert panel.tempo.label == panel.instrument.label == AS_IT_IS
    assert len(panel.tune.options) > 10 and not any("Bach" in name for name, _ in panel.tune.options)


def test_every_score_is_drawn_and_every_take_names_its_song(tmp_path):
    """One press after another, each in a thread of its own."""
    panel = open_panel(folder=tmp_path)
    panel.source.index, panel.takes.value = 2, 1
    for number, notes in enumerate(("C5 D5 E5 C5", "G4 A4 B4 G4"), start=1):
        panel.notes.value = notes
        panel.button.click()
        panel.wait()
        (page,) = (take.value for take in panel.results.children)
        assert "Score of typed-notes" in page and "No score" not in page
        assert "the best" not in page and ", the likeliest first" not in panel.status.value
        assert "typed-notes: one take." in panel.status.value
        assert "network is loaded" not in panel.status.value or number == 1
    panel.notes.value = "H5"
    panel.button.click()
    panel.wait()
    assert 'role="alert"' in panel.status.value
    assert panel.results.children == ()  # not those of the song before


def test_a_second_click_during_the_work_is_passed_over(tmp_path):
    asked, go_on = [], threading.Event()

    def generator(inputs, training):
        asked.append(1)
        go_on.wait(20)
        raise MelodyError("/somewhere/else/song.mid", "enough", "Stop (--now)")

    panel = open_panel(generator, folder=tmp_path)
    panel.button.click()
    assert panel.button.disabled
    panel.button.click()
    go_on.set()
    panel.wait()
    assert len(asked) == 1
    assert "song.mid: enough. Stop." in panel.status.value and "somewhere" not in panel.status.value
    panel.button.click()
    panel.wait()
    assert len(asked) == 2


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
