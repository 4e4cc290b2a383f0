// The piano roll: time to the right, pitch upward, a lane for bars and one for chords above it.

import { h, s } from "./dom.js";
import { dragCommas } from "./phrases.js";

const BEAT = 34; // pixels
const ROW = 7; // a semitone
const GUTTER = 34; // for the names of pitches
const LANE = 22;
const FEWEST = 24; // semitones
const BLACK = [1, 3, 6, 8, 10];
const AHEAD = 0.35; // of the view: where the playhead stays while the music moves
const THICKNESS = [1, 0.86, 0.72, 0.58]; // of a row: both notes of a unison are seen

export function buildRoll(take, symbols, act) {
  const beats = take.bars.at(-1).end;
  const pitches = take.notes.flat().map((note) => note.pitch);
  const spare = Math.max(0, FEWEST - (Math.max(...pitches) - Math.min(...pitches)));
  const top = Math.max(...pitches) + 2 + Math.ceil(spare / 2);
  const bottom = Math.min(...pitches) - 2 - Math.floor(spare / 2);
  const lanes = LANE * (symbols ? 2 : 1);
  const size = { width: beats * BEAT, height: lanes + (top - bottom + 1) * ROW };
  const y = (pitch) => lanes + (top - pitch) * ROW;

  const picture = s("svg", { ...size, "aria-hidden": "true", class: "music" });
  const marks = s("g", { class: "marks" });
  picture.append(rows(top, bottom, size.width, y), marks, lines(take, size.height, lanes));
  if (symbols) picture.append(chordNames(take.chords));
  const blocks = take.notes.map((notes, voice) =>
    notes.map((note, number) => block(note, voice, number, y)),
  );
  picture.append(s("g", {}, ...blocks.flat()));
  const commas = h("div", { class: "commas" });
  const head = h("div", { class: "head" });
  const keys = s("svg", { class: "keys", width: GUTTER, height: size.height, "aria-hidden": "true" });
  for (let pitch = bottom; pitch <= top; pitch++) {
    if (pitch % 12) continue;
    keys.append(s("text", { x: GUTTER - 6, y: y(pitch) + ROW - 1, "text-anchor": "end" }, `C${pitch / 12 - 1}`));
  }
  const content = h("div", { class: "content", style: `width:${size.width}px` }, picture, commas, head);
  const scroll = h("div", { class: "scroll roll", tabindex: -1 }, keys, content);

  const where = (event) => {
    const box = picture.getBoundingClientRect();
    const beat = ((event.clientX - box.left) / box.width) * beats;
    const found = event.target.closest?.("[data-note]")?.dataset;
    return {
      beat: Math.max(0, Math.min(beat, beats - 0.01)),
      voice: found ? Number(found.voice) : null,
      note: found ? Number(found.note) : null,
      lane: event.clientY - box.top < LANE ? "bars" : "music",
    };
  };
  picture.addEventListener("click", (event) => act.point(where(event), event));
  dragCommas(commas, scroll, where, act);

  let lit = [];
  return {
    element: scroll,
    place(beat, follow) {
      const x = beat * BEAT;
      head.style.transform = `translateX(${x}px)`;
      const room = scroll.clientWidth - GUTTER;
      if (follow) scroll.scrollLeft = x - AHEAD * room;
      else if (x < scroll.scrollLeft || x > scroll.scrollLeft + room) scroll.scrollLeft = x - AHEAD * room;
    },
    light(sounding) {
      lit.forEach((one) => one.classList.remove("now"));
      lit = sounding.flatMap((note, voice) => (note < 0 ? [] : [blocks[voice][note]]));
      lit.forEach((one) => one.classList.add("now"));
    },
    choose(note) {
      picture.querySelector(".chosen")?.classList.remove("chosen");
      if (note) blocks[note.number]?.[note.index]?.classList.add("chosen");
    },
    mark(bars) {
      const chosen = take.bars.filter((bar) => bars.includes(bar.number));
      marks.replaceChildren(
        ...chosen.map((bar) =>
          s("rect", { x: bar.start * BEAT, width: (bar.end - bar.start) * BEAT, y: 0, height: size.height }),
        ),
      );
    },
    phrase(ends) {
      commas.replaceChildren(
        ...ends.map(({ place, end }) =>
          h(
            "div",
            {
              class: "comma",
              "data-place": place,
              title: `A phrase ends at ${place}: drag it`,
              style: `left:${end * BEAT}px`,
            },
            h("span", {}, "’"),
          ),
        ),
      );
      commas.style.top = `${lanes}px`;
    },
    silence(levels) {
      blocks.forEach((notes, voice) => notes.forEach((one) => one.classList.toggle("mute", !levels[voice])));
    },
  };
}

function rows(top, bottom, width, y) {
  const group = s("g", { class: "rows" });
  for (let pitch = bottom; pitch <= top; pitch++) {
    if (BLACK.includes(((pitch % 12) + 12) % 12)) {
      group.append(s("rect", { class: "black", x: 0, y: y(pitch), width, height: ROW }));
    }
    if (pitch % 12 === 0) {
      group.append(s("line", { class: "octave", x1: 0, x2: width, y1: y(pitch) + ROW, y2: y(pitch) + ROW }));
    }
  }
  return group;
}

function lines(take, height, lanes) {
  const group = s("g", { class: "bar-lines" });
  for (const bar of take.bars) {
    const x = bar.start * BEAT;
    for (let beat = bar.start + bar.beat; beat < bar.end; beat += bar.beat) {
      group.append(s("line", { class: "beat", x1: beat * BEAT, x2: beat * BEAT, y1: lanes, y2: height }));
    }
    group.append(
      s("line", { x1: x, x2: x, y1: 0, y2: height }),
      s("text", { class: "number", x: x + 5, y: 15 }, String(bar.number)),
    );
  }
  return group;
}

function chordNames(chords) {
  const texts = chords.map(([beat, symbol], index) => {
    const next = chords[index + 1]?.[0] ?? Infinity;
    const room = (next - beat) * BEAT - 3;
    const small = symbol.length * 7.5 > room;
    return s("text", { class: small ? "chord small" : "chord", x: beat * BEAT + 3, y: LANE + 15 }, pretty(symbol));
  });
  return s("g", {}, ...texts);
}

export function pretty(symbol) {
  return symbol.replace(/([A-G])(#+|b+)/g, (_, letter, signs) => letter + signs.replace(/#/g, "♯").replace(/b/g, "♭"));
}

function block(note, voice, number, y) {
  const height = ROW * (THICKNESS[voice] ?? THICKNESS.at(-1));
  return s("rect", {
    class: `note v${voice % 6}${note.given ? " given" : ""}`,
    "data-voice": voice,
    "data-note": number,
    x: note.start * BEAT + 0.75,
    width: Math.max(2, (note.end - note.start) * BEAT - 1.5),
    y: y(note.pitch) + (ROW - height) / 2,
    height,
    rx: 1.5,
  });
}
