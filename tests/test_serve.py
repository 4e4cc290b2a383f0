"""The panel's own page, as far as it is seen without a browser."""

import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import browser
import psutil
import pytest

from utils import harmonize

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with browser.panel_page(tmp_path_factory.mktemp("page")) as address:
        yield address


def ask(address, **headers):
    """Give status and text."""
    request = urllib.request.Request(address, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_who_has_the_token_gets_the_panel(page):
    status, text = ask(page)
    assert status == 200
    assert "<title>Bach accompaniment</title>" in text
    assert "application/vnd.jupyter.widget-view+json" in text


def test_who_has_not_is_told_what_is_missing(page):
    plain = page.partition("?")[0]
    for address in (plain, f"{plain}?token=0", page[:-1]):
        status, text = ask(address)
        assert status == 403 and "token" in text and "widget" not in text


def test_nobody_else_reaches_the_kernel_or_files(page):
    plain, kernel = page.partition("?")[0], re.search(r'"kernelId": "([^"]+)"', ask(page)[1])[1]
    assert ask(f"{plain}api/kernels/{kernel}")[0] == 403
    assert ask(f"{plain}api/kernels/{kernel}/channels")[0] == 403
    assert ask(f"{plain}voila/files/panel.ipynb")[0] == 404
    assert ask(page, Host="bach.example")[0] == 403  # a name that leads here is not enough


def test_the_page_names_nobody_else_and_shows_no_source(page):
    text = ask(page)[1]
    addresses = set(re.findall(r'(?:src|href)="([^"]*)"', text))
    assert len(addresses) > 4
    assert all(address.startswith(("/voila/", "data:")) for address in addresses)
    assert "import" not in re.sub(r"<(style|script)\b.*?</\1>", "", text, flags=re.S)


def test_loaded_again_it_is_the_same_panel(page):
    views = [re.search(r'"kernelId": "[^"]+"', ask(page)[1])[0] for _ in range(2)]
    assert views[0] == views[1]


def start(code):
    """Run the server in a process of its own; give it and its address.

    Where a shell runs the tests in the background, Ctrl-C is ignored by all that they start: not by this.
    """
    listen = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)"
    process = subprocess.Popen(
        [sys.executable, "-c", f"{listen}\nfrom utils.panel import serve\n{code}"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return process, re.search(r"http://\S+", process.stdout.readline())[0]


def test_what_goes_wrong_is_read_on_the_page_and_ctrl_c_ends_it_all():
    code = "serve.SHOW = 'raise ValueError(\"no networks\")'\nserve.serve(open_browser=False)"
    process, address = start(code)
    text = re.sub("<[^>]*>", "", browser.wait_for(lambda: ask(address), 60)[1])
    assert "ValueError" in text and "no networks" in text
    kernels = psutil.Process(process.pid).children(recursive=True)
    assert kernels
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    assert said.strip().endswith("The panel is closed.") and "Traceback" not in said
    assert not psutil.wait_procs(kernels, timeout=10)[1]


def test_a_browser_is_opened_unless_it_is_not_wanted(monkeypatch):
    asked = []
    monkeypatch.setattr(
        "utils.panel.serve.serve", lambda port, open_browser: asked.append((port, open_browser))
    )
    assert harmonize.main(["--panel"]) == 0
    assert harmonize.main(["--panel", "--port", "9000", "--no-browser"]) == 0
    assert asked == [(None, True), (9000, False)]


def test_a_taken_port_is_said(capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert harmonize.main(["--panel", "--no-browser", "--port", str(port)]) == 1
    assert f"port {port} is taken" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["--panel", "song.mid"], ["--panel", "--port", "0"]])
def test_mistakes_are_answered_at_once(words, capsys):
    with pytest.raises(SystemExit):
        harmonize.main(words)
    assert "--p" in capsys.readouterr().err.splitlines()[-1]
