"""The Korean edition: the same lesson, and prose that is no older than the English."""

import copy
import re
from urllib.parse import unquote

import nbformat
import pytest

from utils.lesson import korean
from utils.lesson.definitions import NOTEBOOK

ROOT = NOTEBOOK.parent
HANGUL = re.compile("[가-힣]")


@pytest.fixture(scope="module")
def editions():
    return [nbformat.read(path, as_version=4) for path in (NOTEBOOK, korean.KOREAN_NOTEBOOK)]


@pytest.fixture(scope="module")
def readmes():
    return [path.read_text(encoding="utf-8") for path in (korean.README, korean.KOREAN_README)]


def prose(editions):
    """Every cell of prose, as (id, English, Korean)."""
    texts = [{c.id: c.source for c in edition.cells if c.cell_type == "markdown"} for edition in editions]
    return [(cell, text, texts[1][cell]) for cell, text in texts[0].items()]


def sections(readmes):
    """Every section of the README, as (English heading, English, Korean)."""
    english, translated = (korean.read_sections(text) for text in readmes)
    by_heading = {korean.STAMP.search(section).group(1): section for section in translated.values()}
    return [(heading, text, by_heading[heading]) for heading, text in english.items()]


def test_cells_are_those_of_the_english_lesson(editions):
    english, translated = ([(c.id, c.cell_type) for c in edition.cells] for edition in editions)
    assert translated == english, "run `python -m utils.lesson.korean`"
    assert editions[1].metadata == editions[0].metadata


def test_code_and_outputs_are_those_of_the_english_lesson(editions):
    english, translated = ([c for c in edition.cells if c.cell_type == "code"] for edition in editions)
    differing = [a.id for a, b in zip(english, translated, strict=True) if a != b]
    assert differing == [], "run `python -m utils.lesson.korean`"


def test_prose_is_no_older_than_the_english(editions, readmes):
    assert korean.outdated_cells(*editions) == [], "look at these cells again: CONTRIBUTING.md says how"
    assert korean.outdated_sections(*readmes) == [], "look at these sections again: CONTRIBUTING.md says how"


def test_prose_is_korean(editions, readmes):
    for name, _, text in prose(editions) + sections(readmes):
        assert HANGUL.search(text), name


def without_language(text):
    """What no translation changes: equations, blocks of code, addresses, words of code, and numbers."""
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    found = {"addresses": {t.replace(".ko.", ".") for t in links(text) if "#" not in t}}
    text = re.sub(r"\]\([^)\s]+\)", "]", text)
    for kind, pattern in {
        "blocks": r"^```.*?^```",
        "equations": r"\$\$.*?\$\$",
        "symbols": r"\$[^$\n]+\$",
        "code": r"`[^`\n]+`",
        "numbers": r"\d+(?:[.,]\d+)*",
    }.items():
        found[kind] = set(re.findall(pattern, text, re.DOTALL | re.MULTILINE))
        text = re.sub(pattern, "", text, flags=re.DOTALL | re.MULTILINE)
    found["blocks"] = {re.sub(r"\s+#\s.*", "", block) for block in found["blocks"]}  # comments are translated
    return found


def test_what_needs_no_translation_is_the_same(editions, readmes):
    for name, english, translated in prose(editions) + sections(readmes):
        here, there = without_language(english), without_language(translated)
        lost = {kind: here[kind] - there[kind] for kind in here}
        added = {kind: there[kind] - here[kind] for kind in ("addresses", "blocks", "equations", "symbols")}
        # A count that English spells out is written in digits: 열두 is 12, but never 0.35.
        added["fractions"] = {number for number in there["numbers"] - here["numbers"] if "." in number}
        assert not any(lost.values()) and not any(added.values()), f"{name}: {lost} lost, {added} added"


def test_emphasis_is_seen(editions, readmes):
    """Stars come in pairs, and none closes between punctuation and a letter, as in ``**마디(bar)**는``."""
    for name, _, text in prose(editions) + sections(readmes):
        text = re.sub(r"^```.*?^```|`[^`\n]*`|\$[^$]*\$", "", text, flags=re.DOTALL | re.MULTILINE)
        pair = re.compile(r"(?<!\*)(\*{1,2})(?![\s*])[^*\n]*([^*\s])\1(?!\*)(.?)")
        for _, last, following in pair.findall(text):
            assert last.isalnum() or not following.isalnum(), f"{name}: {last}**{following}"
        assert "*" not in pair.sub("", text), name


def links(text):
    return [target for target, _ in re.findall(r"\]\(([^()\s]+(\([^)]*\))?[^()\s]*)\)", text)]


def anchors(path):
    """Give the addresses of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_lead_somewhere(editions, readmes):
    pages = [(korean.KOREAN_README, readmes[1])]
    pages += [(korean.KOREAN_NOTEBOOK, text) for *_, text in prose(editions)]
    for page, text in pages:
        for target in links(text):
            if re.match(r"\w+:", target):
                continue
            path, _, anchor = unquote(target).partition("#")
            file = ROOT / path if path else page
            assert file.exists(), f"{page.name}: {target}"
            if anchor and file.suffix == ".md":
                assert anchor in anchors(file), f"{page.name}: {target}"


def test_the_editions_lead_to_each_other(readmes):
    assert "README.ko.md" in links(readmes[0])
    assert {"README.md", "notebook.ko.ipynb"} <= set(links(readmes[1]))


# --- How they are kept together ----------------------------------------------


@pytest.fixture
def pair():
    """An English notebook, and a Korean one that is up to date."""
    cells = [
        nbformat.v4.new_markdown_cell("One", id="one"),
        nbformat.v4.new_code_cell("1 + 1", id="sum", metadata={"tags": ["parameters"]}),
        nbformat.v4.new_markdown_cell("Two", id="two"),
    ]
    english = nbformat.v4.new_notebook(cells=cells)
    translated = copy.deepcopy(english)
    translated.cells[0].source, translated.cells[2].source = "하나", "둘"
    return english, korean.follow(english, translated, seen=["all"])


def test_a_change_of_the_english_names_the_cell(pair):
    english, translated = pair
    assert korean.outdated_cells(english, translated) == []
    english.cells[2].source = "Two!"
    translated = korean.follow(english, translated)
    assert korean.outdated_cells(english, translated) == ["two"]
    assert translated.cells[2].source == "둘"
    assert korean.outdated_cells(english, korean.follow(english, translated, seen=["one"])) == ["two"]
    assert korean.outdated_cells(english, korean.follow(english, translated, seen=["two"])) == []


def test_code_outputs_and_new_cells_come_from_the_english(pair):
    english, translated = pair
    english.cells[1].source = "1 + 2"
    english.cells[1].outputs = [nbformat.v4.new_output("stream", text="3")]
    english.cells.insert(1, nbformat.v4.new_markdown_cell("New", id="new"))
    del english.cells[3]
    translated = korean.follow(english, translated)
    assert [cell.source for cell in translated.cells] == ["하나", "New", "1 + 2"]
    assert translated.cells[2] == english.cells[2]
    assert korean.outdated_cells(english, translated) == ["new"]


def test_a_change_of_the_readme_names_the_section():
    english = "# Bach\n\nHello\n\n## How\n\n```sh\n# comment\n```\n\n## Why: a question\n\nSo.\n"
    translated = "# 바흐\n<!-- Bach:  -->\n\n## 어떻게\n<!-- How:  -->\n\n## 왜\n<!-- Why: a question:  -->\n"
    everything = ["Bach", "How", "Why: a question"]
    assert korean.outdated_sections(english, translated) == everything
    translated = korean.stamp_sections(english, translated, seen=["all"])
    assert korean.outdated_sections(english, translated) == []
    changed = english.replace("So.", "Therefore.")
    assert korean.outdated_sections(changed, translated) == ["Why: a question"]
    assert korean.outdated_sections(changed, korean.stamp_sections(changed, translated, ["How"])) != []
    mended = korean.stamp_sections(changed, translated, ["Why: a question"])
    assert korean.outdated_sections(changed, mended) == []
    assert korean.outdated_sections(english.replace("## How", "## What"), translated) == ["What", "How"]
