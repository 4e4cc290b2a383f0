// Elements: h("button", { class: "play", onclick: f }, "Play").

const SVG = "http://www.w3.org/2000/svg";

export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function s(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

export const percent = (share) => `${100 * share}%`;

// A group of controls that is one stop of the Tab key: arrows go from one to the next.
export function roving(group) {
  const controls = () => [...group.querySelectorAll("button, input")].filter((one) => one.offsetParent !== null);
  const stop = (chosen) => {
    for (const control of group.querySelectorAll("button, input")) {
      control.tabIndex = control === chosen ? 0 : -1;
    }
  };
  group.addEventListener("focusin", (event) => stop(event.target));
  group.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
    if (!(event.key in steps) || event.ctrlKey || event.altKey || event.metaKey) return;
    const all = controls();
    const next = Math.max(0, Math.min(all.length - 1, all.indexOf(event.target) + steps[event.key]));
    event.preventDefault();
    all[next].focus();
  });
  stop(group.querySelector("button, input"));
}
