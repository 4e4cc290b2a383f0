// A MIDI keyboard, asked for by a button, as browsers want it.

import { h } from "./dom.js";

const NOTE_ON = 0x90;
const NOTHING = "No MIDI keyboard is connected. Connect one: it is found at once.";
const REFUSED = "The browser did not allow it. See the sign beside its address bar.";
const MISSING = "This browser has no Web MIDI; Chrome, Edge and Firefox have.";

// Build the button and what it says; press(pitch) hears of each note.
export function buildMidi(press) {
  const said = h("span", { role: "status" });
  const button = h("button", { type: "button", onclick: connect, title: "Enter notes on a MIDI keyboard" }, "MIDI keyboard");
  let access = null;
  if (!navigator.requestMIDIAccess) {
    button.disabled = true;
    button.title = MISSING;
  }

  async function connect() {
    try {
      access ??= await navigator.requestMIDIAccess();
    } catch {
      said.textContent = REFUSED;
      return;
    }
    access.onstatechange = attach;
    attach();
  }

  function attach() {
    const names = Array.from(access.inputs.values(), (input) => {
      input.onmidimessage = hear;
      return input.name;
    });
    button.setAttribute("aria-pressed", String(names.length > 0));
    said.textContent = names.length ? `Listening to ${names.join(", ")}.` : NOTHING;
  }

  function hear({ data: [status, pitch, velocity] }) {
    if ((status & 0xf0) === NOTE_ON && velocity > 0) press(pitch);
  }

  function close() {
    if (!access) return;
    access.onstatechange = null;
    access.inputs.forEach((input) => { input.onmidimessage = null; });
  }
  return { button, said, close };
}
