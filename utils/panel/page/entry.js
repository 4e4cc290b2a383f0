// Enter a tune: typed notes, a piano, a MIDI keyboard, a file. What the notes mean is Python's matter.

import { h, s } from "./dom.js";
import { buildFile } from "./file.js";
import { buildMidi } from "./midi.js";
import { buildPiano, nameOf } from "./piano.js";
import { play } from "./tones.js";

const LENGTHS = [
  { name: "Sixteenth note", beats: 1 / 4, written: ":1/4", dotted: ":3/8", digit: "3", flags: 2 },
  { name: "Eighth note", beats: 1 / 2, written: ":1/2", dotted: ":3/4", digit: "4", flags: 1 },
  { name: "Quarter note", beats: 1, written: "", dotted: ":3/2", digit: "5", flags: 0 },
  { name: "Half note", beats: 2, written: ":2", dotted: ":3", digit: "6", flags: 0, hollow: true },
  { name: "Whole note", beats: 4, written: ":4", dotted: ":6", digit: "7", flags: 0, hollow: true, plain: true },
];
const TYPING_PAUSE = 150; // milliseconds without a letter before the notes are read
const PATIENCE = 700; // and before a mistake is named: half a word is none
const WIDTHS = { step: 20, least: 300, most: 2000 }; // pixels for which the staff is drawn
const WORD = /[^\s,;|]+[\s,;|]*$/; // the last one
const NOTE_OR_REST = /[^\s,;|!]\s*$/;
const HELP = `<summary>How notes are written, and keys that enter them</summary>
<p>A letter, <kbd>#</kbd> or <kbd>b</kbd> if need be, an octave, then beats after a colon:
<code>C5 F#5:2 Bb4:1/2 r:1</code>. <code>r</code> is a rest. Without beats a note lasts one; without an octave
it stays in that of the note before. <kbd>!</kbd> behind a note ends a phrase. Commas and bar lines
<kbd>|</kbd> are welcome and mean nothing.</p>
<p>On the piano: <kbd>A</kbd> <kbd>S</kbd> <kbd>D</kbd> and on are white keys, <kbd>W</kbd> <kbd>E</kbd>
<kbd>T</kbd> and on black ones, <kbd>Z</kbd> and <kbd>X</kbd> an octave lower and higher; arrows go from key
to key, space enters one. <kbd>3</kbd> to <kbd>7</kbd>: sixteenth to whole note, <kbd>.</kbd> a dot,
<kbd>0</kbd> a rest, <kbd>!</kbd> ends a phrase, backspace deletes.</p>`;

export default { render };

function render({ model, el }) {
  let [chosen, dotted, stop, typing, patience] = [LENGTHS[2], false, null, 0, 0];
  const id = `bach-entry-${Math.random().toString(36).slice(2)}`;
  const root = h("div", { class: "bach-entry", role: "group", "aria-label": "Enter a tune" });
  el.append(root);

  // --- Typed notes, and the staff that shows what is understood ---

  const notes = h("textarea", {
    id, rows: 2, spellcheck: "false", autocapitalize: "off", autocomplete: "off",
    placeholder: model.get("example"), "aria-describedby": `${id}-said`, oninput: wait, onblur: hurry,
  });
  const staff = h("div", { class: "staff", role: "img" });
  const understood = h("span", { class: "understood" });
  const mistake = h("span", { class: "mistake", role: "status" });

  function wait() {
    clearTimeout(typing);
    typing = setTimeout(send, TYPING_PAUSE);
  }

  function send() {
    clearTimeout(typing);
    if (notes.value === model.get("value")) return;
    model.set("value", notes.value);
    model.set("file", null);
    model.save_changes();
  }

  function hurry() {
    send();
    // Traits wait while the kernel is busy, and the click that follows would overtake them.
    if (!model.get("file")) model.send({ value: notes.value });
  }

  function showNotes() {
    if (notes.value !== model.get("value") && document.activeElement !== notes) notes.value = model.get("value");
  }

  function showUnderstood() {
    const wrong = model.get("mistake");
    staff.innerHTML = model.get("staff");
    staff.scrollTop = staff.scrollHeight;
    staff.setAttribute("aria-label", `Staff: ${model.get("understood")}`);
    understood.textContent = model.get("understood");
    playing.disabled = model.get("tune").length === 0;
    clearTimeout(patience);
    patience = setTimeout(() => {
      mistake.textContent = wrong;
      notes.setAttribute("aria-invalid", String(wrong !== ""));
    }, wrong ? PATIENCE : 0);
  }

  // --- Notes of a chosen length, which go in where the cursor was last ---

  const written = () => (dotted ? chosen.dotted : chosen.written);
  const before = () => notes.value.slice(0, notes.selectionEnd).trimEnd();

  function replace(start) {
    const rest = notes.value.slice(notes.selectionEnd).trimStart();
    notes.value = start + (rest && start ? " " : "") + rest;
    notes.setSelectionRange(start.length, start.length);
    notes.scrollTop = notes.scrollHeight;
    hurry();
  }
  const insert = (word) => replace(before() + (before() ? " " : "") + word);
  const enterRest = () => insert(`r${written()}`);
  const erase = () => replace(before().replace(WORD, "").trimEnd());
  function endPhrase() {
    if (NOTE_OR_REST.test(before())) replace(`${before()}!`);
  }

  const button = (content, onclick, label) =>
    h("button", { type: "button", onclick, title: label, "aria-label": label }, content);
  const lengths = LENGTHS.map((length) => button(drawNote(length), () => choose(length), `${length.name} (key ${length.digit})`));
  const dot = button("•", () => choose(chosen, !dotted), "Dot: half as long again (key .)");
  dot.classList.add("dot");
  function choose(length, withDot = dotted) {
    [chosen, dotted] = [length, withDot];
    lengths.forEach((one, at) => one.setAttribute("aria-pressed", String(LENGTHS[at] === length)));
    dot.setAttribute("aria-pressed", String(dotted));
  }
  choose(chosen);

  const playing = h("button", { type: "button", onclick: togglePlay }, "▶ Play");
  function togglePlay() {
    if (stop) return stop();
    playing.textContent = "■ Stop";
    stop = play(model.get("tune"), () => {
      stop = null;
      playing.textContent = "▶ Play";
    });
  }

  const piano = buildPiano({
    enter: (pitch) => insert(nameOf(pitch) + written()),
    beats: () => chosen.beats * (dotted ? 1.5 : 1),
    more({ key }) {
      const length = LENGTHS.find((one) => one.digit === key);
      const keys = { Backspace: erase, Delete: erase, "!": endPhrase, ".": () => choose(chosen, !dotted), 0: enterRest };
      const what = length ? () => choose(length) : keys[key];
      what?.();
      return Boolean(what);
    },
  });

  // --- Other ways in ---

  const midi = buildMidi(piano.press);
  const file = buildFile(root, model.get("endings"), model.get("biggest"), (...given) => {
    model.set("file", given);
    model.save_changes();
  });
  const forget = button("✕", () => {
    model.set("file", null);
    model.save_changes();
  }, "Leave the file out again");

  function showFile() {
    const given = model.get("file");
    file.said.textContent = given ? `The melody is in ${given[0]}.` : "";
    forget.hidden = !given;
    root.classList.toggle("has-file", Boolean(given));
  }

  root.append(
    h("label", { for: id }, "Notes"),
    notes,
    staff,
    h("div", { id: `${id}-said`, class: "said" }, understood, mistake),
    h("div", { class: "tools" },
      h("div", { role: "group", "aria-label": "Length of the next note" }, ...lengths, dot),
      h("div", { role: "group", "aria-label": "Notes" },
        button("Rest", enterRest, "Rest (key 0)"),
        button("Phrase end", endPhrase, "Phrase end with the note before (key !)"),
        button("⌫ Delete", erase, "Delete the note before (backspace)"),
        playing)),
    piano.element,
    h("div", { class: "tools" }, file.label, midi.button, file.said, forget, midi.said),
    Object.assign(h("details"), { innerHTML: HELP }),
  );

  // The staff is drawn as wide as it is shown, but not at each step of a window's edge.
  const watcher = new ResizeObserver(() => {
    const fit = WIDTHS.step * Math.floor(staff.clientWidth / WIDTHS.step);
    const width = Math.min(Math.max(fit, WIDTHS.least), WIDTHS.most);
    if (staff.clientWidth === 0 || width === model.get("width")) return;
    model.set("width", width);
    model.save_changes();
  });
  watcher.observe(staff);
  const listeners = {
    "change:value": showNotes,
    "change:file": showFile,
    "change:staff": showUnderstood,
    "change:understood": showUnderstood,
    "change:mistake": showUnderstood,
  };
  Object.entries(listeners).forEach(([name, listener]) => model.on(name, listener));
  showNotes();
  showUnderstood();
  showFile();
  return () => {
    Object.entries(listeners).forEach(([name, listener]) => model.off(name, listener));
    watcher.disconnect();
    midi.close();
    stop?.();
    clearTimeout(typing);
    clearTimeout(patience);
  };
}

// Draw a note of one length.
function drawNote({ flags, hollow, plain }) {
  const lines = { stroke: "currentColor", fill: "none", "stroke-width": 1.6 };
  const stem = s("path", { d: plain ? "" : "M13.4 21V4", ...lines });
  const curls = Array.from({ length: flags }, (_, at) =>
    s("path", { d: `M13.4 ${4 + 5 * at}c0 4 5 4 4 9c0-3-2-4-4-5z`, fill: "currentColor" }),
  );
  const inside = hollow ? lines : { fill: "currentColor" };
  const head = s("ellipse", { cx: 9, cy: 21, rx: 4.8, ry: 3.3, transform: "rotate(-20 9 21)", ...inside });
  return s("svg", { viewBox: "0 0 22 26", width: 19, height: 22, "aria-hidden": "true" }, stem, ...curls, head);
}
