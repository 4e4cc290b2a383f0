// A file, chosen or dropped.

import { h } from "./dom.js";

// Build the button that chooses one; give(name, bytes) gets it, anywhere on the target it can be dropped.
export function buildFile(target, endings, biggest, give) {
  const said = h("span", { role: "status" });
  const chooser = h("input", { type: "file", accept: endings, "aria-label": "A file: MIDI or MusicXML" });
  const label = h("label", { class: "file" }, "MIDI or MusicXML file", chooser);

  async function take(file) {
    if (!file) return;
    const known = endings.split(",").some((ending) => file.name.toLowerCase().endsWith(ending));
    if (!known) said.textContent = `${file.name}: choose a file that ends in ${endings.replaceAll(",", ", ")}.`;
    else if (file.size > biggest) said.textContent = `${file.name} is too big for a melody.`;
    else give(file.name, new DataView(await file.arrayBuffer()));
  }
  chooser.addEventListener("change", () => {
    take(chooser.files[0]);
    chooser.value = ""; // the same file may be chosen again
  });

  // JupyterLab would put what is dropped into its folder.
  const own = (event) => {
    if (!event.dataTransfer.types.includes("Files")) return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  };
  target.addEventListener("dragover", (event) => target.classList.toggle("over", own(event)));
  target.addEventListener("dragleave", (event) => {
    if (!target.contains(event.relatedTarget)) target.classList.remove("over");
  });
  target.addEventListener("drop", (event) => {
    target.classList.remove("over");
    if (own(event)) take(event.dataTransfer.files[0]);
  });
  return { label, said };
}
