// Play button, position and time line: one stop of the Tab key.

import { count, minutes, secondsAt } from "./clock.js";
import { h, percent } from "./dom.js";

const KEYS =
  "Space plays and pauses. Left and right move a beat, up and down a bar, Home and End to the ends. " +
  "L loops the marked bars, B marks this bar, comma sets or takes away a phrase end, N chooses the notes that sound " +
  "here one by one, T goes to the next take, digits mute voices, with Shift they are heard alone.";

export function buildTransport({ toggle, seek, key }) {
  const play = h("button", { type: "button", class: "play", tabindex: -1, "aria-label": "Play", onclick: toggle });
  const where = h("span", { class: "where" });
  const clock = h("span", { class: "clock" });
  const marks = h("div", { class: "marks" });
  const commas = h("div", { class: "commas" });
  const bars = h("div", { class: "bars" });
  const head = h("div", { class: "head" });
  const line = h(
    "div",
    {
      class: "line",
      role: "slider",
      tabindex: 0,
      "aria-label": "Position",
      "aria-description": KEYS,
      "aria-valuemin": 0,
      title: KEYS,
    },
    marks,
    bars,
    commas,
    head,
  );
  const element = h("div", { class: "transport" }, play, h("div", { class: "reading" }, where, clock), line);
  let [take, said] = [null, ""];
  const share = (beat) => percent(beat / take.bars.at(-1).end);

  line.addEventListener("keydown", key);
  const drag = (event) => {
    const box = line.getBoundingClientRect();
    seek(((event.clientX - box.left) / box.width) * take.bars.at(-1).end);
  };
  line.addEventListener("pointerdown", (event) => {
    line.setPointerCapture(event.pointerId);
    line.focus({ focusVisible: false, preventScroll: true });
    drag(event);
    line.onpointermove = drag;
  });
  line.addEventListener("pointerup", () => (line.onpointermove = null));
  play.addEventListener("click", () => line.focus({ focusVisible: false, preventScroll: true }));

  return {
    element,
    show(one) {
      take = one;
      line.setAttribute("aria-valuemax", String(take.bars.at(-1).number));
      const every = Math.ceil(take.bars.length / 24);
      const shown = take.bars.filter((bar) => bar.number % every === 0 || every === 1);
      bars.replaceChildren(...shown.map((bar) => h("i", { style: `left:${share(bar.start)}` })));
    },
    mark(numbers) {
      const chosen = take.bars.filter((bar) => numbers.includes(bar.number));
      const style = (bar) => `left:${share(bar.start)};width:${share(bar.end - bar.start)}`;
      marks.replaceChildren(...chosen.map((bar) => h("i", { style: style(bar) })));
    },
    phrase(ends) {
      commas.replaceChildren(...ends.map(({ end }) => h("i", { style: `left:${share(end)}` })));
    },
    place(beat, playing) {
      head.style.left = share(beat);
      const label = playing ? "Pause" : "Play";
      if (play.getAttribute("aria-label") !== label) play.setAttribute("aria-label", label);
      const here = count(take.bars, Math.min(beat, take.bars.at(-1).end - 1e-3));
      write(where, `Bar ${here.bar} · beat ${here.beat}`);
      write(clock, `${minutes(secondsAt(take.clock, beat))} / ${minutes(take.clock.at(-1)[1])}`);
      // While it plays, bars are enough for those who listen.
      const text = playing ? `bar ${here.bar}` : `bar ${here.bar} beat ${here.beat}`;
      if (text === said) return;
      said = text;
      line.setAttribute("aria-valuenow", String(here.bar));
      line.setAttribute("aria-valuetext", text);
    },
  };
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
