"""The panel in JupyterLab beyond what all hosts share: files, work that goes on, keys, stored players.

As in ``test_browser_hosts.py``: the network is cut off, and SCREENSHOTS names a folder for pictures.
"""

import browser
import nbformat
import pytest
from selenium.webdriver.common.keys import Keys

from utils.pictures.page import players

pytestmark = browser.NEEDED
CELL = "import utils.quiet_tensorflow\nfrom utils import inference_utils\n\ninference_utils.panel()"
SAID = ".bach-panel .widget-html [role=status], .bach-panel .widget-html [role=alert]"
BUSY = f"return [Boolean(document.querySelector('.bach-busy')), document.querySelector('{SAID}')?.innerText]"


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
    return browser.write_tune(tmp_path_factory.mktemp("song") / "my tune ü.mid")


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
    browser.wait_for(entry.is_displayed, 20, "Nowhere to type.")
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


def test_work_goes_on_from_its_file(harmonized, page):
    choose(page, "from the list")
    press(page, "Harmonize")  # whatever stood there before
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
    chosen = "//*[contains(., 'bass at ')][contains(@class, 'widget-html-content')]"
    browser.wait_for(lambda: page.find_elements("xpath", chosen), 10, "No note of the bass is chosen.")
    browser.wait_for(buttons(page, "Higher")[0].is_enabled, 10, "The note cannot be changed.")
    for press_this in ("Higher", "Lower"):
        said = press(page, press_this)
        assert " is " in said or "the melody is its owner" in said


def test_letters_in_the_panel_are_no_commands(harmonized, page):
    cells = "return document.querySelectorAll('.jp-Notebook .jp-Cell').length"
    before = page.execute_script(cells)
    labeled(page, "Tempo:").send_keys("as in the melody b")  # a and b would insert cells
    assert page.execute_script(cells) == before == 1


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
