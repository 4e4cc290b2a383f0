// Phrase ends: commas behind the last notes of phrases, which can be dragged.

import { beatOf } from "./clock.js";

const OUTSIDE = 30; // pixels

// Where the last notes of phrases are: places and beats.
export function phraseEnds(take, places) {
  const tune = take.notes[take.tune];
  return places.flatMap((place) => {
    const beat = beatOf(take.bars, place);
    const note = tune.find((one) => one.place === place) ?? tune.findLast((one) => one.start <= beat + 1e-4);
    return beat === null || !note ? [] : [{ place, start: note.start, end: note.end }];
  });
}

// Drag a comma to another note, or far outside of what it stands in to take it away.
export function dragCommas(commas, frame, where, act) {
  commas.addEventListener("pointerdown", (down) => {
    const comma = down.target.closest(".comma");
    if (!comma) return;
    down.preventDefault();
    comma.setPointerCapture(down.pointerId);
    const box = frame.getBoundingClientRect();
    const away = ({ clientY }) => clientY < box.top - OUTSIDE || clientY > box.bottom + OUTSIDE;
    const { place } = comma.dataset;
    comma.onpointermove = (event) => {
      comma.style.translate = `${event.clientX - down.clientX}px ${event.clientY - down.clientY}px`;
      comma.classList.toggle("away", away(event));
    };
    comma.onpointerup = (event) => act.movePhrase(place, away(event) ? null : where(event)?.beat);
    comma.onpointercancel = () => act.movePhrase(place);
  });
}
