"""The lesson and the panel in a real browser, with the network cut off but for JupyterLab itself.

Pictures of what was seen are kept in the folder that the variable SCREENSHOTS names. Where there is no
browser, these tests are skipped, unless the variable BROWSER_TESTS says ``required``.
"""

import base64
import os
import time
from pathlib import Path

import browser
import mido
import music21
import nbformat
import pytest
from selenium.webdriver.common.keys import Keys

from utils.lesson.page import write_page

pytestmark = pytest.mark.skipif(
    browser.missing() is not None and os.environ.get("BROWSER_TESTS") != "required",
    reason=str(browser.missing()),
)


@pytest.fixture(scope="module")
def screenshots(tmp_path_factory):
    folder = Path(os.environ.get("SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def lab(project, executed_lesson, tmp_path_factory):
    """JupyterLab on a copy of the project: the executed lesson, its training to be run, the panel."""
    assert browser.missing() is None, browser.missing()
    lesson = nbformat.read(executed_lesson / "Experiments" / "twice.ipynb", as_version=4)
    lesson.cells = [cell for cell in lesson.cells if not cell.id.endswith("-again")]
    nbformat.write(lesson, project / "notebook.ipynb")
    code = [cell.source for cell in lesson.cells if cell.cell_type == "code"]
    last = next(n for n, source in enumerate(code) if source.startswith(TRAINING_CELL) and TRAINING in source)
    browser.write_notebook(project / "training.ipynb", *(s for s in code[: last + 1] if not shows_only(s)))
    panel = "import utils.quiet_tensorflow\nfrom utils import inference_utils\n\ninference_utils.panel()"
    browser.write_notebook(project / "panel.ipynb", panel)
    folder = tmp_path_factory.mktemp("server")
    with browser.jupyter(project, folder, trusted=[project / "notebook.ipynb"]) as address:
        yield address


TRAINING_CELL, TRAINING = "gan, run = start_run(", "train(gan, run, "


def shows_only(source):
    needed = ("def ", "import", "training_data =")
    return "display_utils." in source and not any(word in source for word in needed)


# --- The lesson --------------------------------------------------------------

# Note the height of the live view whenever it changes.
WATCH_LIVE_VIEW = """
window.heights = [];
const cells = window.jupyterapp.shell.currentWidget.content.widgets;
const training = cells.find(cell => cell.model.sharedModel.source.includes('\\ntrain(gan, run, '));
new ResizeObserver(seen => window.heights.push(Math.round(seen[0].contentRect.height))).observe(
    training.node.querySelector('.jp-OutputArea')
);
window.training = training.node;
"""
DECODE = """
const decoder = new AudioContext();
return Promise.all(Array.from(document.querySelectorAll('audio')).map(async player => {
    const sound = await (await fetch(player.src)).arrayBuffer();
    const {duration, numberOfChannels} = await decoder.decodeAudioData(sound);
    return {label: player.getAttribute('aria-label'), length: player.duration, duration, numberOfChannels};
}));
"""
PLAY = """
const video = document.querySelector('video');
video.muted = true;
video.scrollIntoView();
await video.play();
await new Promise(done => setTimeout(done, 1500));
return {time: video.currentTime, width: video.videoWidth, label: video.getAttribute('aria-label')};
"""
PICTURES = """
return Array.from(document.querySelectorAll('.jp-OutputArea-output img')).map(
    picture => [picture.naturalWidth, picture.naturalHeight, picture.width, picture.height]
);
"""


@pytest.fixture(scope="module")
def lesson_page(lab, tmp_path_factory):
    with browser.chromium(tmp_path_factory.mktemp("lesson")) as driver:
        browser.open_notebook(driver, lab, "notebook.ipynb")
        shown = "return document.querySelectorAll('.jp-OutputArea video').length"
        browser.wait_for(lambda: driver.execute_script(shown), 60, "No outputs.")
        yield driver


@pytest.fixture(scope="module")
def training_page(lab, tmp_path_factory):
    with browser.chromium(tmp_path_factory.mktemp("training")) as driver:
        browser.open_notebook(driver, lab, "training.ipynb")
        driver.execute_script(WATCH_LIVE_VIEW)
        browser.run_all(driver)
        yield driver


@pytest.mark.parametrize("page", ["lesson_page", "training_page"])
def test_the_lesson_runs_without_errors(page, request):
    kinds = browser.in_page(
        request.getfixturevalue(page),
        "return Array.from(document.querySelectorAll('[data-mime-type]')).map(o => o.dataset.mimeType);",
    )
    assert "text/html" in kinds or "image/png" in kinds
    assert not {"application/vnd.jupyter.error", "application/vnd.jupyter.stderr"} & set(kinds)


def test_every_player_has_loaded_and_decodes(lesson_page, screenshots):
    sounds = browser.in_page(lesson_page, DECODE)
    assert len(sounds) > 15
    for sound in sounds:
        assert sound["label"]
        assert sound["duration"] > 1
        assert sound["length"] == pytest.approx(sound["duration"], abs=0.2)
    lesson_page.execute_script("document.querySelector('audio').scrollIntoView({block: 'center'})")
    lesson_page.save_screenshot(str(screenshots / "lesson-listen-first.png"))


def test_pictures_have_a_size_and_keep_their_proportions(lesson_page):
    pictures = browser.in_page(lesson_page, PICTURES)
    assert len(pictures) > 10
    for natural_width, natural_height, width, height in pictures:
        assert natural_width > 0 and natural_height > 0  # of a drawing without a size of its own: 300 wide
        assert width > 300 and height > 100
        assert width / height == pytest.approx(natural_width / natural_height, rel=0.02)


def test_the_video_plays(lesson_page, screenshots):
    video = browser.in_page(lesson_page, PLAY)
    lesson_page.save_screenshot(str(screenshots / "lesson-video.png"))
    assert video["time"] > 0.3
    assert video["width"] > 300
    assert video["label"]


def test_the_live_view_stays_in_place(training_page, screenshots):
    training_page.execute_script("window.training.scrollIntoView();")
    training_page.save_screenshot(str(screenshots / "lesson-live-view.png"))
    heights = browser.in_page(training_page, "return window.heights;")
    assert heights == sorted(heights)
    assert len({height for height in heights if height > 100}) == 1  # once it is there, nothing moves


@pytest.mark.parametrize("page", ["lesson_page", "training_page"])
def test_the_lesson_asks_nobody_else(page, request):
    asked = browser.requests(request.getfixturevalue(page))
    assert len(asked) > 50
    assert browser.elsewhere(asked) == []


# --- The executed page -------------------------------------------------------

# Pictures that are broken or have no words, and what is wider than the window.
LOOK = """
return {
    pictures: document.images.length,
    broken: [...document.images].filter(i => !i.naturalWidth).length,
    wordless: [...document.images].filter(i => !i.alt || i.alt.startsWith('No description')).length,
    equations: [...document.querySelectorAll('math')].filter(m => m.getBoundingClientRect().width > 4).length,
    text: document.body.innerText,
    excess: document.documentElement.scrollWidth - window.innerWidth,
};
"""


def test_the_executed_page_is_whole_without_a_network(executed_lesson, tmp_path, screenshots):
    lesson = nbformat.read(executed_lesson / "Experiments" / "twice.ipynb", as_version=4)
    lesson.cells = [cell for cell in lesson.cells if not cell.id.endswith("-again")]
    page = write_page(lesson, tmp_path / "page.html", executed_lesson)
    assert page.stat().st_size < 20e6
    with browser.chromium(tmp_path) as driver:
        driver.get(page.as_uri())
        for width in (1280, 480):
            size = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            seen = browser.in_page(driver, LOOK)
            driver.save_screenshot(str(screenshots / f"page-{width}.png"))
            assert seen["pictures"] > 15 and seen["equations"] > 40
            assert (seen["broken"], seen["wordless"]) == (0, 0)
            assert seen["excess"] <= 0
            assert "$$" not in seen["text"] and "\\frac" not in seen["text"]
        sounds = browser.in_page(driver, DECODE)
        assert len(sounds) > 15
        asked = set(browser.elsewhere(browser.requests(driver)))
        assert asked == {page.as_uri()}
        assert [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"] == []


# --- The panel ---------------------------------------------------------------


@pytest.fixture(scope="module")
def panel_page(lab, tmp_path_factory):
    folder = tmp_path_factory.mktemp("panel")
    with browser.chromium(folder, size=(1280, 1500)) as driver:
        driver.downloads = folder / "downloads"
        browser.open_notebook(driver, lab, "panel.ipynb")
        browser.run_all(driver)
        browser.wait_for(lambda: button(driver, "Harmonize"), 30, "No panel.")
        yield driver


SAID = ".jp-OutputArea [role=status], .jp-OutputArea [role=alert]"


def button(driver, text):
    found = driver.find_elements("xpath", f"//button[contains(., '{text}')]")
    return found[0] if found else None


def labeled(driver, label):
    """Find a control as a screen reader does, by its label."""
    path = f"//label[normalize-space()='{label}']"
    (found,) = browser.wait_for(lambda: driver.find_elements("xpath", path), 20, f"No {label}")
    return driver.find_element("id", found.get_attribute("for"))


def choose(driver, text):
    driver.find_element("xpath", f"//label[contains(., '{text}')]/input").click()


def harmonize(driver, seconds=300):
    """Press the button with the keyboard and give what the panel says at the end."""
    driver.execute_script(f"document.querySelectorAll('{SAID}').forEach(old => old.remove())")
    button(driver, "Harmonize").send_keys("\n")
    last_word = f"""
        const said = document.querySelector('{SAID}');
        const busy = document.querySelector('.mod-primary:disabled');
        return said && !busy ? said.innerText : null;
    """
    return browser.wait_for(lambda: driver.execute_script(last_word), seconds, "The panel is still busy.")


def set_takes(driver, number):
    labeled(driver, "Takes:").send_keys(Keys.CONTROL + "a", Keys.NULL, str(number), Keys.TAB)


def upload(driver, path):
    """Choose a file: the widget's own input is not in the page, so it is put there first."""
    driver.execute_script("""
        HTMLInputElement.prototype.click = function () { document.body.append(this); this.id = 'chosen'; };
    """)
    choose(driver, "a file of mine")
    browser.wait_for(lambda: driver.find_elements("css selector", ".widget-upload"), 20)[0].click()
    driver.find_element("id", "chosen").send_keys(str(path))
    browser.wait_for(lambda: button(driver, "Chosen: " + Path(path).name), 20)


@pytest.fixture(scope="module")
def uploaded(panel_page, tmp_path_factory):
    """Harmonize a melody of four bars from a file, two takes."""
    song = mido.MidiFile(ticks_per_beat=480)
    song.tracks.append(mido.MidiTrack())
    for pitch in (67, 69, 71, 72, 74, 72, 71, 69) * 2:
        song.tracks[0].append(mido.Message("note_on", note=pitch, velocity=70))
        song.tracks[0].append(mido.Message("note_off", note=pitch, time=480))
    path = tmp_path_factory.mktemp("song") / "my tune ü.mid"
    song.save(path)
    upload(panel_page, path)
    set_takes(panel_page, 2)
    return harmonize(panel_page)


def test_an_uploaded_melody_is_harmonized(uploaded, panel_page, screenshots):
    panel_page.save_screenshot(str(screenshots / "panel.png"))
    assert "my tune ü: 2 takes" in uploaded
    sounds = browser.in_page(panel_page, DECODE)
    assert [sound["label"] for sound in sounds] == [f"my tune ü, take {number}" for number in (1, 2)]
    assert all(sound["duration"] > 9 for sound in sounds)  # 16 beats at 100 or 120 a minute, and the echo


def test_what_is_downloaded_opens(uploaded, panel_page):
    for kind in ("MIDI", "MusicXML", "MP3"):
        panel_page.find_element("css selector", f"a[aria-label='{kind} of my tune ü, take 2']").click()
    names = [f"my tune ü_take-2.{ending}" for ending in ("mid", "musicxml", "mp3")]
    midi, score, sound = (panel_page.downloads / name for name in names)
    browser.wait_for(lambda: midi.is_file() and score.is_file() and sound.is_file(), 20, "No download.")
    tracks = [track for track in mido.MidiFile(midi).tracks if any(m.type == "note_on" for m in track)]
    assert [m.note for m in tracks[0] if m.type == "note_on" and m.velocity][:3] == [67, 69, 71]
    assert len(tracks) == 4
    assert len(music21.converter.parse(score).parts) == 4
    decode = """
        const bytes = Uint8Array.from(atob(given[0]), letter => letter.charCodeAt(0));
        return (await new AudioContext().decodeAudioData(bytes.buffer)).duration;
    """
    seconds = browser.in_page(panel_page, decode, base64.b64encode(sound.read_bytes()).decode())
    assert seconds > 8


def test_take_one_is_seen_and_read(uploaded, panel_page):
    details = panel_page.find_elements("css selector", "details")
    assert [bool(one.get_attribute("open")) for one in details] == [True, False]
    pictures = details[0].find_elements("css selector", "img")
    assert [one.get_attribute("alt") for one in pictures] == [
        "Piano roll of my tune ü, take 1",
        "Score of my tune ü, take 1",
    ]
    assert all(one.size["height"] > 100 for one in pictures)


def test_typed_notes_are_harmonized_and_mistakes_explained(uploaded, panel_page, screenshots):
    choose(panel_page, "notes that I type")
    notes = labeled(panel_page, "Notes:")
    notes.send_keys(Keys.CONTROL + "a", Keys.NULL, "C5 D5 H5", Keys.TAB)
    assert "Not done. typed notes: note 3, 'H5', is none." in harmonize(panel_page)
    panel_page.save_screenshot(str(screenshots / "panel-mistake.png"))
    notes.send_keys(Keys.CONTROL + "a", Keys.NULL, "G4 C5:2 E5 D5 C5:2", Keys.TAB)
    assert panel_page.find_elements("css selector", ".jp-OutputArea audio") == []  # those of the song before
    for notes_now in ("G4 C5:2 E5 D5 C5:2", "G4 C5:2 E5 F5 C5:2"):
        notes.send_keys(Keys.CONTROL + "a", Keys.NULL, notes_now, Keys.TAB)
        assert "typed-notes: 2 takes" in harmonize(panel_page)
        details = panel_page.find_element("css selector", "details[open]")
        assert "No score" not in details.text
        names = [one.get_attribute("alt") for one in details.find_elements("css selector", "img")]
        assert names[1:] == ["Score of typed-notes, take 1"]


def test_a_double_click_runs_once(uploaded, panel_page):
    panel_page.execute_script("window.seen = []; window.observer && window.observer.disconnect();")
    panel_page.execute_script(f"""
        const area = document.querySelector('{SAID}').closest('.widget-html');
        const note = () => window.seen.push(area.innerText);
        window.observer = new MutationObserver(note);
        window.observer.observe(area, {{childList: true, subtree: true, characterData: true}});
        const press = Array.from(document.querySelectorAll('button')).find(
            one => one.innerText.includes('Harmonize')
        );
        press.click(); press.click();
    """)
    time.sleep(8)
    seen = panel_page.execute_script("return window.seen")
    assert sum("Harmonizing" in text for text in dict.fromkeys(seen)) == 1
    assert sum("Files are in" in text or "files are in" in text for text in seen) == 1


def test_a_file_without_music_is_explained(uploaded, panel_page, tmp_path):
    (tmp_path / "letter.mid").write_text("Dear Sir")
    upload(panel_page, tmp_path / "letter.mid")
    said = harmonize(panel_page)
    assert said.startswith("Not done.") and "letter.mid" in said


def test_every_control_has_a_name(uploaded, panel_page):
    controls = panel_page.find_elements(
        "css selector",
        ", ".join(f".jp-OutputArea {tag}" for tag in ("input", "select", "audio", "img", "button")),
    )
    assert len(controls) > 9
    choices = panel_page.find_elements("css selector", ".jp-OutputArea select")
    assert [one.get_property("selectedIndex") for one in choices] == [0] * len(choices)
    assert [one.tag_name for one in controls if one.is_displayed() and not one.accessible_name] == []


def test_the_panel_asks_nobody_else(uploaded, panel_page):
    assert browser.elsewhere(browser.requests(panel_page)) == []
