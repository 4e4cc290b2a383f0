// The score: pages of SVG whose notes have names, with a playhead, marks and commas laid over them.

import { h, percent } from "./dom.js";
import { dragCommas } from "./phrases.js";

const ABOVE = 10; // pixels of the playhead over the staves
const HEADROOM = 48; // pixels for chords and numbers above a system; above the first one is the tempo, too

export function buildScore(act) {
  const element = h("div", { class: "scroll score", tabindex: -1, hidden: "" });
  let [score, map, lit, wishes] = [null, null, [], {}];

  const measure = () => {
    if (!score || element.clientWidth === 0) return;
    map = survey(element, score);
    if (map) Object.entries(wishes).forEach(([what, value]) => overlays[what](...value));
  };
  new ResizeObserver(() => map ?? measure()).observe(element);

  const overlays = {
    place(beat, follow) {
      const at = map.at(beat);
      if (!at) return;
      const { head } = at.page;
      map.pages.forEach((page) => (page.head.hidden = page !== at.page));
      Object.assign(head.style, {
        left: percent(at.x),
        top: percent(at.system.top),
        height: percent(at.system.bottom - at.system.top),
      });
      if (follow) reveal(element, at);
    },
    light(sounding) {
      lit.forEach((one) => one.classList.remove("now"));
      lit = sounding.flatMap((note, voice) => map.drawn[voice]?.[note] ?? []);
      lit.forEach((one) => one.classList.add("now"));
    },
    choose(note) {
      element.querySelectorAll(".chosen").forEach((one) => one.classList.remove("chosen"));
      if (note) map.drawn[note.number]?.[note.index]?.forEach((one) => one.classList.add("chosen"));
    },
    mark(bars) {
      map.pages.forEach((page) => page.marks.replaceChildren());
      for (const bar of map.bars.filter((one) => bars.includes(one.number))) {
        bar.page.marks.append(h("div", { class: "mark", style: box(bar.left, bar.right, bar.system) }));
      }
    },
    phrase(ends) {
      map.pages.forEach((page) => page.commas.replaceChildren());
      for (const { place, start, end } of ends) {
        const [from, to] = [map.at(start), map.at(end - 1e-3)];
        if (!from || !to) continue;
        const style = `left:${percent(to.x)};top:${percent(to.system.top)}`;
        to.page.commas.append(h("span", { class: "comma", "data-place": place, style }, "’"));
      }
    },
    silence(levels) {
      map.drawn.forEach((notes, voice) =>
        notes.forEach((heads) => heads?.forEach((one) => one.classList.toggle("mute", !levels[voice]))),
      );
    },
  };

  element.addEventListener("click", (event) => {
    const place = map && !event.target.closest(".comma") && map.where(event);
    if (place) act.point(place, event);
  });
  dragCommas(element, element, (event) => map?.where(event), act);
  const wish = (what) => (...value) => {
    wishes[what] = value;
    if (map) overlays[what](...value);
  };
  return {
    element,
    // `pages` are SVG, `heads` say what is drawn: [id, voice, note, start, end].
    show(pages, heads, take) {
      [score, map, lit] = [{ heads, take }, null, []];
      element.hidden = pages.length === 0;
      element.replaceChildren(...pages.map(page));
      requestAnimationFrame(measure);
    },
    place: wish("place"),
    light: wish("light"),
    choose: wish("choose"),
    mark: wish("mark"),
    phrase: wish("phrase"),
    silence: wish("silence"),
  };
}

function page(svg) {
  const sheet = h("div", { class: "sheet" });
  sheet.innerHTML = svg;
  sheet.querySelector("svg").setAttribute("aria-hidden", "true");
  sheet.append(h("div", { class: "marks" }), h("div", { class: "commas" }), h("div", { class: "head", hidden: "" }));
  return sheet;
}

function box(left, right, system) {
  const [width, height] = [percent(right - left), percent(system.bottom - system.top)];
  return `left:${percent(left)};width:${width};top:${percent(system.top)};height:${height}`;
}

// Find out where everything is, as shares of its page: systems, bars, heads.
function survey(element, { heads, take }) {
  const pages = [...element.querySelectorAll(".sheet")].map((sheet) => ({
    sheet,
    rect: sheet.getBoundingClientRect(),
    head: sheet.querySelector(".head"),
    marks: sheet.querySelector(".marks"),
    commas: sheet.querySelector(".commas"),
  }));
  if (!pages.length || !pages[0].rect.width) return null;
  const bars = pages.flatMap((one) =>
    [...one.sheet.querySelectorAll(".system")].flatMap((drawn) => barsOf(drawn, one)),
  );
  bars.forEach((bar, index) => Object.assign(bar, take.bars[index]));
  const drawn = take.notes.map(() => []);
  for (const [id, voice, note, start, end] of heads) {
    const group = element.querySelector(`[id="${id}"]`);
    if (!group) continue;
    const bar = bars.findLast((one) => one.start <= start + 1e-4) ?? bars[0];
    const { left, width } = (group.querySelector(".notehead") ?? group).getBoundingClientRect();
    bar.anchors.push([start, (left + width / 2 - bar.page.rect.left) / bar.page.rect.width]);
    group.classList.add(`v${voice % 6}`);
    group.dataset.voice = voice;
    group.dataset.note = note;
    (drawn[voice][note] ??= []).push(group);
  }
  for (const bar of bars) {
    bar.anchors.push([bar.end, bar.right]);
    bar.anchors.sort((one, other) => one[0] - other[0] || other[1] - one[1]);
    if (bar.anchors[0][0] > bar.start + 1e-4) bar.anchors.unshift([bar.start, bar.left]);
  }
  return { pages, bars, drawn, at: (beat) => find(bars, beat), where: (event) => point(bars, event) };
}

function barsOf(system, page) {
  const { rect } = page;
  const measures = [...system.querySelectorAll(".measure")].map((measure) => {
    const staves = [...measure.querySelectorAll(".staff > path")].map((line) => line.getBoundingClientRect());
    return {
      left: (Math.min(...staves.map((one) => one.left)) - rect.left) / rect.width,
      right: (Math.max(...staves.map((one) => one.right)) - rect.left) / rect.width,
      top: (Math.min(...staves.map((one) => one.top)) - rect.top - ABOVE) / rect.height,
      bottom: (Math.max(...staves.map((one) => one.bottom)) - rect.top + ABOVE) / rect.height,
    };
  });
  const whole = { top: Math.min(...measures.map((m) => m.top)), bottom: Math.max(...measures.map((m) => m.bottom)) };
  whole.reach = system.previousElementSibling?.matches(".system") ? HEADROOM : Infinity;
  return measures.map(({ left, right }) => ({ left, right, system: whole, page, anchors: [] }));
}

function find(bars, beat) {
  const bar = bars.findLast((one) => one.start <= beat + 1e-6) ?? bars[0];
  if (!bar) return null;
  const index = bar.anchors.findIndex(([start]) => start > beat + 1e-6);
  const { page, system, anchors, right } = bar;
  if (index < 1) return { page, system, x: index < 0 ? right : anchors[0][1] };
  const [[start, x], [end, next]] = [anchors[index - 1], anchors[index]];
  return { page, system, x: x + ((next - x) * (beat - start)) / (end - start) };
}

// What a click means: the note that was hit, or else the nearest place in time.
function point(bars, event) {
  const page = bars.find((bar) => bar.page.sheet.contains(event.target))?.page;
  if (!page) return null;
  const rect = page.sheet.getBoundingClientRect();
  const [x, y] = [(event.clientX - rect.left) / rect.width, (event.clientY - rect.top) / rect.height];
  const distance = (bar) =>
    Math.max(bar.system.top - y, y - bar.system.bottom, 0) * 1000 + Math.max(bar.left - x, x - bar.right, 0);
  const own = bars.filter((bar) => bar.page === page);
  const bar = own.reduce((best, one) => (distance(one) < distance(best) ? one : best));
  const hit = event.target.closest("[data-note]")?.dataset;
  const nearer = (best, one) => (Math.abs(one[1] - x) < Math.abs(best[1] - x) ? one : best);
  const [beat] = bar.anchors.slice(0, -1).reduce(nearer, bar.anchors[0]);
  return { beat, voice: hit ? Number(hit.voice) : null, note: hit ? Number(hit.note) : null, lane: "music" };
}

// Scroll to the system that sounds; the page around stays where it is.
function reveal(element, at) {
  const offset = at.page.sheet.offsetTop;
  const [top, bottom] = [at.system.top, at.system.bottom].map((share) => offset + share * at.page.sheet.clientHeight);
  if (top < element.scrollTop || bottom > element.scrollTop + element.clientHeight) {
    element.scrollTop = Math.max(0, top - at.system.reach);
  }
}
