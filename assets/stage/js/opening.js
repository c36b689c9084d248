// How files come in: the button, a drop anywhere, paste. A photo opens, several become a set; recipes,
// masks and swatches go where they belong.

import { h } from "./dom.js";
import { say } from "./words.js";

const SWATCHES = /\.(ase|aco|gpl|csv)$/i, RECIPE = /\.json$/i, MASK = /mask[^/]*\.png$/i;

const FITS = Math.log(1.02), SAMPLE = 64, COLORED = 13;  // as the server reads masks

/** Whether an image has no color to speak of. */
function isGray(image) {
  const context = new OffscreenCanvas(SAMPLE, SAMPLE).getContext("2d");
  context.drawImage(image, 0, 0, SAMPLE, SAMPLE);
  const { data } = context.getImageData(0, 0, SAMPLE, SAMPLE);
  for (let k = 0; k < data.length; k += 4) {
    const [r, g, b] = data.subarray(k, k + 3);
    if (Math.max(r, g, b) - Math.min(r, g, b) > COLORED) return false;
  }
  return true;
}

export class Opening {
  constructor(app, panel, many) {
    Object.assign(this, { app, panel, many });
    this.input = h("input", { type: "file", multiple: true, hidden: true, tabIndex: -1, "aria-hidden": "true",
      accept: "image/*,.heic,.heif,.avif,.tif,.tiff,.json,.ase,.aco,.gpl,.csv", onchange: () => this.#chosen() });
    this.veil = h("div", { class: "veil", hidden: true, "aria-hidden": "true" }, h("span", { text: say("drop") }));
    document.addEventListener("dragover", (event) => this.#over(event));
    document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) this.veil.hidden = true; });
    document.addEventListener("drop", (event) => this.#drop(event));
    document.addEventListener("paste", (event) => this.#paste(event));
  }

  ask() { this.input.click(); }

  #chosen() {
    const files = [...this.input.files];
    this.input.value = "";  // the same file again is a choice too
    if (files.length > 1) this.many.take(files.map((file) => [file.name, file]));
    else if (files.length) this.take(files[0]);
  }

  #over(event) {
    if (![...event.dataTransfer?.types ?? []].includes("Files")) return;
    event.preventDefault();
    this.veil.hidden = false;
  }

  async #drop(event) {
    this.veil.hidden = true;
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    const found = await droppedFiles(event.dataTransfer);
    if (found.length > 1 || this.many.element.open) this.many.take(found);
    else if (found.length) this.take(found[0][1]);
  }

  #paste(event) {
    const file = [...event.clipboardData?.files ?? []][0];
    if (!file) return;
    event.preventDefault();
    this.take(file);
  }

  take(file) {
    this.app.tell("hush");
    if (SWATCHES.test(file.name)) return this.panel.load(file);
    if (RECIPE.test(file.name)) return this.app.importFile(file, file.name);
    return MASK.test(file.name) && this.app.state ? this.#mask(file) : this.app.photos.open(file, file.name || "photo");
  }

  /** What is called a mask and is none that fits may be a photo of one. */
  async #mask(file) {
    const image = await createImageBitmap(file).catch(() => null), { width, height } = this.app.state.photo;
    const fits = image && Math.abs(Math.log(image.width * height / (image.height * width))) < FITS && isGray(image);
    return fits ? this.app.importFile(file, file.name) : this.app.photos.open(file, file.name);
  }
}

/** All files of a drop, folders gone through: [[path, File]]. */
async function droppedFiles(transfer) {
  const entries = [...transfer.items ?? []].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return [...transfer.files].map((file) => [file.name, file]);
  return (await Promise.all(entries.map((entry) => filesOf(entry, "")))).flat();
}

async function filesOf(entry, folder) {
  const path = folder + entry.name;
  if (entry.isFile) return [[path, await new Promise((resolve, reject) => entry.file(resolve, reject))]];
  const reader = entry.createReader(), found = [];
  for (;;) {  // a reader gives a hundred at a time
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return found.flat();
    found.push(...await Promise.all(some.map((one) => filesOf(one, `${path}/`))));
  }
}
