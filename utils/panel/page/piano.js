// A piano on the screen: mouse, touch, arrows, and the keys of the computer.

import { h, percent } from "./dom.js";
import { sound } from "./tones.js";

const NAMES = ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"];
const SPOKEN = { "#": " sharp", b: " flat" };
const BLACK = [1, 3, 6, 8, 10];
const BLACK_WIDTH = 0.64; // of a white key's
// The middle row of a computer's keys is white, the one above it black; the place counts, not the letter.
const PLACES = "KeyA KeyW KeyS KeyE KeyD KeyF KeyT KeyG KeyY KeyH KeyU KeyJ KeyK KeyO KeyL KeyP Semicolon".split(" ");
const OCTAVES = 2;
const [LOWEST, HIGHEST] = [24, 96]; // that may be the first key

export const nameOf = (pitch) => `${NAMES[pitch % 12]}${Math.floor(pitch / 12) - 1}`;
const spokenName = (pitch) => nameOf(pitch).replace(/[#b]/, (sign) => SPOKEN[sign]).replace(/-?\d+$/, " $&");
const between = (low, number, high) => Math.min(Math.max(number, low), high);

// Build it; enter(pitch) hears of each note, beats() says how long it sounds. The keyboard gives what else is
// pressed on it to more(event), which tells whether it has a meaning.
export function buildPiano({ enter, beats, more }) {
  let [first, current, alreadySounding] = [60, 72, false];
  const keys = h("div", { class: "keys", role: "group", "aria-label": "Piano: arrows move, space enters the note" });
  const arrow = (text, octaves, label) =>
    h("button", { type: "button", onclick: () => shift(octaves), title: label, "aria-label": label }, text);
  const lower = arrow("◂", -1, "An octave lower (key Z)");
  const higher = arrow("▸", 1, "An octave higher (key X)");

  function draw() {
    const [count, width] = [12 * OCTAVES + 1, 1 / (7 * OCTAVES + 1)];
    current = between(first, current, first + count - 1);
    let white = 0;
    keys.replaceChildren(
      ...Array.from({ length: count }, (_, at) => {
        const pitch = first + at;
        const black = BLACK.includes(pitch % 12);
        const place = [black ? white - BLACK_WIDTH / 2 : white++, black ? BLACK_WIDTH : 1];
        const [left, wide] = place.map((share) => percent(share * width));
        const attributes = { type: "button", class: black ? "black" : "white", "data-pitch": pitch };
        Object.assign(attributes, { "aria-label": spokenName(pitch), tabindex: pitch === current ? 0 : -1 });
        Object.assign(attributes, { style: `left: ${left}; width: ${wide}` });
        return h("button", attributes, pitch % 12 === 0 ? nameOf(pitch) : "");
      }),
    );
    lower.disabled = first <= LOWEST;
    higher.disabled = first >= HIGHEST;
  }
  const keyOf = (pitch) => keys.querySelector(`[data-pitch="${pitch}"]`);

  function shift(octaves) {
    const before = first;
    first = between(LOWEST, first + 12 * octaves, HIGHEST);
    current += first - before;
    draw();
  }

  function go(pitch) {
    current = between(LOWEST, pitch, HIGHEST + 12 * OCTAVES);
    while (current < first) first -= 12;
    while (current > first + 12 * OCTAVES) first += 12;
    draw();
    keyOf(current).focus();
  }

  function press(pitch) {
    sound(pitch, beats());
    enter(pitch);
    const key = keyOf(pitch);
    key?.classList.add("down");
    setTimeout(() => key?.classList.remove("down"), 150);
  }

  // A finger hears its note at once; the note is entered when it is lifted, as with any other button.
  keys.addEventListener("pointerdown", ({ target: { dataset } }) => {
    if (dataset.pitch) sound(Number(dataset.pitch), beats());
    alreadySounding = Boolean(dataset.pitch);
  });
  keys.addEventListener("click", ({ target: key }) => {
    if (!key.dataset.pitch) return;
    keyOf(current).tabIndex = -1;
    key.tabIndex = 0;
    current = Number(key.dataset.pitch);
    if (!alreadySounding) sound(current, beats());
    alreadySounding = false;
    enter(current);
  });
  keys.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -12, ArrowUp: 12 }[event.key];
    const octaves = { KeyZ: -1, KeyX: 1 }[event.code];
    const place = PLACES.indexOf(event.code);
    if (step) go(current + step);
    else if (more(event));
    else if (octaves) {
      shift(octaves);
      keyOf(current).focus();
    } else if (place >= 0) {
      if (!event.repeat) press(first + place);
    } else return; // the Tab key, or a space, which the browser makes a click
    event.preventDefault();
    event.stopPropagation();
  });
  draw();
  return { element: h("div", { class: "piano" }, lower, keys, higher), press };
}
