"""A real browser on what people use, on this machine alone: what the tests in browsers stand on.

One Jupyter server shows a notebook in JupyterLab and in Notebook 7; the panel's own page has another. The
servers get folders of their own for settings, and are told not to look for news or updates. The browser can
reach no host but this one; whatever a page asks for is in its log.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import mido
import nbformat
import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

HOST = "127.0.0.1"
QUIET_SERVER = (
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.extension_manager=readonly",
    "--IdentityProvider.token=",
    "--LabApp.expose_app_in_browser=True",
    "--JupyterNotebookApp.expose_app_in_browser=True",
    "--no-browser",
    f"--ServerApp.ip={HOST}",
    "--ServerApp.port=0",
    "--ServerApp.allow_root=True",
)
SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    # All outputs are to be in the page, in view or not.
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
}
PLACES = {"JupyterLab": "lab/tree", "Notebook 7": "notebooks"}  # where one server shows a notebook
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
CHROMIUM_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-color-profile=srgb",
    f"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {HOST}",
    "--autoplay-policy=no-user-gesture-required",
)
START_SECONDS = 120
RUN_SECONDS = 900  # of the whole lesson, on a machine that has other work too


def missing():
    """Say what keeps the browser tests from running; None if nothing does."""
    absent = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    return f"not installed: {', '.join(absent)} (Debian: chromium, chromium-driver)" if absent else None


# Where there is no browser, tests are skipped, unless the variable BROWSER_TESTS says `required`.
NEEDED = pytest.mark.skipif(
    missing() is not None and os.environ.get("BROWSER_TESTS") != "required", reason=str(missing())
)


@contextlib.contextmanager
def jupyter(project, folder, settings=SETTINGS, trusted=()):
    """Serve a project with Jupyter and give the address; its log and settings go to a folder.

    Of trusted notebooks the stored outputs are shown as they are, as if they had been run here.
    """
    folder = Path(folder)
    own = {f"JUPYTER_{kind}_DIR": str(folder / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")} | {
        f"JUPYTERLAB_{kind}_DIR": str(folder / kind.lower()) for kind in ("SETTINGS", "WORKSPACES")
    }
    overrides = folder / "config" / "labconfig" / "default_setting_overrides.json"
    overrides.parent.mkdir(parents=True)
    overrides.write_text(json.dumps(settings))
    if trusted:
        command = [sys.executable, "-m", "jupyter", "trust", *map(str, trusted)]
        subprocess.run(command, env=os.environ | own, check=True, capture_output=True)
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *QUIET_SERVER, f"--ServerApp.root_dir={project}"],
            cwd=project,
            env=os.environ | own,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    with _ended(server):
        yield wait_for(lambda: _address(folder / "runtime", server), START_SECONDS, folder / "server.log")


@contextlib.contextmanager
def panel_page(folder):
    """Serve the panel as a page of its own, with the command that people use, and give the address."""
    log = Path(folder) / "panel.log"
    command = [sys.executable, "-u", "-m", "utils.harmonize", "--panel", "--no-browser"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    with log.open("w") as file:
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=file, stderr=subprocess.STDOUT)
    with _ended(server):
        yield wait_for(lambda: _printed(log, server), START_SECONDS, log)


@contextlib.contextmanager
def _ended(server):
    try:
        yield
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()


def _printed(log, server):
    if server.poll() is not None:
        raise RuntimeError(f"The panel ended with {server.returncode}: {log.read_text()}")
    found = re.search(r"http://\S+", log.read_text())
    return found and found[0]


def _address(runtime, server):
    if server.poll() is not None:
        raise RuntimeError(f"Jupyter ended with {server.returncode}")
    for file in runtime.glob("jpserver-*.json"):
        with contextlib.suppress(ValueError):  # still being written
            return json.loads(file.read_text())["url"].rstrip("/")
    return None


@contextlib.contextmanager
def chromium(folder, size=(1280, 900)):
    """Start Chromium with an empty profile; downloads go to ``folder/downloads``."""
    folder = Path(folder)
    options = Options()
    options.binary_location = shutil.which("chromium")
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    options.add_experimental_option("perfLoggingPrefs", {"enableNetwork": True, "enablePage": False})
    for flag in (*CHROMIUM_FLAGS, f"--window-size={size[0]},{size[1]}", f"--user-data-dir={folder}/profile"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options, Service(shutil.which("chromedriver")))
    try:
        driver.set_script_timeout(60)
        driver.execute_cdp_cmd(
            "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder / "downloads")}
        )
        yield driver
    except Exception:
        driver.save_screenshot(str(folder / "failure.png"))
        raise
    finally:
        driver.quit()


def open_notebook(driver, address, name, host="JupyterLab"):
    """Open a notebook, and no other that was open before, and wait until its kernel is idle."""
    driver.get(f"{address}/{PLACES[host]}/{name}?reset")
    wait_for(lambda: driver.execute_script(KERNEL_IS_IDLE), START_SECONDS)


KERNEL_IS_IDLE = """
const app = window.jupyterapp;
const panel = app && app.shell && app.shell.currentWidget;
const kernel = panel?.sessionContext?.session?.kernel;
return Boolean(kernel && kernel.status === 'idle' && panel.context.isReady);
"""


def set_theme(driver, theme):
    """Change to "light" or "dark", in Jupyter or for a page that follows the system."""
    feature = {"name": "prefers-color-scheme", "value": theme}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    in_page(driver, CHANGE_THEME, THEMES[theme])
    light = str(theme == "light").lower()
    said = "return document.body.dataset.jpThemeLight"
    wait_for(lambda: driver.execute_script(said) == light, 20, f"Not {theme}.")


CHANGE_THEME = """
const commands = window.jupyterapp?.commands;
if (commands?.hasCommand('apputils:change-theme')) {
    await commands.execute('apputils:change-theme', {theme: given[0]});
}
"""


def set_width(driver, width, height=1000):
    """Give the page another size."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def write_notebook(path, *cells):
    """Write a notebook of code cells."""
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    code = [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbformat.write(nbformat.v4.new_notebook(cells=code, metadata=kernel), path)


def write_tune(path):
    """Write a MIDI file with a melody of four bars."""
    song = mido.MidiFile(ticks_per_beat=480)
    song.tracks.append(mido.MidiTrack())
    for pitch in (67, 69, 71, 72, 74, 72, 71, 69) * 2:
        song.tracks[0].append(mido.Message("note_on", note=pitch, velocity=70))
        song.tracks[0].append(mido.Message("note_off", note=pitch, time=480))
    song.save(path)
    return path


def run_all(driver, seconds=RUN_SECONDS):
    """Run every cell and wait for the last."""
    driver.execute_script(
        "window.allDone = false; "
        "window.jupyterapp.commands.execute('notebook:run-all-cells').finally(() => window.allDone = true);"
    )
    wait_for(lambda: driver.execute_script("return window.allDone"), seconds, "Cells are still running.")


def in_page(driver, script, *arguments):
    """Run JavaScript that may ``await``, and give what it returns."""
    answer = driver.execute_async_script(
        f"""
        const [answer, given] = [arguments[arguments.length - 1], Array.from(arguments).slice(0, -1)];
        (async () => {{ {script} }})().then(
            value => answer({{value}}), error => answer({{error: String(error)}})
        );
        """,
        *arguments,
    )
    if "error" in answer:
        raise RuntimeError(answer["error"])
    return answer["value"]


def contrasts(driver, selector):
    """Give texts that are shown, each with its contrast: 0 on its own color, 1 for black on white."""
    return driver.execute_script(CONTRASTS, selector)


CONTRASTS = """
const light = color => {
    const [r, g, b] = color.match(/[\\d.]+/g).map(Number);
    return (0.3 * r + 0.6 * g + 0.1 * b) / 255;
};
const ground = element => {
    for (let one = element; one; one = one.parentElement) {
        const color = getComputedStyle(one).backgroundColor;
        if (!/rgba\\(.*, 0\\)|transparent/.test(color)) return color;
    }
    return 'rgb(255, 255, 255)';
};
return [...document.querySelectorAll(arguments[0])]
    .filter(one => one.offsetParent && !one.disabled && one.innerText)
    .map(one => [one, light(getComputedStyle(one).color) - light(ground(one))])
    .map(([one, contrast]) => [one.innerText.slice(0, 30), Math.abs(contrast)]);
"""


def requests(driver):
    """List the addresses that the pages have asked for since the last call."""
    messages = (json.loads(entry["message"])["message"] for entry in driver.get_log("performance"))
    found = []
    for message in messages:
        if message["method"] == "Network.requestWillBeSent":
            found.append(message["params"]["request"]["url"])
        elif message["method"] == "Network.webSocketCreated":
            found.append(message["params"]["url"])
    return found


def elsewhere(addresses):
    """Keep the addresses that are not on this machine."""
    inside = ("data", "blob", "about", "chrome", "chrome-extension", "devtools")
    parts = ((address, urlsplit(address)) for address in addresses)
    return [address for address, part in parts if part.scheme not in inside and part.hostname != HOST]


def wait_for(condition, seconds, what=""):
    """Ask again and again until there is an answer."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if answer := condition():
            return answer
        time.sleep(0.2)
    raise TimeoutError(f"{seconds} s are over. {what}")
