"""The instrument in a real browser, in JupyterLab: heard, seen, marked and played by keys.

As in ``test_browser.py``: the network is cut off, and SCREENSHOTS names a folder for pictures.
"""

import time
from itertools import pairwise

import browser
import mido
import numpy as np
import pytest
from scipy.signal import correlate
from selenium.webdriver import ActionChains
from selenium.webdriver.common.keys import Keys

from utils.songs import sound

pytestmark = browser.NEEDED
CELL = """
import utils.quiet_tensorflow
import ipywidgets
from utils.arranger.takes import harmonize_takes
from utils.panel.instrument import Instrument

takes = harmonize_takes("input_twinkle_twinkle.mid", takes=2, seed=1)
for number, take in enumerate(takes):
    take.write(f"take-{number}.mid")
instrument, tempi = Instrument(), iter((140, 90, 70))
instrument.show(takes, ["First", "Second"], chords=True)
faster = ipywidgets.Button(description="Another tempo")
faster.on_click(lambda _: instrument.show(takes, ["First", "Second"], tempo=next(tempi), chords=True))
ipywidgets.VBox([faster, instrument])
"""
IN_STEP = 0.05  # seconds


@pytest.fixture(scope="module")
def lab(project, tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    browser.write_notebook(project / "instrument.ipynb", CELL)
    with browser.jupyter(project, folder) as address:
        yield address


@pytest.fixture(scope="module")
def driver(lab, tmp_path_factory):
    with browser.chromium(tmp_path_factory.mktemp("page"), size=(1280, 1300)) as driver:
        browser.open_notebook(driver, lab, "instrument.ipynb")
        driver.execute_script(
            "window.jupyterapp.shell.collapseLeft(); window.jupyterapp.shell.collapseRight();"
        )
        browser.run_all(driver)
        wait_until_ready(driver)
        yield driver


@pytest.fixture
def page(driver):
    """The instrument at rest, at the beginning, with all voices and nothing marked."""
    reset(driver)
    return driver


def wait_until_ready(driver):
    ready = "const one = find(); return one && one.instrument.ready && find('.score .note') !== null;"
    browser.wait_for(lambda: run(driver, ready), 60, "No instrument.")


def run(driver, script, *arguments):
    """Run JavaScript to which ``find`` and ``instrument`` are known, and that may wait."""
    known = """
        const find = selector => document.querySelector(`.bach-instrument ${selector ?? ''}`);
        const all = selector => Array.from(document.querySelectorAll(`.bach-instrument ${selector}`));
        const instrument = find()?.instrument;
        const sleep = seconds => new Promise(done => setTimeout(done, 1000 * seconds));
    """
    return browser.in_page(driver, known + script, *arguments)


def reset(driver):
    run(
        driver,
        """
        if (instrument.playing) find('.play').click();
        if (instrument.player.loop) find('.loop').click();
        all('.voice [aria-pressed=true]').forEach(one => one.click());
        all('.modes [role=radio]')[0].click();
        """,
    )
    ask_kernel(driver, "instrument.take, instrument.bars, instrument.note = 0, [], None")
    ask_kernel(driver, "instrument.phrases = instrument.takes[0]['phrases']")
    browser.wait_for(lambda: run(driver, "return instrument.ready && !find('.mark')"), 20)
    press(driver, Keys.HOME)


def press(driver, *keys):
    driver.execute_script("document.querySelector('.bach-instrument .line').focus()")
    ActionChains(driver).send_keys(*keys).perform()


def hold_shift(driver, key):
    driver.execute_script("document.querySelector('.bach-instrument .line').focus()")
    ActionChains(driver).key_down(Keys.SHIFT).send_keys(key).key_up(Keys.SHIFT).perform()


def ask_kernel(driver, code):
    """Run code in the kernel; of an expression, give what it prints."""
    return browser.in_page(
        driver,
        """
        const {kernel} = window.jupyterapp.shell.currentWidget.sessionContext.session;
        const asked = kernel.requestExecute({code: given[0], store_history: false});
        let said = '';
        asked.onIOPub = ({content}) => said += content.data?.['text/plain'] ?? content.traceback ?? '';
        await asked.done;
        return said;
        """,
        code,
    )


def said_by_kernel(driver, code, expected):
    browser.wait_for(lambda: ask_kernel(driver, code) == expected, 10, f"{code} is not {expected}")


# --- Sound -------------------------------------------------------------------

OFFLINE = """
const buffer = await instrument.offline(...given);
const [left, right] = [buffer.getChannelData(0), buffer.getChannelData(1)];
return Array.from(left, (sample, index) => Math.round(1e5 * (sample + right[index]) / 2));
"""
# What is heard at this moment, and where the playhead is.
LISTEN = """
const {context, mixer} = instrument.player;
const ear = new AnalyserNode(context, {fftSize: 8192});
mixer.master.connect(ear);
await sleep(0.7);
const heard = new Float32Array(ear.fftSize);
ear.getFloatTimeDomainData(heard);
return {heard: Array.from(heard, sample => Math.round(1e5 * sample)), time: instrument.time(),
        latency: context.outputLatency};
"""


def offline(driver, start=0, seconds=6):
    return np.array(run(driver, OFFLINE, start, seconds)) / 1e5


def place_of(clip, whole):
    """Find a clip in a sound: the sample where it begins, and how alike they are there."""
    energy = np.maximum(correlate(whole**2, np.ones(len(clip)), "valid", "fft"), 1e-9)
    alike = correlate(whole, clip, "valid", "fft") / np.sqrt(energy * np.sum(clip**2))
    return int(np.argmax(alike)), float(alike.max())


def test_the_mix_is_what_the_file_sounds_like(page, project):
    mix = offline(page)
    whole = sound.render(project / "take-0.mid").mean(axis=1)
    start, alike = place_of(mix[1000:40_000], whole[:60_000])
    assert abs(start - 1000) < 5  # no decoder has shifted it
    assert alike > 0.98
    assert np.std(mix) == pytest.approx(np.std(whole[: len(mix)]), rel=0.15)


def assert_in_step(page, whole):
    said = run(page, LISTEN)
    assert run(page, "return instrument.playing")
    start, alike = place_of(np.array(said["heard"]) / 1e5, whole)
    heard = (start + len(said["heard"])) / sound.SAMPLE_RATE - said["latency"]
    assert alike > 0.9
    assert heard == pytest.approx(said["time"], abs=IN_STEP)


def test_playhead_and_sound_are_in_step(page):
    whole = offline(page)
    press(page, Keys.SPACE)
    time.sleep(1)
    assert_in_step(page, whole)
    # The line is where the time is, in roll and score.
    lines = """
        const [roll, head] = ['.roll .content', '.roll .head'].map(one => find(one).getBoundingClientRect());
        const note = find('.score .now .notehead').getBoundingClientRect();
        const line = find('.score .head').getBoundingClientRect();
        return {beat: instrument.beat(), width: roll.width, x: head.left - roll.left,
                apart: line.left - note.left, inSystem: line.top < note.top && line.bottom > note.bottom};
    """
    seen = run(page, lines)
    beats = 48
    assert seen["x"] / seen["width"] * beats == pytest.approx(seen["beat"], abs=0.1)
    assert -20 < seen["apart"] < 90 and seen["inSystem"]
    press(page, Keys.SPACE)
    assert not run(page, "return instrument.playing")


# Press keys as soon as some of a sound is there, and note whatever the player is given.
HURRY = """
const {player} = instrument, use = player.use.bind(player);
window.uses = [];
player.use = (sound, place) => {
    use(sound, place);
    window.uses.push([sound.whole, player.playing, player.time()]);
    const key = key => find('.line').dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}));
    if (!sound.whole) setTimeout(() => { given.forEach(key); window.waits = find().matches('.waiting'); });
};
"""


@pytest.fixture
def slow(page):
    """Show the takes at 20 a minute; what the player was given of it until all was there."""

    def show(*keys):
        run(page, HURRY, *keys)
        ask_kernel(page, "instrument.show(takes, ['First', 'Second'], tempo=20, chords=True)")
        ready = "return instrument.ready && instrument.player.sound.seconds > 140"
        browser.wait_for(lambda: run(page, ready), 60, "No sound.")
        return run(page, "return window.uses")

    yield show
    run(page, "delete instrument.player.use; if (instrument.playing) find('.play').click();")
    ask_kernel(page, "instrument.show(takes, ['First', 'Second'], chords=True)")
    wait_until_ready(page)


def test_long_music_is_heard_before_all_of_it_is_there(page, slow):
    part, (whole, playing, seconds) = slow(" ")
    assert part == [False, False, 0]
    assert whole and playing and 0.2 < seconds < 15
    assert run(page, "return window.waits") is False
    assert_in_step(page, offline(page, 0, 30))


def test_where_its_sound_is_not_there_yet_long_music_waits(page, slow):
    part, (whole, playing, seconds) = slow(*8 * ["ArrowUp"], " ")
    assert part == [False, False, 0]
    assert whole and not playing and seconds == pytest.approx(96, abs=0.1)
    assert run(page, "return window.waits") is True
    assert 96 <= run(page, "return instrument.playing && instrument.time()") < 110


def test_a_sound_that_takes_over_leaves_no_gap(page):
    whole = offline(page)
    press(page, Keys.SPACE)
    script = """
        const {player} = instrument, {context, mixer, sound} = player;
        const ear = new AnalyserNode(context, {fftSize: 8192});
        mixer.master.connect(ear);
        await sleep(2);
        player.use({...sound}, seconds => seconds);
        await sleep(0.2);
        const heard = new Float32Array(ear.fftSize);
        ear.getFloatTimeDomainData(heard);
        return Array.from(heard);
    """
    heard = np.array(run(page, script))
    start, _ = place_of(heard, whole)
    assert np.abs(heard - whole[start : start + len(heard)]).max() < 0.1  # it may lie between two samples


def test_what_is_muted_is_not_heard(page):
    everybody = offline(page)
    press(page, "2")
    without = offline(page)
    press(page, "2")
    hold_shift(page, "2")
    alone = offline(page)
    assert np.abs(alone).max() > 0.05
    np.testing.assert_allclose(everybody - without, alone, atol=2e-4)
    assert run(page, "return all('.voice.silent').length") == 3
    run(
        page,
        "const input = all('.voice input')[1]; input.value = 35; input.dispatchEvent(new Event('input'));",
    )
    np.testing.assert_allclose(offline(page), alone / 2, atol=2e-4)
    run(
        page,
        "const input = all('.voice input')[1]; input.value = 70; input.dispatchEvent(new Event('input'));",
    )


def test_muting_is_heard_while_it_plays(page):
    press(page, Keys.SPACE, "1", "2", "3", "4")
    time.sleep(1)
    assert np.abs(run(page, LISTEN)["heard"]).max() < 50  # of 100,000
    press(page, "3")
    assert np.abs(run(page, LISTEN)["heard"]).max() > 2000


def test_marked_bars_are_looped(page):
    x = "const one = all('.roll .number')[2].getBoundingClientRect(); return [one.x + 2, one.y + 5];"
    left, top = run(page, x)
    click_at(page, left, top)
    said_by_kernel(page, "instrument.bars", "[3]")
    press(page, "l", Keys.SPACE)
    seen = []
    for _ in range(14):
        seen.append(run(page, "return instrument.beat()"))
        time.sleep(0.3)
    assert min(seen) >= 7.9 and max(seen) <= 12.1
    assert any(after < before - 2 for before, after in pairwise(seen))
    assert run(page, "return all('.score .mark').length") == 1
    press(page, "l")


def click_at(driver, x, y):
    for kind in ("mousePressed", "mouseReleased"):
        driver.execute_cdp_cmd(
            "Input.dispatchMouseEvent", {"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1}
        )


# --- Notes, takes, phrases ---------------------------------------------------


def middle_of(driver, selector, number=0):
    return run(
        driver,
        """
        const one = all(given[0])[given[1]];
        one.scrollIntoView({block: 'nearest'});
        await sleep(0.2);
        const {left, top, width, height} = one.getBoundingClientRect();
        return [left + width / 2, top + height / 2];
        """,
        selector,
        number,
    )


def test_a_click_on_a_note_starts_there_and_chooses_it(page):
    number = run(page, "return all('.score .note').findIndex(one => one.id === 'E1-8')")
    click_at(page, *middle_of(page, ".score .note .notehead", number))
    said_by_kernel(page, "instrument.note['voice']", "'alto'")
    note = "instrument.takes[0]['notes'][1]"
    said_by_kernel(page, f"any(n['place'] == instrument.note['place'] for n in {note})", "True")
    start = float(
        ask_kernel(page, f"next(n['start'] for n in {note} if n['step'] == instrument.note['step'])")
    )
    assert run(page, "return instrument.beat()") == pytest.approx(start, abs=1e-3)
    assert start > 4
    assert run(page, "return all('.score .chosen').length >= 1 && all('.roll .chosen').length") == 1
    click_at(page, *middle_of(page, ".roll .note.v3", 1))
    said_by_kernel(page, "instrument.note['voice']", "'bass'")
    said_by_kernel(page, "instrument.note['step'] == instrument.takes[0]['notes'][3][1]['step']", "True")


def test_another_take_goes_on_at_the_same_moment(page):
    press(page, Keys.SPACE)
    time.sleep(1.5)
    before = run(page, "return [instrument.beat(), instrument.player.sound.seconds, performance.now()]")
    run(page, "all('.takes button')[1].click()")
    browser.wait_for(lambda: run(page, "return instrument.ready"), 20)
    after = run(page, "return [instrument.beat(), instrument.player.sound.seconds, performance.now()]")
    assert run(page, "return instrument.playing")
    beats = (after[2] - before[2]) / 1000 / 0.6
    assert after[0] - before[0] == pytest.approx(beats, abs=0.35)
    said_by_kernel(page, "instrument.take", "1")
    assert run(page, "return all('.takes [aria-checked=true]').map(one => one.textContent)") == ["Second"]
    browser.wait_for(lambda: run(page, "return find('.score .note') !== null"), 20)
    track = "instrument.player.sound.tracks[3].getChannelData(0)"
    bass = f"return Array.from({track}.filter((_, at) => at % 99 === 0))"
    sounds = [run(page, bass)]
    run(page, "all('.takes button')[0].click()")
    browser.wait_for(lambda: run(page, "return instrument.ready"), 20)
    sounds += [run(page, bass)]
    assert np.abs(np.subtract(*sounds)).max() > 0.01  # two takes, two basses


def test_phrase_ends_are_added_moved_and_taken_away(page):
    run(page, "all('.modes [role=radio]')[2].click()")
    found = ask_kernel(page, "instrument.phrases")
    click_at(page, *middle_of(page, ".roll .note.v0", 1))
    said_by_kernel(page, "instrument.phrases[0]", "'1:2'")
    assert run(page, "return find('.roll .comma').dataset.place") == "1:2"
    x, y = middle_of(page, ".roll .comma")
    drag(page, (x, y), (x + 36, y))
    said_by_kernel(page, "instrument.phrases[0]", "'1:3'")
    x, y = middle_of(page, ".roll .comma")
    drag(page, (x, y), (x, y - 500))
    said_by_kernel(page, "instrument.phrases", found)


def drag(driver, start, end):
    middle = [(a + b) / 2 for a, b in zip(start, end, strict=True)]
    steps = [("mousePressed", start), ("mouseMoved", middle), ("mouseMoved", end), ("mouseReleased", end)]
    for kind, (x, y) in steps:
        event = {"type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1}
        driver.execute_cdp_cmd("Input.dispatchMouseEvent", event)


# --- Keys, focus, size -------------------------------------------------------


def test_keys_do_everything(page):
    spoken = "return find('[role=slider]').getAttribute('aria-valuetext')"
    for keys, place in (
        ([Keys.ARROW_RIGHT] * 2, "bar 1 beat 3"),
        ([Keys.ARROW_UP], "bar 2 beat 1"),
        ([Keys.ARROW_LEFT], "bar 1 beat 4"),
        ([Keys.END, Keys.ARROW_DOWN], "bar 12 beat 1"),
        ([Keys.HOME], "bar 1 beat 1"),
    ):
        press(page, *keys)
        assert run(page, spoken) == place
    press(page, "n", "n", "b")
    said_by_kernel(page, "instrument.bars, instrument.note['voice']", "([1], 'alto')")
    press(page, ",")
    said_by_kernel(page, "instrument.phrases[0]", "'1:1'")
    press(page, ",", "t")
    said_by_kernel(page, "instrument.take, '1:1' in instrument.phrases", "(1, False)")
    # Nothing of this has reached the notebook, where B adds a cell and digits make titles.
    cells = "return window.jupyterapp.shell.currentWidget.content.widgets.map(one => one.model.type)"
    assert page.execute_script(cells) == ["code"]


def test_the_player_is_one_stop_of_the_tab_key(page, screenshots):
    press(page, Keys.ARROW_RIGHT)
    outline = run(
        page,
        "const {outlineWidth, outlineStyle} = getComputedStyle(find('[role=slider]:focus-visible'));"
        "return [parseFloat(outlineWidth), outlineStyle];",
    )
    assert outline == [3, "solid"]
    where = "return [document.activeElement.className, find().contains(document.activeElement)]"
    ActionChains(page).send_keys(Keys.TAB).perform()
    assert run(page, where) == ["mute", True]
    ActionChains(page).send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT).perform()
    assert run(page, "return document.activeElement.getAttribute('aria-label')") == "Mute alto"
    page.save_screenshot(str(screenshots / "instrument-focus.png"))
    ActionChains(page).send_keys(Keys.TAB).perform()
    assert not run(page, where)[1]
    ActionChains(page).key_down(Keys.SHIFT).send_keys(Keys.TAB).key_up(Keys.SHIFT).perform()
    assert run(page, "return document.activeElement.getAttribute('aria-label')") == "Mute alto"


def test_everything_has_a_name(page):
    controls = page.find_elements(
        "css selector", ".bach-instrument :is(button, input, [role=slider], [role=radiogroup])"
    )
    assert len(controls) > 15
    assert [one.get_attribute("class") for one in controls if not one.accessible_name] == []


def test_score_is_readable_in_the_dark(page, screenshots):
    run(page, "all('.takes button')[0].scrollIntoView()")
    press(page, Keys.SPACE)
    time.sleep(2)
    page.save_screenshot(str(screenshots / "instrument-light.png"))
    browser.set_theme(page, "dark")
    time.sleep(1)
    page.save_screenshot(str(screenshots / "instrument-dark.png"))
    colors = run(
        page,
        "const style = selector => getComputedStyle(find(selector));"
        "return [style('.score').backgroundColor, style('.staff path').stroke, style('.roll .number').fill];",
    )
    browser.set_theme(page, "light")
    ground, *inks = (luminance(color) for color in colors)
    assert ground < 0.1
    assert all((ink + 0.05) / (ground + 0.05) > 7 for ink in inks)


def luminance(color):
    shares = np.array([float(part) for part in color.partition("(")[2].rstrip(")").split(",")[:3]]) / 255
    return float(
        np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
        @ (0.2126, 0.7152, 0.0722)
    )


def test_it_fits_into_480_pixels(page, screenshots):
    browser.set_width(page, 480, 1300)
    try:
        time.sleep(2)
        wait_until_ready(page)
        page.save_screenshot(str(screenshots / "instrument-narrow.png"))
        outside = """
            const frame = find().getBoundingClientRect();
            return all('button, input, .line, .score, .where').filter(one => {
                const {left, right, width} = one.getBoundingClientRect();
                return width > 0 && (left < frame.left - 1 || right > frame.right + 1);
            }).map(one => one.className);
        """
        assert run(page, outside) == []
        sizes = run(
            page,
            "const score = find('.score'), staff = find('.score .staff').getBoundingClientRect();"
            "const letters = parseFloat(getComputedStyle(find('.roll text')).fontSize);"
            "const spare = score.clientWidth - find('.sheet svg').clientWidth;"
            "return [find().clientWidth, spare, letters, staff.height];",
        )
        assert sizes[0] < 420 and sizes[1] >= 0
        assert sizes[2] >= 12 and sizes[3] > 24
    finally:
        browser.set_width(page, 1280, 1300)


def test_shown_again_from_callbacks_it_keeps_its_place_and_has_a_score(page):
    press(page, Keys.ARROW_UP, Keys.ARROW_UP, "b", Keys.SPACE)
    for tempo in (140, 90, 70):
        began, before = time.monotonic(), run(page, "return instrument.beat()")
        page.find_element("xpath", "//button[contains(., 'Another tempo')]").click()
        seconds = (
            f"return Math.abs(instrument.player.sound.seconds - 48 * 60 / {tempo}) < 2 && instrument.ready"
        )
        browser.wait_for(lambda script=seconds: run(page, script), 20, f"No sound at {tempo}.")
        browser.wait_for(lambda: run(page, "return find('.score .note') !== null"), 20, "No score.")
        assert run(page, "return instrument.playing")
        after = run(page, "return instrument.beat()")
        assert 0 < after - before < (time.monotonic() - began + IN_STEP) * 140 / 60
    said_by_kernel(page, "instrument.bars", "[3]")
    assert run(page, "return find('.status').textContent") == "Bar 3 marked"


def test_a_sound_that_had_to_be_forgotten_comes_back(page):
    """Three takes of eight minutes are more than the page keeps."""
    ask_kernel(page, "import dataclasses")
    three = "[*takes, dataclasses.replace(takes[0])]"
    ask_kernel(page, f"instrument.show({three}, ['First', 'Second', 'Third'], tempo=6)")
    ready = "return instrument.ready && instrument.player.sound.seconds > 470"
    for take in (0, 1, 2, 0):
        run(page, f"all('.takes button')[{take}].click()")
        browser.wait_for(lambda: run(page, ready), 60, f"Take {take} is not heard.")
    ask_kernel(page, "instrument.show(takes, ['First', 'Second'], chords=True)")
    wait_until_ready(page)


def test_it_asks_nobody_else(page):
    assert browser.elsewhere(browser.requests(page)) == []


def test_the_files_played_are_the_takes(project):
    """What the others compare with is really there."""
    assert mido.MidiFile(project / "take-0.mid").length == pytest.approx(28.8, abs=0.1)
