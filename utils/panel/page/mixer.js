// The mixer: a strip a voice.

import { h } from "./dom.js";

const USUAL = 70; // of 100: where the volume is as it was played

// Mute, solo and volume of a voice.
export function buildStrip(name, voice, { volume }, change) {
  const button = (kind, label, what) =>
    h(
      "button",
      {
        type: "button",
        class: kind,
        "aria-pressed": "false",
        "aria-label": `${label} ${name}`,
        title: `${label} ${name}`,
        onclick: () => change(voice, what),
      },
      label.charAt(0),
    );
  const slider = h("input", {
    type: "range",
    min: 0,
    max: 100,
    value: Math.round(USUAL * volume),
    "aria-label": `Volume of ${name}`,
    title: `Volume of ${name}`,
    oninput: (event) => change(voice, () => ({ volume: event.target.value / USUAL })),
  });
  return h(
    "div",
    { class: `voice v${voice % 6}`, role: "group", "aria-label": title(name) },
    h("span", { class: "name" }, title(name)),
    button("mute", "Mute", (strip) => ({ muted: !strip.muted })),
    button("solo", "Solo", (strip) => ({ solo: !strip.solo })),
    slider,
  );
}

export function title(name) {
  return name.charAt(0).toUpperCase() + name.slice(1);
}
