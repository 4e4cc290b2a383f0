"""The panel in a real browser: alike in JupyterLab, in Notebook 7 and as a page of its own.

Pictures of what was seen are kept in the folder that the variable SCREENSHOTS names. Where there is no
browser, these tests are skipped, unless the variable BROWSER_TESTS says ``required``.
"""

import base64
from pathlib import Path
from xml.etree import ElementTree

import browser
import mido
import music21
import numpy as np
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from utils.panel.work_file import ENDING, unpack
from utils.songs.song import DEFAULT_TEMPO

pytestmark = browser.NEEDED
ROOT = Path(__file__).parent.parent
HOSTS = (*browser.PLACES, "its own page")
NOTEBOOK = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom utils import inference_utils\n"
TUNE = "G4 C5 D5 E5 | F5 E5 D5:2! | E5 D5 C5 B4 | A4 B4 C5:2"
BEATS = 16
BUSY_SECONDS = 120  # on a machine that has other work too


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory):
    """A server for both of its faces, with a notebook that shows the panel."""
    project = tmp_path_factory.mktemp("project")
    browser.write_notebook(project / "panel.ipynb", f"{NOTEBOOK}\ninference_utils.panel()")
    with browser.jupyter(project, tmp_path_factory.mktemp("server")) as address:
        yield address


@pytest.fixture(scope="module", params=HOSTS)
def page(request, tmp_path_factory):
    """The panel, shown by one of the hosts; tests of one host follow one another on it."""
    assert browser.missing() is None, browser.missing()
    folder = tmp_path_factory.mktemp("browser")
    with browser.chromium(folder, size=(1280, 1500)) as driver:
        driver.downloads, driver.host = folder / "downloads", request.param
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": FAKES})
        if request.param in browser.PLACES:
            browser.open_notebook(driver, request.getfixturevalue("jupyter"), "panel.ipynb", request.param)
            driver.execute_script("window.jupyterapp.shell.collapseLeft?.()")
            browser.run_all(driver)
            yield shown(driver)
        else:
            with browser.panel_page(folder) as address:
                driver.get(address)
                yield shown(driver)


# A MIDI keyboard, and an ear for the tones of notes that are entered.
FAKES = """
window.keyboard = {name: 'Test piano'};
navigator.requestMIDIAccess = async () => ({inputs: new Map([['0', window.keyboard]])});
window.tones = [];
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (...when) {
    window.tones.push(Math.round(69 + 12 * Math.log2(this.frequency.value / 440)));
    return start.apply(this, when);
};
"""


def shown(driver):
    browser.wait_for(lambda: find(driver, ".bach-panel .bach-entry"), 60, "No panel.")
    return driver


# --- What a person does --------------------------------------------------------

SAID = ".bach-panel > .widget-html [role]"
LAST_WORD = f"""
const said = document.querySelector('{SAID}');
const busy = !said || said.querySelector('progress') || document.querySelector('.bach-busy');
return busy ? null : said.innerText;
"""
READY = """
const player = document.querySelector('.bach-instrument')?.instrument;
return Boolean(player?.ready && document.querySelector('.bach-instrument .score svg'));
"""


def find(driver, selector):
    return driver.find_elements("css selector", selector)


def visible(driver, how, what):
    """Wait for an element that can be used, and give it."""
    found = lambda: [one for one in driver.find_elements(how, what) if one.is_displayed()]  # noqa: E731
    return browser.wait_for(found, 60, f"No {what}.")[0]


def button(driver, text):
    path = f"//*[contains(@class, 'bach-panel')]//button[normalize-space()='{text}']"
    return visible(driver, "xpath", path)


def labeled(driver, label):
    """Find a control as a screen reader does, by its label."""
    path = f"//*[contains(@class, 'bach-panel')]//label[normalize-space()='{label}']"
    return driver.find_element("id", visible(driver, "xpath", path).get_attribute("for"))


def source(driver, text):
    visible(driver, "xpath", f"//label[contains(., '{text}')]/input").click()


def forget_the_last_word(driver):
    driver.execute_script(f"document.querySelectorAll('{SAID}').forEach(old => old.remove())")


def last_word(driver):
    return browser.wait_for(lambda: driver.execute_script(LAST_WORD), BUSY_SECONDS, "The panel is busy.")


def harmonize(driver, press=lambda it: it.click()):
    """Press the button and give what the panel says at the end."""
    forget_the_last_word(driver)
    press(button(driver, "Harmonize"))
    return last_word(driver)


def ready(driver):
    """Wait until sound and score of the shown take are there."""
    browser.wait_for(lambda: driver.execute_script(READY), BUSY_SECONDS, "No sound or no score.")


def takes(driver):
    """List the names of the takes that are shown."""
    return [one.text for one in find(driver, ".bach-instrument .takes button") if one.is_displayed()]


def typed(driver, notes, understood):
    field = visible(driver, "css selector", ".bach-entry textarea")
    field.send_keys(Keys.CONTROL + "a", Keys.NULL, Keys.BACKSPACE, notes)
    read = "return document.querySelector('.bach-entry .understood').innerText"
    browser.wait_for(lambda: driver.execute_script(read).startswith(understood), 60)


DROP = """
const files = new DataTransfer();
const bytes = Uint8Array.from(atob(given[1]), letter => letter.charCodeAt(0));
files.items.add(new File([bytes], given[0]));
const options = {dataTransfer: files, bubbles: true, cancelable: true};
const target = document.querySelector('.bach-entry .piano');
const taken = ['dragover', 'drop'].map(kind => !target.dispatchEvent(new DragEvent(kind, options)));
return taken;
"""


def drop(driver, name, data):
    """Drop a file on what enters a tune; whether the page took it."""
    taken = browser.in_page(driver, DROP, name, base64.b64encode(data).decode())
    said = "return document.querySelector('.bach-entry').innerText"
    browser.wait_for(lambda: name in driver.execute_script(said), 30, "The file was not taken.")
    return all(taken)


# --- Three songs, and one that fails ----------------------------------------------


@pytest.fixture(scope="module")
def songs(page, tmp_path_factory, screenshots):
    """Harmonize a song of the list, a mistake, typed notes, and a dropped file; and what was seen of each."""
    seen = {}

    def note(name, said, right=True):
        if right:
            ready(page)
        seen[name] = {"said": said, "takes": takes(page), "systems": len(find(page, ".score svg"))}

    button(page, "More").click()
    labeled(page, "Takes:").send_keys(Keys.CONTROL + "a", Keys.NULL, "2", Keys.TAB)
    Select(labeled(page, "Song:")).select_by_visible_text("Ode To Joy")
    note("listed", harmonize(page, lambda it: ActionChains(page).double_click(it).perform()))
    source(page, "my own")
    typed(page, "C5 D5 H5", "2 notes")
    note("mistaken", harmonize(page), right=False)
    said = "return document.querySelector('.bach-entry .mistake').innerText"
    browser.wait_for(lambda: "'H5'" in page.execute_script(said), 30, "The mistake is not named.")
    page.save_screenshot(str(screenshots / f"panel-mistake-{page.host}.png"))
    typed(page, TUNE, "14 notes")
    note("typed", harmonize(page))
    song = browser.write_tune(tmp_path_factory.mktemp("song") / "my tune ü.mid")
    seen["dropped"] = drop(page, song.name, song.read_bytes())
    note("file", harmonize(page))
    page.save_screenshot(str(screenshots / f"panel-{page.host}.png"))
    return seen


def test_each_song_has_its_own_takes_and_score(songs):
    for name, title in (("listed", "Ode To Joy"), ("typed", "My tune"), ("file", "my tune ü")):
        assert songs[name]["said"].startswith(f"{title}: 2 takes")
        assert songs[name]["takes"] == [f"{title}, take {number}" for number in (1, 2)]
        assert songs[name]["systems"] > 0
    assert songs["dropped"]


def test_a_mistake_is_explained_and_what_stands_below_keeps_its_name(songs):
    said = songs["mistaken"]["said"]
    assert said.startswith("Not done.") and "'H5'" in said and "Ode To Joy" in said
    assert songs["mistaken"]["takes"] == songs["listed"]["takes"]


def results(driver):
    """Give the control that goes back to earlier results, which is folded away at first."""
    path = "//label[normalize-space()='Results:']"
    if not any(one.is_displayed() for one in driver.find_elements("xpath", path)):
        button(driver, "Earlier results").click()
    return Select(labeled(driver, "Results:"))


def test_a_double_click_runs_once(songs, page):
    assert [one.text for one in results(page).options] == ["Ode To Joy", "My tune", "my tune ü"]


# --- Sound ----------------------------------------------------------------------

# Record what goes to the sound card, with its clock, and what the playhead shows meanwhile.
RECORD = """
const host = document.querySelector('.bach-instrument');
const {player} = host.instrument;
host.querySelector('.transport .play').click();
await new Promise(done => setTimeout(done, 400));
const {context} = player;
const code = `registerProcessor('tap', class extends AudioWorkletProcessor {
    process([input]) {
        if (input.length) this.port.postMessage([currentTime, input[0].slice()]);
        return true;
    }
})`;
await context.audioWorklet.addModule(URL.createObjectURL(new Blob([code], {type: 'text/javascript'})));
const tap = new AudioWorkletNode(context, 'tap');
const heard = [], heads = [];
tap.port.onmessage = ({data}) => heard.push(data);
player.mixer.master.connect(tap).connect(new GainNode(context, {gain: 0})).connect(context.destination);
const look = () => {
    heads.push([context.currentTime, parseFloat(host.querySelector('.transport .head').style.left) / 100]);
    if (heads.at(-1)[0] < heads[0][0] + 2.5) requestAnimationFrame(look); else tap.port.onmessage = null;
};
requestAnimationFrame(look);
while (tap.port.onmessage) await new Promise(done => setTimeout(done, 100));
host.querySelector('.transport .play').click();
const sound = Float32Array.from(heard.flatMap(([, block]) => Array.from(block)));
const latency = context.outputLatency || context.baseLatency || 0;
return {start: heard[0][0], rate: context.sampleRate, latency, heads, sound: await window.pack(sound)};
"""
OFFLINE = """
const {player} = document.querySelector('.bach-instrument').instrument;
const buffer = await player.offline(0, given[0]);
return window.pack(buffer.getChannelData(0));
"""
PACK = """
window.pack = samples => new Promise(done => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result.split(',')[1]);
    reader.readAsDataURL(new Blob([samples]));
});
"""


def unpacked(text):
    return np.frombuffer(base64.b64decode(text), np.float32)


def mixed(page, seconds=4):
    """Give what would be heard with the mixer as it is."""
    return unpacked(browser.in_page(page, PACK + OFFLINE, seconds))


def press(page, name):
    (one,) = find(page, f".bach-instrument button[aria-label='{name}']")
    one.click()


@pytest.fixture(scope="module")
def tune(songs, page):
    """Go back to the typed tune, whose length and tempo are known."""
    forget_the_last_word(page)
    results(page).select_by_visible_text("My tune")
    last_word(page)
    ready(page)
    return page


def test_the_playhead_is_in_step_with_the_sound(tune):
    seen = browser.in_page(tune, PACK + RECORD)
    sound, whole = unpacked(seen["sound"]), mixed(tune, 9)
    assert np.abs(sound).max() > 0.01
    size = len(sound) + len(whole)
    match = np.fft.irfft(np.fft.rfft(whole, size) * np.conj(np.fft.rfft(sound, size)))
    shift = int(np.argmax(match)) / seen["rate"]  # where in the music the record begins
    clock, share = np.array(seen["heads"]).T
    shown = share * BEATS * 60 / DEFAULT_TEMPO
    heard = clock - seen["start"] + shift - seen["latency"]
    assert np.ptp(shown) > 2
    assert abs(np.median(shown - heard)) < 0.05
    assert np.percentile(np.abs(shown - heard), 75) < 0.05


def test_mute_and_solo_are_heard(tune):
    whole = mixed(tune)
    press(tune, "Solo soprano")
    alone = mixed(tune)
    press(tune, "Solo soprano")
    press(tune, "Mute soprano")
    without = mixed(tune)
    press(tune, "Mute soprano")
    power = [float(np.square(sound).mean()) for sound in (whole, alone, without)]
    assert min(power) > 0.05 * max(power) > 0
    assert np.square(whole - alone - without).mean() < 1e-4 * power[0]
    assert np.allclose(mixed(tune), whole, atol=1e-5)


# --- What is taken home -------------------------------------------------------------


def test_what_is_downloaded_opens(tune):
    endings = {
        "MIDI": ".mid",
        "MusicXML": ".musicxml",
        "MP3": ".mp3",
        "SVG": ".svg",
        "To go on later": ENDING,
    }
    files = {}
    for name, ending in endings.items():
        forget_the_last_word(tune)
        button(tune, name).click()
        last_word(tune)
        stem = "My tune" if name == "To go on later" else "My tune, take 1"
        files[name] = tune.downloads / f"{stem}{ending}"
        browser.wait_for(files[name].is_file, 30, f"No {files[name]}.")
    tracks = [
        track for track in mido.MidiFile(files["MIDI"]).tracks if any(m.type == "note_on" for m in track)
    ]
    assert [m.note for m in tracks[0] if m.type == "note_on" and m.velocity][:4] == [67, 72, 74, 76]
    assert len(tracks) == 4
    assert len(music21.converter.parse(files["MusicXML"]).parts) == 4
    assert ElementTree.parse(files["SVG"]).getroot().tag.endswith("svg")
    results, *_ = unpack(files["To go on later"].name, files["To go on later"].read_bytes())
    assert [result.title for result in results] == ["Ode To Joy", "My tune", "my tune ü"]
    decode = """
        const bytes = Uint8Array.from(atob(given[0]), letter => letter.charCodeAt(0));
        const {duration, numberOfChannels} = await new AudioContext().decodeAudioData(bytes.buffer);
        return [duration, numberOfChannels];
    """
    data = base64.b64encode(files["MP3"].read_bytes()).decode()
    seconds, channels = browser.in_page(tune, decode, data)
    assert seconds > BEATS * 60 / DEFAULT_TEMPO and channels == 2


# --- Entering a tune ------------------------------------------------------------------


def test_a_tune_is_played_on_the_computers_keys_and_on_a_midi_keyboard(tune):
    typed(tune, "C5 ", "1 note")
    tune.execute_script("window.tones = []")
    cells = "return document.querySelectorAll('.jp-Notebook .jp-Cell').length"
    before = tune.execute_script(cells)
    (key,) = find(tune, ".bach-entry .keys button[tabindex='0']")
    key.send_keys("a", "6", "w", "!", "0", "5", Keys.ARROW_UP)
    tune.switch_to.active_element.send_keys(Keys.SPACE)
    button(tune, "MIDI keyboard").click()
    browser.wait_for(lambda: tune.execute_script("return Boolean(window.keyboard.onmidimessage)"), 20)
    tune.execute_script(
        "for (const data of [[144, 70, 64], [128, 70, 0]]) window.keyboard.onmidimessage({data})"
    )
    value = find(tune, ".bach-entry textarea")[0].get_property("value")
    assert value == "C5 C4 C#4:2! r:2 C6 Bb4"
    assert tune.execute_script("return window.tones") == [60, 61, 84, 70]
    assert tune.execute_script(cells) == before  # letters are no commands of the notebook
    staff = "return document.querySelectorAll('.bach-entry .staff .note').length"
    browser.wait_for(lambda: tune.execute_script(staff) == 5, 30, "The staff shows other notes.")


def test_mouse_and_buttons_enter_too(tune):
    typed(tune, "C5 D5 ", "2 notes")
    for label in (
        "D 4",
        "Eighth note (key 4)",
        "E flat 4",
        "Delete the note before (backspace)",
        "Rest (key 0)",
    ):
        find(tune, f".bach-entry [aria-label='{label}']")[0].click()
    assert find(tune, ".bach-entry textarea")[0].get_property("value") == "C5 D5 D4 r:1/2"
    find(tune, ".bach-entry [aria-label='Quarter note (key 5)']")[0].click()


# --- How it looks ------------------------------------------------------------------

TEXTS = "button, label, summary, select, .where, .name, .understood"
CUT = """
const panel = document.querySelector('.bach-panel');
const edge = panel.getBoundingClientRect().right + 1;
const scrolls = one => one && one !== panel
    && (/auto|scroll|hidden/.test(getComputedStyle(one).overflowX) || scrolls(one.parentElement));
const cut = one => one.getBoundingClientRect().width > 1 && one.getBoundingClientRect().right > edge;
return [...panel.querySelectorAll('*')]
    .filter(one => one.offsetParent && cut(one) && !scrolls(one.parentElement))
    .map(one => one.outerHTML.slice(0, 80));
"""


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_everything_is_legible(tune, theme, screenshots):
    browser.set_theme(tune, theme)
    for width, height in ((1280, 1500), (480, 1500)):
        browser.set_width(tune, width, height)
        browser.in_page(tune, "await new Promise(done => setTimeout(done, 1000));")  # the score is drawn anew
        ready(tune)
        tune.save_screenshot(str(screenshots / f"panel-{tune.host}-{theme}-{width}.png"))
        painted = browser.contrasts(tune, f".bach-panel :is({TEXTS})")
        assert len(painted) > 30
        assert [text for text, contrast in painted if contrast < 0.3] == []
        assert tune.execute_script(CUT) == []
    browser.set_width(tune, 1280, 1500)


def test_every_control_has_a_name_and_a_visible_focus(tune):
    controls = find(tune, ".bach-panel :is(input, select, textarea, button, [role=slider])")
    displayed = [one for one in controls if one.is_displayed()]
    assert len(displayed) > 60
    assert [one.get_attribute("outerHTML") for one in displayed if not one.accessible_name] == []


# --- Every control once ---------------------------------------------------------------

USE = """
const done = new Set(given[0]);
const texts = {'Chords:': 'C', 'Name:': 'kept', 'Other note:': 'C5'};
const label = one => one.getAttribute('aria-label') || one.labels?.[0]?.innerText || one.innerText;
const name = one => `${one.tagName} ${label(one)}`;
const left = one => one.offsetParent && !one.disabled && one.type !== 'file' && !one.closest('.keys');
const next = [...document.querySelectorAll('.bach-panel :is(button, select, input)')]
    .find(one => left(one) && !done.has(name(one)) && !/Harmonize/.test(one.innerText));
if (!next) return null;
const used = name(next);
const tell = (...kinds) => kinds.forEach(kind => next.dispatchEvent(new Event(kind, {bubbles: true})));
if (next.tagName === 'SELECT') {
    next.selectedIndex = (next.selectedIndex + 1) % next.options.length;
    tell('change');
} else if (next.type === 'text') {
    next.value = texts[next.labels?.[0]?.innerText.trim()] ?? next.value;
    tell('input', 'change');
} else if (next.type === 'number' || next.type === 'range') {
    next.value = Number(next.value) + Number(next.step || 1);
    tell('input', 'change');
} else next.click();
return used;
"""
IDLE = "return !document.querySelector('.bach-busy')"


def test_every_control_can_be_used(tune):
    tune.execute_script(
        "document.querySelector('.bach-instrument .roll .note.v1')?.dispatchEvent("
        "new MouseEvent('click', {bubbles: true}))"
    )
    used, wrong = [], []
    while (name := browser.in_page(tune, USE, used)) is not None:
        used.append(name)
        assert len(used) < 150, used
        browser.in_page(tune, "await new Promise(done => setTimeout(done, 150));")
        browser.wait_for(lambda: tune.execute_script(IDLE), BUSY_SECONDS, f"Busy since {name}.")
        wrong += [(name, one.text) for one in find(tune, ".bach-panel [role=alert]")]

    assert len(used) > 50, used
    assert wrong == []


def test_the_panel_asks_nobody_else(page):
    assert browser.elsewhere(browser.requests(page)) == []
