"""The panel in a real browser, pressed more than once: songs after one another, a failing one between.

As in ``test_browser.py``: the network is cut off, and SCREENSHOTS names a folder for pictures.
"""

import os
import time
from itertools import pairwise
from pathlib import Path

import browser
import mido
import music21
import nbformat
import pytest
from selenium.webdriver.common.keys import Keys

from utils.pictures.page import players

pytestmark = pytest.mark.skipif(
    browser.missing() is not None and os.environ.get("BROWSER_TESTS") != "required",
    reason=str(browser.missing()),
)
CELL = "import utils.quiet_tensorflow\nfrom utils import inference_utils\n\ninference_utils.panel()"
SAID = ".bach-panel .widget-html [role=status], .bach-panel .widget-html [role=alert]"
BUSY = f"return [Boolean(document.querySelector('.bach-busy')), document.querySelector('{SAID}')?.innerText]"


@pytest.fixture(scope="module")
def screenshots(tmp_path_factory):
    folder = Path(os.environ.get("SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def lab(project, tmp_path_factory):
    browser.write_notebook(project / "panel.ipynb", CELL)
    with browser.jupyter(project, tmp_path_factory.mktemp("server")) as address:
        yield address


@pytest.fixture(scope="module")
def page(lab, tmp_path_factory):
    folder = tmp_path_factory.mktemp("panel")
    with browser.chromium(folder, size=(1280, 1500)) as driver:
        driver.downloads = folder / "downloads"
        browser.open_notebook(driver, lab, "panel.ipynb")
        driver.execute_script("window.jupyterapp.shell.collapseLeft()")
        browser.run_all(driver)
        browser.wait_for(lambda: buttons(driver, "Harmonize"), 30, "No panel.")
        yield driver


@pytest.fixture(scope="module")
def tune(tmp_path_factory):
    """A file with a melody of four bars."""
    song = mido.MidiFile(ticks_per_beat=480)
    song.tracks.append(mido.MidiTrack())
    for pitch in (67, 69, 71, 72, 74, 72, 71, 69) * 2:
        song.tracks[0].append(mido.Message("note_on", note=pitch, velocity=70))
        song.tracks[0].append(mido.Message("note_off", note=pitch, time=480))
    path = tmp_path_factory.mktemp("song") / "my tune ü.mid"
    song.save(path)
    return path


def buttons(driver, text):
    found = driver.find_elements(
        "xpath", f"//*[contains(@class, 'bach-panel')]//button[contains(., '{text}')]"
    )
    return [one for one in found if one.is_displayed()]


def press(driver, text, seconds=300):
    """Press a button with the keyboard and give what the panel says at the end."""
    driver.execute_script(f"document.querySelectorAll('{SAID}').forEach(old => old.remove())")
    buttons(driver, text)[0].send_keys("\n")

    def last_word():
        busy, said = driver.execute_script(BUSY)
        return None if busy else said

    return browser.wait_for(last_word, seconds, "The panel is still busy.")


def labeled(driver, label):
    """Find a control as a screen reader does, by its label, when it is shown."""

    def shown():
        found = driver.find_elements("xpath", f"//label[normalize-space()='{label}']")
        return [one for one in found if one.is_displayed()]

    (name,) = browser.wait_for(shown, 20, f"No {label}")
    return driver.find_element("id", name.get_attribute("for"))


def choose(driver, text):
    driver.find_element("xpath", f"//label[contains(., '{text}')]/input").click()


def type_in(control, text):
    control.send_keys(Keys.CONTROL + "a", Keys.NULL, text, Keys.TAB)


def unfold(driver, text, control):
    """Show what is folded away."""
    if not driver.find_elements("xpath", f"//label[normalize-space()='{control}']")[0].is_displayed():
        buttons(driver, text)[0].send_keys("\n")
    labeled(driver, control)


def upload(driver, path):
    choose(driver, "my own")
    (chooser,) = browser.wait_for(
        lambda: driver.find_elements("css selector", ".bach-entry input[type=file]"), 20
    )
    chooser.send_keys(str(path))


def takes(driver):
    shown = "return Array.from(document.querySelectorAll('.takes [role=radio]'), take => take.innerText)"
    return driver.execute_script(shown)


def score_is_drawn(driver):
    drawn = "return document.querySelectorAll('.bach-instrument .score .note').length"
    return browser.wait_for(lambda: driver.execute_script(drawn), 30, "No score.")


def download(driver, kind, name):
    """Take a file home and give its path."""
    assert name in press(driver, kind)
    path = driver.downloads / name
    browser.wait_for(path.is_file, 20, f"No {name}")
    return path


@pytest.fixture(scope="module")
def harmonized(page):
    """The first song of the list, two takes."""
    unfold(page, "More", "Takes:")
    type_in(labeled(page, "Takes:"), "2")
    return press(page, "Harmonize")


def test_songs_are_harmonized_one_after_another(harmonized, page, tune, screenshots):
    assert "Twinkle Twinkle: 2 takes, the likeliest first." in harmonized
    assert takes(page) == ["Twinkle Twinkle, take 1", "Twinkle Twinkle, take 2"]
    notes = score_is_drawn(page)
    page.save_screenshot(str(screenshots / "panel.png"))
    choose(page, "my own")
    entry = page.find_element("css selector", ".bach-entry textarea")
    type_in(entry, "C5 D5 H5")
    said = press(page, "Harmonize")
    assert said.startswith("Not done. typed notes: note 3, 'H5', is none.")
    assert said.endswith("What stands below is still Twinkle Twinkle.")
    page.save_screenshot(str(screenshots / "panel-mistake.png"))
    type_in(entry, "G4 C5:2 E5 D5 C5:2")
    assert "My tune: 2 takes" in press(page, "Harmonize")
    assert takes(page) == ["My tune, take 1", "My tune, take 2"]
    assert score_is_drawn(page) < notes
    upload(page, tune)
    assert "my tune ü: 2 takes" in press(page, "Harmonize")
    assert takes(page) == ["my tune ü, take 1", "my tune ü, take 2"]
    assert score_is_drawn(page)


def test_a_file_without_music_is_explained(harmonized, page, tmp_path):
    (tmp_path / "letter.mid").write_text("Dear Sir")
    upload(page, tmp_path / "letter.mid")
    said = press(page, "Harmonize")
    assert said.startswith("Not done.") and "letter.mid" in said and str(tmp_path) not in said


def test_a_double_click_runs_once(harmonized, page):
    """The second click is passed over with a word, and nothing runs after the first is done."""
    choose(page, "from the list")
    page.execute_script(f"""
        window.seen = [];
        window.watching = new MutationObserver(() => window.seen.push(
            Array.from(document.querySelectorAll('{SAID}'), said => said.innerText).join(' ')
        ));
        window.watching.observe(document.querySelector('.bach-panel'), {{childList: true, subtree: true}});
        const all = Array.from(document.querySelectorAll('.bach-panel button'));
        const press = all.find(one => one.innerText.includes('Harmonize'));
        press.click(); press.click();
    """)
    browser.wait_for(lambda: "2 takes, the" in page.execute_script("return window.seen.join('|')"), 60)
    time.sleep(3)
    seen = page.execute_script("window.watching.disconnect(); return window.seen")
    begins = ["Harmonizing" in text for text in seen]
    assert sum(now and not before for before, now in pairwise([False, *begins])) == 1


def test_what_is_taken_home_opens(harmonized, page, screenshots):
    choose(page, "from the list")
    press(page, "Harmonize")
    name = "Twinkle Twinkle, take 1"
    midi = mido.MidiFile(download(page, "MIDI", f"{name}.mid"))
    voices = [track for track in midi.tracks if any(m.type == "note_on" for m in track)]
    assert [m.note for m in voices[0] if m.type == "note_on" and m.velocity][:3] == [72, 72, 79]
    assert len(voices) == 4
    assert len(music21.converter.parse(download(page, "MusicXML", f"{name}.musicxml")).parts) == 4
    assert download(page, "MP3", f"{name}.mp3").stat().st_size > 100_000
    assert "<svg" in download(page, "SVG", f"{name}.svg").read_text()[:200]


def test_work_goes_on_from_its_file(harmonized, page):
    press(page, "again")
    saved = download(page, "go on later", "Twinkle Twinkle.bach")
    choose(page, "from the list")
    upload(page, saved)
    said = f"return document.querySelector('{SAID}')?.innerText"
    browser.wait_for(lambda: page.execute_script(said) == "Twinkle Twinkle: go on.", 20)
    assert takes(page) == ["Twinkle Twinkle, take 1", "Twinkle Twinkle, take 2"]


def test_marked_bars_and_a_chosen_note_are_changed_and_undone_by_keys(harmonized, page):
    line = page.find_element("css selector", ".bach-instrument [role=slider][aria-label=Position]")
    line.send_keys(Keys.HOME, "b")
    browser.wait_for(lambda: buttons(page, "Write bar 1 again"), 10, "No bar is marked.")
    assert "Bar 1 written again" in press(page, "Write bar 1 again")
    assert "Undone: Bar 1 written again" in press(page, "Undo")
    assert "Done again" in press(page, "Redo")
    for _ in range(4):  # from one voice to the next, down to the bass
        line.send_keys("n")
    browser.wait_for(lambda: buttons(page, "Higher"), 10, "No note is chosen.")
    for press_this in ("Higher", "Lower"):
        said = press(page, press_this)
        assert " is " in said or "the melody is its owner" in said


def test_letters_in_the_panel_are_no_commands(harmonized, page):
    cells = "return document.querySelectorAll('.jp-Notebook .jp-Cell').length"
    before = page.execute_script(cells)
    labeled(page, "Tempo:").send_keys("as in the melody b")  # a and b would insert cells
    assert page.execute_script(cells) == before == 1


def test_every_control_once(harmonized, page):
    for label, choice in (
        ("Tempo:", "60 beats a minute"),
        ("Instrument:", "church organ"),
        ("Move it:", "a fourth lower"),
    ):
        labeled(page, label).send_keys(choice)
        browser.wait_for(lambda: not page.execute_script(BUSY)[0], 30)
    assert score_is_drawn(page)
    type_in(labeled(page, "Chords:"), "C | F C")
    assert "written again" in press(page, "again")
    buttons(page, "Bass")[0].send_keys("\n")
    browser.wait_for(lambda: "mod-active" in buttons(page, "Bass")[0].get_attribute("class"), 10)
    assert "written again" in press(page, "again")
    unfold(page, "Earlier results", "Name:")
    type_in(labeled(page, "Name:"), "the best of all")
    assert "Kept as the best of all" in press(page, "Keep under")
    options = labeled(page, "Results:").find_elements("tag name", "option")
    assert "the best of all" in [option.text for option in options]


def test_every_control_has_a_name_and_a_visible_focus(harmonized, page):
    kinds = ("input", "select", "textarea", "button", "img")
    controls = page.find_elements("css selector", ", ".join(f".bach-panel {kind}" for kind in kinds))
    shown = [one for one in controls if one.is_displayed()]
    assert len(shown) > 20
    assert [one.get_attribute("outerHTML") for one in shown if not one.accessible_name] == []
    button = buttons(page, "Harmonize")[0]
    page.execute_script("arguments[0].focus({focusVisible: true})", button)
    assert float(button.value_of_css_property("outline-width").removesuffix("px")) >= 2


@pytest.mark.parametrize(("width", "theme"), [(480, "light"), (480, "dark"), (853, "light")])
def test_a_narrow_page_shows_everything(harmonized, page, width, theme, screenshots):
    """At 480 pixels, and at 150% of 1280."""
    browser.set_theme(page, theme)
    browser.set_width(page, width)
    time.sleep(1)
    page.save_screenshot(str(screenshots / f"panel-{width}-{theme}.png"))
    cut = page.execute_script("""
        const page = document.querySelector('.bach-panel').getBoundingClientRect();
        const kinds = ':is(button, select, input, textarea, label)';
        return Array.from(document.querySelectorAll(`.bach-panel ${kinds}`))
            .filter(one => one.offsetParent && one.offsetWidth && !one.closest('.score, .roll'))
            .filter(one => one.getBoundingClientRect().right > page.right + 1)
            .map(one => one.outerHTML.slice(0, 100));
    """)
    browser.set_theme(page, "light")
    browser.set_width(page, 1280, 1500)
    assert cut == []


def test_stored_players_keep_names_and_long_bars_without_trust(lab, project, tmp_path, tmp_path_factory):
    html = players({"one & two": "input_twinkle_twinkle.mid", "three": "input_twinkle_twinkle.mid"}, 2).data
    output = nbformat.v4.new_output("display_data", {"text/html": html})
    cell = nbformat.v4.new_code_cell("1", outputs=[output])
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata=kernel), project / "stored.ipynb")
    with browser.chromium(tmp_path_factory.mktemp("stored")) as driver:
        browser.open_notebook(driver, lab, "stored.ipynb")
        audio = """
            const all = Array.from(document.querySelectorAll('audio'));
            return all.map(one => [one.title, one.ariaLabel, one.offsetWidth]);
        """
        found = browser.wait_for(lambda: driver.execute_script(audio), 30, "No players.")
        captions = [one.text for one in driver.find_elements("css selector", "figcaption")]
        driver.execute_script("window.jupyterapp.shell.collapseLeft()")
        found = driver.execute_script(audio)
    assert captions == ["one & two (first 2 s)", "three (first 2 s)"]
    assert [title for title, _, _ in found] == captions
    assert [label for _, label, _ in found] == [None, None]  # what Jupyter takes away
    assert all(width >= 410 for *_, width in found)  # half of which is the bar


def test_the_panel_asks_nobody_else(harmonized, page):
    assert browser.elsewhere(browser.requests(page)) == []
