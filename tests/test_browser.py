"""The lesson in a real browser, in JupyterLab and in Notebook 7, with the network cut off but for them.

Pictures of what was seen are kept in the folder that the variable SCREENSHOTS names. Where there is no
browser, these tests are skipped, unless the variable BROWSER_TESTS says ``required``.
"""

import browser
import nbformat
import pytest
import workers

from utils.lesson.page import write_page

pytestmark = browser.NEEDED


@pytest.fixture(scope="module")
def lab(project, executed_lesson, tmp_path_factory):
    """Jupyter on a copy of the project: the executed lesson, and its training to be run."""
    assert browser.missing() is None, browser.missing()
    lesson = nbformat.read(executed_lesson / "Experiments" / "twice.ipynb", as_version=4)
    lesson.cells = [cell for cell in lesson.cells if not cell.id.endswith("-again")]
    nbformat.write(lesson, project / "notebook.ipynb")
    code = [cell.source for cell in lesson.cells if cell.cell_type == "code"]
    last = next(n for n, source in enumerate(code) if source.startswith(TRAINING_CELL) and TRAINING in source)
    browser.write_notebook(
        project / "training.ipynb", *(s for s in code[: last + 1] if not workers.shows_only(s))
    )
    folder = tmp_path_factory.mktemp("server")
    with browser.jupyter(project, folder, trusted=[project / "notebook.ipynb"]) as address:
        yield address


TRAINING_CELL, TRAINING = "gan, run = start_run(", "train(gan, run, "


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


@pytest.fixture(scope="module", params=browser.PLACES)
def lesson_page(lab, request, tmp_path_factory):
    with browser.chromium(tmp_path_factory.mktemp("lesson")) as driver:
        driver.host = request.param
        browser.open_notebook(driver, lab, "notebook.ipynb", request.param)
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


def kinds_of_output(page):
    kinds = "return Array.from(document.querySelectorAll('[data-mime-type]')).map(o => o.dataset.mimeType);"
    return set(page.execute_script(kinds))


ERRORS = {"application/vnd.jupyter.error", "application/vnd.jupyter.stderr"}


def test_the_lesson_runs_without_errors(lesson_page):
    assert "text/html" in kinds_of_output(lesson_page)
    assert not ERRORS & kinds_of_output(lesson_page)


def test_the_training_runs_without_errors(training_page):
    assert "text/html" in kinds_of_output(training_page)
    assert not ERRORS & kinds_of_output(training_page)


def test_every_player_has_loaded_and_decodes(lesson_page, screenshots):
    sounds = browser.in_page(lesson_page, DECODE)
    assert len(sounds) > 15
    for sound in sounds:
        assert sound["label"]
        assert sound["duration"] > 1
        assert sound["length"] == pytest.approx(sound["duration"], abs=0.2)
    lesson_page.execute_script("document.querySelector('audio').scrollIntoView({block: 'center'})")
    lesson_page.save_screenshot(str(screenshots / f"lesson-listen-first-{lesson_page.host}.png"))


def test_pictures_have_a_size_and_keep_their_proportions(lesson_page):
    pictures = browser.in_page(lesson_page, PICTURES)
    assert len(pictures) > 10
    for natural_width, natural_height, width, height in pictures:
        assert natural_width > 0 and natural_height > 0  # of a drawing without a size of its own: 300 wide
        assert width > 300 and height > 100
        assert width / height == pytest.approx(natural_width / natural_height, rel=0.02)


def test_the_video_plays(lesson_page, screenshots):
    video = browser.in_page(lesson_page, PLAY)
    lesson_page.save_screenshot(str(screenshots / f"lesson-video-{lesson_page.host}.png"))
    assert video["time"] > 0.3
    assert video["width"] > 300
    assert video["label"]


def test_the_live_view_stays_in_place(training_page, screenshots):
    training_page.execute_script("window.training.scrollIntoView();")
    training_page.save_screenshot(str(screenshots / "lesson-live-view.png"))
    heights = browser.in_page(training_page, "return window.heights;")
    assert heights == sorted(heights)
    assert len({height for height in heights if height > 100}) == 1  # once it is there, nothing moves


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_what_is_said_is_legible(lesson_page, theme, screenshots):
    browser.set_theme(lesson_page, theme)
    lesson_page.execute_script("document.querySelector('.jp-OutputArea audio').scrollIntoView()")
    lesson_page.save_screenshot(str(screenshots / f"lesson-{lesson_page.host}-{theme}.png"))
    said = browser.contrasts(lesson_page, ".jp-OutputArea :is(figcaption, td, th, pre, summary)")
    assert len(said) > 40
    assert [text for text, contrast in said if contrast < 0.3] == []


def test_the_lesson_asks_nobody_else(lesson_page):
    asked = browser.requests(lesson_page)
    assert len(asked) > 50
    assert browser.elsewhere(asked) == []


def test_the_training_asks_nobody_else(training_page):
    asked = browser.requests(training_page)
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
