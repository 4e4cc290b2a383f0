// The instrument: sound, score and roll of the chosen take under one playhead.

import { barAt, beatAt, neighbor, noteAt, secondsAt, spoken } from "./clock.js";
import { h, roving } from "./dom.js";
import { buildStrip, title } from "./mixer.js";
import { phraseEnds } from "./phrases.js";
import { decode, has, Player } from "./player.js";
import { buildRoll } from "./roll.js";
import { buildScore } from "./score.js";
import { buildTransport } from "./transport.js";

const GRACE = 0.4; // seconds after a beat in which "back" means the one before
const ENOUGH = 5; // seconds that are heard while the whole is made
const KEPT = 1200; // seconds of the sounds of takes: 400 MB where there are four voices
const WIDTHS = { step: 80, least: 320, most: 1200 }; // pixels for which scores are engraved
const MODES = { play: "Play from", bars: "Mark bars", phrases: "Phrase ends" }; // what a click does
const HINTS = {
  play: "Click a note to play from there and to choose it. Space plays and pauses, arrows move.",
  bars: "Click bars to mark them, with Shift all up to there.",
  phrases: "Click the last note of a phrase to set or remove its end; or drag the comma.",
};
function render({ model, el }) {
  const instrument = buildInstrument(model);
  el.append(instrument.element);
  return instrument.close;
}

export default { render };

function buildInstrument(model) {
  const root = h("div", { class: "bach-instrument", role: "group", "aria-label": "Player" });
  root.dataset.lmSuppressShortcuts = "true"; // letters pressed here are no commands to Jupyter
  const parts = { tools: null, roll: null, mode: "play", levels: [] };
  const sounds = new Map();
  const asked = new Set();
  const mix = [];
  let [take, beat, pending, width, frame] = [null, 0, null, 0, 0];

  const player = new Player(model.get("room"), () => refresh(), starve);
  const act = { point: onPoint, movePhrase };
  const transport = buildTransport({ toggle, seek: seekTo, key: onKey });
  const score = buildScore(act);
  const status = h("div", { class: "status", role: "status", "aria-live": "polite" });
  const takes = h("div", { class: "takes", role: "radiogroup", "aria-label": "Takes" });
  const tools = h("div", { class: "tools", role: "toolbar", "aria-label": "Voices and marks" });
  const roll = h("div", { class: "roll-frame" });
  root.append(takes, transport.element, tools, status, score.element, roll);

  // --- What is shown ---

  function showTakes() {
    const all = model.get("takes");
    root.classList.toggle("empty", all.length === 0);
    takes.replaceChildren(
      ...all.map((one, index) =>
        h(
          "button",
          {
            type: "button",
            role: "radio",
            onclick: () => chooseTake(index),
            onpointerenter: () => ask("sound", one, here(one)),
          },
          one.name,
        ),
      ),
    );
    takes.hidden = all.length < 2;
    for (const key of sounds.keys()) if (!all.some((one) => one.key === key)) sounds.delete(key);
    for (const id of asked) if (!all.some((one) => id.split(" ")[1] === one.key)) asked.delete(id);
    if (all.length === 0) return stop();
    roving(takes);
    showTake();
  }

  function stop() {
    player.pause();
    take = null;
    say(HINTS[parts.mode]);
    roll.replaceChildren();
    score.show([], [], null);
  }

  function showTake() {
    const before = take;
    take = model.get("takes")[model.get("take")] ?? model.get("takes")[0];
    if (!take) return;
    [...takes.children].forEach((one, index) =>
      one.setAttribute("aria-checked", String(index === model.get("take"))),
    );
    takes.querySelector("[aria-checked=true]")?.setAttribute("tabindex", "0");
    if (take.key === before?.key) return;
    if (before && !isSameTune(before, take)) {
      player.pause();
      [beat, parts.heard] = [0, null];
      say(HINTS[parts.mode]);
    }
    buildTools();
    parts.roll = buildRoll(take, take.symbols, act);
    roll.replaceChildren(parts.roll.element);
    score.show([], [], take);
    [pending, width] = [take, 0];
    takeSound();
    askScore();
    transport.show(take);
    showMarks();
    showPhrases();
    showNote();
    refresh(true);
  }

  function showMarks() {
    if (!take) return;
    const bars = model.get("bars");
    for (const one of [parts.roll, score, transport]) one.mark(bars);
    const loop = tools.querySelector(".loop");
    if (loop) loop.title = bars.length ? `Loop bars ${bars[0]} to ${bars.at(-1)} (L)` : "Loop everything (L)";
    if (player.loop && !pending) player.setLoop(loopOf());
  }

  function showPhrases() {
    if (!take) return;
    const ends = phraseEnds(take, model.get("phrases"));
    for (const one of [parts.roll, score, transport]) one.phrase(ends);
  }

  function showNote() {
    if (!take) return;
    const note = model.get("note");
    const index = note ? take.notes[note.number]?.findIndex((one) => one.step === note.step) : -1;
    const found = note && index >= 0 ? { ...note, index } : null;
    for (const one of [parts.roll, score]) one.choose(found);
  }

  // --- Sound ---

  function ask(kind, one, more = {}) {
    const id = `${kind} ${one.key} ${more.width ?? ""}`;
    if (asked.has(id) || (kind === "sound" && sounds.get(one.key)?.whole)) return;
    asked.add(id);
    model.send({ kind, key: one.key, ...more });
  }

  // Go over to the sound of the take that is shown as soon as it is there, at the same moment.
  function takeSound() {
    const sound = sounds.get(pending.key);
    const enough = sound && has(sound, here(pending).begin, ENOUGH);
    root.classList.toggle("waiting", !enough);
    if (!enough) return ask("sound", pending, here(pending));
    const before = parts.heard ?? pending;
    [parts.heard, pending] = [pending, null];
    player.loop &&= loopOf();
    if (player.playing) player.use(sound, (seconds) => secondsAt(take.clock, beatAt(before.clock, seconds)));
    else player.use(sound, () => secondsAt(take.clock, beat));
    applyMix();
    const eager = parts.eager;
    parts.eager = false;
    if (eager) player.play(secondsAt(take.clock, beat));
    ask("sound", take); // all of it
    refresh();
  }

  // Of long music what comes next is there first.
  function here(one) {
    return { begin: secondsAt(one.clock, now()) };
  }

  // The whole is not there yet, and what there was of it is over.
  function starve() {
    [beat, pending, parts.eager] = [beatAt(parts.heard.clock, player.rest), take, true];
    root.classList.add("waiting");
    refresh(true);
  }

  async function onMessage(message, buffers) {
    const current = take && message.key === take.key;
    if (message.kind === "sound") {
      sounds.set(message.key, await decode(message, buffers));
      asked.delete(`sound ${message.key} `);
      forgetSounds([message.key, take?.key, parts.heard?.key]);
      if (pending?.key === message.key) takeSound();
      else if (parts.heard?.key === message.key) player.use(sounds.get(message.key), (seconds) => seconds);
    } else if (message.kind === "score" && current && message.width === width) {
      const pages = await Promise.all(buffers.map(unpack));
      if (message.width === width && take?.key === message.key) score.show(pages, message.heads, take);
    } else if (message.kind === "trouble" && current) {
      say(message.text);
      if (message.of === "sound") {
        root.classList.remove("waiting");
        parts.eager = false;
        refresh(true);
      }
    }
  }

  // Of long pieces not all takes can be kept; the oldest is asked for again when it is wanted.
  function forgetSounds(needed) {
    for (const key of [...sounds.keys()].filter((one) => !needed.includes(one))) {
      const seconds = [...sounds.values()].reduce((sum, { begin, end }) => sum + end - begin, 0);
      if (seconds > KEPT) sounds.delete(key);
    }
  }

  function now() {
    return parts.heard && player.playing ? beatAt(parts.heard.clock, player.time()) : beat;
  }

  function toggle() {
    if (!take) return;
    if (player.playing) {
      beat = now();
      player.pause();
    } else if (pending) {
      parts.eager = !parts.eager;
    } else {
      if (beat >= take.bars.at(-1).end - 1e-3) beat = 0;
      player.play(secondsAt(take.clock, beat));
    }
    refresh(true);
  }

  function seekTo(next) {
    if (!take) return;
    beat = Math.max(0, Math.min(next, take.bars.at(-1).end));
    player.seek(secondsAt((parts.heard ?? take).clock, beat));
    refresh(true);
  }

  function loopOf() {
    const bars = take.bars.filter((bar) => model.get("bars").includes(bar.number));
    const [first, last] = bars.length ? [bars[0], bars.at(-1)] : [take.bars[0], take.bars.at(-1)];
    return { start: secondsAt(take.clock, first.start), end: secondsAt(take.clock, last.end) };
  }

  function toggleLoop() {
    player.setLoop(player.loop ? null : loopOf());
    tools.querySelector(".loop").setAttribute("aria-pressed", String(Boolean(player.loop)));
  }

  function applyMix() {
    player.setMix(mix);
    if (!player.sound) return;
    for (const one of [parts.roll, score]) one.silence(player.levels());
    tools.querySelectorAll(".voice").forEach((strip, voice) => {
      strip.querySelector(".mute").setAttribute("aria-pressed", String(mix[voice].muted));
      strip.querySelector(".solo").setAttribute("aria-pressed", String(mix[voice].solo));
      strip.classList.toggle("silent", !player.levels()[voice]);
    });
  }

  function change(voice, what) {
    if (mix[voice]) Object.assign(mix[voice], what(mix[voice]));
    applyMix();
  }

  // --- What the user does ---

  function onPoint(point, event) {
    const mode = point.lane === "bars" ? "bars" : parts.mode;
    if (mode === "bars") return markBar(barAt(take.bars, point.beat), event.shiftKey);
    if (mode === "phrases") return togglePhrase(point.beat);
    if (point.note === null) return seekTo(point.beat);
    chooseNote(point.voice, point.note);
    seekTo(take.notes[point.voice][point.note].start);
  }

  function chooseNote(voice, index) {
    const { place, name, step } = take.notes[voice][index];
    const note = { voice: take.voices[voice], number: voice, place, pitch: name, step };
    say(`${title(note.voice)} ${name}, ${spoken(take.bars, take.notes[voice][index].start)}`);
    set("note", note);
  }

  function chooseTake(index) {
    set("take", index);
  }

  function markBar(bar, range) {
    const bars = new Set(model.get("bars"));
    const last = range && parts.marked !== undefined ? parts.marked : bar.number;
    const [low, high] = [Math.min(last, bar.number), Math.max(last, bar.number)];
    const add = range || !bars.has(bar.number);
    for (let number = low; number <= high; number++) bars[add ? "add" : "delete"](number);
    parts.marked = bar.number;
    set("bars", [...bars].sort((one, other) => one - other));
    const which = low < high ? `Bars ${low}-${high}` : `Bar ${low}`;
    say(`${which} ${add ? "marked" : "not marked"}`);
  }

  function togglePhrase(at) {
    const tune = take.notes[take.tune];
    const note = tune[noteAt(tune, at)] ?? tune.findLast((one) => one.start <= at);
    if (!note) return;
    const places = model.get("phrases");
    const gone = phraseEnds(take, places).find((end) => end.start === note.start);
    say(`${gone ? "No phrase end" : "Phrase end"} at ${spoken(take.bars, note.start)}`);
    setPhrases(gone ? places.filter((one) => one !== gone.place) : [...places, note.place]);
  }

  // Move a phrase end to the note that ends next to a beat; null takes it away.
  function movePhrase(place, at) {
    const others = model.get("phrases").filter((one) => one !== place);
    if (at === undefined) return showPhrases();
    if (at === null) return setPhrases(others);
    const near = take.notes[take.tune].reduce((best, one) =>
      Math.abs(one.end - at) < Math.abs(best.end - at) ? one : best,
    );
    setPhrases([...others.filter((one) => one !== near.place), near.place]);
    showPhrases();
  }

  function setPhrases(places) {
    const ends = phraseEnds(take, places).sort((one, other) => one.start - other.start);
    set("phrases", ends.map((end) => end.place));
  }

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !take) return;
    const go = (unit, direction) => seekTo(neighbor(take.bars, now(), unit, direction, grace()));
    const digit = /^Digit([1-9])$/.exec(event.code);
    const keys = {
      " ": toggle,
      ArrowLeft: () => go("beat", -1),
      ArrowRight: () => go("beat", 1),
      ArrowDown: () => go("bar", -1),
      ArrowUp: () => go("bar", 1),
      PageDown: () => go("bar", -1),
      PageUp: () => go("bar", 1),
      Home: () => seekTo(0),
      End: () => seekTo(take.bars.at(-1).end),
      l: toggleLoop,
      b: () => markBar(barAt(take.bars, now()), event.shiftKey),
      ",": () => togglePhrase(now()),
      n: nextNote,
      t: () => chooseTake((model.get("take") + 1) % model.get("takes").length),
    };
    const what = digit
      ? () => press(Number(digit[1]) - 1, event.shiftKey)
      : keys[event.key] ?? keys[event.key.toLowerCase()];
    if (!what) return;
    event.preventDefault();
    event.stopPropagation();
    what();
  }

  function press(voice, solo) {
    change(voice, (strip) => (solo ? { solo: !strip.solo } : { muted: !strip.muted }));
    const heard = player.sound && player.levels()[voice];
    if (mix[voice]) say(`${title(take.voices[voice])} is ${heard ? "heard" : "silent"}`);
  }

  // Choose the note that sounds here in the next voice below.
  function nextNote() {
    const at = now();
    const last = model.get("note")?.number ?? -1;
    for (let step = 1; step <= take.voices.length; step++) {
      const voice = (last + step) % take.voices.length;
      const index = noteAt(take.notes[voice], at);
      if (index >= 0) return chooseNote(voice, index);
    }
  }

  function grace() {
    const at = now();
    return player.playing ? at - beatAt(take.clock, secondsAt(take.clock, at) - GRACE) : 1e-3;
  }

  function set(name, value) {
    model.set(name, value);
    model.save_changes();
  }

  function say(text) {
    status.textContent = text;
  }

  // --- Drawing ---

  function refresh(still = false) {
    cancelAnimationFrame(frame);
    if (!take) return;
    const at = (beat = Math.min(now(), take.bars.at(-1).end)); // the echo lasts longer
    const sounding = player.playing ? take.notes.map((notes) => noteAt(notes, at)) : [];
    const changed = still || sounding.join() !== parts.sounding;
    parts.sounding = sounding.join();
    for (const one of [parts.roll, score]) {
      one.place(at, player.playing || still);
      if (changed) one.light(sounding);
    }
    transport.place(at, player.playing || parts.eager);
    if (player.playing) frame = requestAnimationFrame(() => refresh());
  }

  function askScore() {
    const room = root.clientWidth;
    if (!take || room < 50) return;
    const fit = Math.max(WIDTHS.least, Math.min(WIDTHS.most, Math.floor(room / WIDTHS.step) * WIDTHS.step));
    if (fit === width) return;
    width = fit;
    asked.delete(`score ${take.key} ${fit}`);
    ask("score", take, { width: fit });
  }

  function buildTools() {
    const strips = take.voices.map((name, voice) => {
      mix[voice] ??= { muted: false, solo: false, volume: 1 };
      return buildStrip(name, voice, mix[voice], change);
    });
    const pressed = String(Boolean(player.loop));
    const loop = h("button", { type: "button", class: "loop", "aria-pressed": pressed, onclick: toggleLoop }, "Loop");
    const modes = Object.entries(MODES).map(([mode, label]) => {
      const checked = String(mode === parts.mode);
      const onclick = (event) => chooseMode(mode, event.target);
      return h("button", { type: "button", role: "radio", "aria-checked": checked, onclick }, label);
    });
    const group = { class: "segmented", role: "radiogroup", "aria-label": "A click in the music" };
    tools.replaceChildren(
      h("div", { class: "strips" }, ...strips),
      h("div", { class: "modes" }, loop, h("span", group, ...modes)),
    );
    roving(tools);
  }

  function chooseMode(mode, button) {
    parts.mode = mode;
    root.dataset.mode = mode;
    for (const one of button.parentElement.children) one.setAttribute("aria-checked", String(one === button));
    say(HINTS[mode]);
  }

  const listeners = {
    "change:takes": showTakes,
    "change:take": showTake,
    "change:bars": showMarks,
    "change:phrases": showPhrases,
    "change:note": showNote,
    "msg:custom": onMessage,
  };
  Object.entries(listeners).forEach(([name, listener]) => model.on(name, listener));
  let timer = 0;
  const watcher = new ResizeObserver(() => {
    clearTimeout(timer);
    timer = setTimeout(askScore, 150);
  });
  watcher.observe(root);
  root.dataset.mode = parts.mode;
  // For tests, and for whoever wants to look inside.
  root.instrument = {
    time: () => player.time(),
    beat: () => now(),
    offline: (from, seconds) => player.offline(from, seconds),
    player,
    get playing() {
      return player.playing;
    },
    get ready() {
      return Boolean(player.sound?.whole && !pending);
    },
  };
  showTakes();

  return {
    element: root,
    close() {
      Object.entries(listeners).forEach(([name, listener]) => model.off(name, listener));
      cancelAnimationFrame(frame);
      watcher.disconnect();
      player.close();
    },
  };
}

// The same moment is one of the same tune, in whatever key and tempo.
function isSameTune(one, other) {
  const starts = ({ notes, tune }) => notes[tune].map((note) => note.start).join();
  return starts(one) === starts(other);
}

async function unpack(view) {
  const packed = new Blob([view]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(packed).text();
}
