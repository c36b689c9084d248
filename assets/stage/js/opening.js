// How files come in: the button, a drop anywhere, paste. Photos open; recipes, masks and swatches go
// where they belong.

import { h } from "./dom.js";
import { say } from "./words.js";

const SWATCHES = /\.(ase|aco|gpl|csv)$/i, RECIPE = /\.json$/i, MASK = /mask[^/]*\.png$/i;

export class Opening {
  constructor(app, panel) {
    Object.assign(this, { app, panel });
    this.input = h("input", { type: "file", hidden: true, tabIndex: -1, "aria-hidden": "true",
      accept: "image/*,.heic,.heif,.avif,.tif,.tiff,.json,.ase,.aco,.gpl,.csv", onchange: () => this.#chosen() });
    this.veil = h("div", { class: "veil", hidden: true, "aria-hidden": "true" }, h("span", { text: say("drop") }));
    document.addEventListener("dragover", (event) => this.#over(event));
    document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) this.veil.hidden = true; });
    document.addEventListener("drop", (event) => this.#drop(event));
    document.addEventListener("paste", (event) => this.#paste(event));
  }

  ask() { this.input.click(); }

  #chosen() {
    const [file] = this.input.files;
    this.input.value = "";  // the same file again is a choice too
    if (file) this.take(file);
  }

  #over(event) {
    if (![...event.dataTransfer?.types ?? []].includes("Files")) return;
    event.preventDefault();
    this.veil.hidden = false;
  }

  #drop(event) {
    this.veil.hidden = true;
    const [file] = event.dataTransfer?.files ?? [];
    if (!file) return;
    event.preventDefault();
    this.take(file);
  }

  #paste(event) {
    const file = [...event.clipboardData?.files ?? []][0];
    if (!file) return;
    event.preventDefault();
    this.take(file);
  }

  take(file) {
    if (SWATCHES.test(file.name)) return this.panel.load(file);
    const work = RECIPE.test(file.name) || (MASK.test(file.name) && this.app.state);
    return work ? this.app.importFile(file, file.name) : this.app.open(file, file.name || "photo");
  }
}
