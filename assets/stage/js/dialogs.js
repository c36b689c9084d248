// What opens over the page: export, colorways, shortcuts, samples. Native dialogs: focus stays
// inside, Escape closes.

import { Api, download, fileName } from "./api.js";
import { parseHex } from "./color.js";
import { cssHex } from "./colorpanel.js";
import { button, h } from "./dom.js";
import { SHORTCUTS } from "./keys.js";
import { has, say } from "./words.js";

const DOUBLE_MS = 500;

export class Dialog {
  constructor(title, name = "") {
    this.body = h("div", { class: "body", tabindex: "0", role: "group", "aria-label": title }); // keys scroll it
    const id = `dialog-${Math.random().toString(36).slice(2)}`;
    this.element = h("dialog", { class: `dialog ${name}`, "aria-labelledby": id,
      onpointerdown: (e) => { this.beside = e.target === this.element && performance.now() > this.openedAt + DOUBLE_MS; },
      onclick: (e) => { if (e.target === this.element && this.beside && e.detail < 2) this.element.close(); } },
    h("div", { class: "frame" }, h("div", { class: "head" }, h("h2", { id, text: title }), button(say("close"), "close", () => this.element.close())), this.body));
  }

  /** A press beside it closes it: no second one of a double click, and no selecting of text that ends there. */
  open() {
    if (this.element.open) return;
    this.openedAt = performance.now();
    this.element.showModal();
  }
}

const field = (name, input) => h("label", { class: "field-row" }, h("span", { text: name }), input);

const FIRST = ["#c8102e", "#1f3a93", "#3d8b40", "#f2c230"];
const MOST = 60;  // colorways at once
const KINDS = ["photo", "cutout", "mask", "labels", "coco", "ora", "psd", "cube", "recipe"];
const FORMATS = [["", "format_same"], ["png", "PNG"], ["jpeg", "JPEG"], ["webp", "WebP"], ["tiff", "TIFF"], ["avif", "AVIF"], ["heic", "HEIC"]];

export class ExportDialog extends Dialog {
  constructor(app) {
    super(say("export_title"), "export");
    this.app = app;
    this.kind = h("select", { onchange: () => this.#follow() }, ...KINDS.map((value) => h("option", { value, text: say(`kind_${value}`) })));
    this.format = h("select", {}, ...FORMATS.map(([value, text]) => h("option", { value, text: value ? text : say(text) })));
    this.quality = h("input", { type: "number", min: 1, max: 100, value: 95 });
    this.size = h("input", { type: "number", min: 16, max: 20000, placeholder: say("size_full") });
    this.options = [field(say("format"), this.format), field(say("jpeg_quality"), this.quality), field(say("size"), this.size)];
    this.go = h("button", { type: "button", class: "primary", text: say("download"), onclick: () => this.#export() });
    this.body.append(field(say("export_what"), this.kind), ...this.options, h("div", { class: "foot" }, this.go));
    this.format.addEventListener("change", () => this.#follow());
    this.body.addEventListener("keydown", ({ key, target }) => { if (key === "Enter" && target.matches("input")) this.go.click(); });
    this.#follow();
  }

  #follow() {
    const photo = this.kind.value === "photo";
    for (const input of [this.format, this.size]) input.disabled = !photo;
    this.quality.disabled = !photo || ["png", "tiff"].includes(this.format.value);
  }

  async #export() {
    const { kind, format, quality, size, app } = this;
    this.go.disabled = true;
    const body = { kind: kind.value };
    if (kind.value === "photo") {
      Object.assign(body, { format: format.value || null, quality: quality.disabled ? null : Number(quality.value), size: Number(size.value) || null });
    }
    if (["cutout", "mask", "cube"].includes(kind.value) && app.active) body.ids = [app.active.id];
    if (await save(app, "export", body, "dmlseg")) this.element.close();
    this.go.disabled = false;
  }
}

/** Fetches a file and gives it to the person; says whether that worked. */
export async function save(app, path, body, name) {
  app.tell("hush");
  const done = app.busy(say("busy_export"));
  try {
    await app.settled;
    await app.edits.still();  // the file shows what the hand did last
    const { blob, headers } = await app.again(() => app.api.blob(path, body));
    download(blob, fileName(headers, name));
    const notes = JSON.parse(decodeURIComponent(headers.get("X-Dmlseg-Notes") ?? "[]"));
    if (notes.length) app.tell("note", notes.join("\n"));
    return true;
  } catch (error) {
    app.fail(error);
    return false;
  } finally {
    done();
  }
}

export class WaysDialog extends Dialog {
  constructor(app, panel) {
    super(say("ways_title"), "ways");
    Object.assign(this, { app, panel });
    this.text = h("textarea", { rows: 3, spellcheck: false });
    this.sheet = h("div", { class: "sheet" });
    this.make = h("button", { type: "button", text: say("ways_make"), onclick: () => this.#make() });
    this.zip = h("button", { type: "button", class: "primary", text: say("ways_zip"), onclick: () => this.#zip() });
    this.body.append(field(say("ways_colors"), this.text), this.sheet, h("div", { class: "foot" }, this.make, this.zip));
    app.on("colorways", () => this.open());
  }

  open() {
    const { swatches, recent } = this.panel, own = swatches.map(({ hex }) => hex);
    if (!this.text.value) this.text.value = [...new Set(own.length ? own.slice(0, MOST) : [...recent.slice(0, 4), ...FIRST])].join(", ");
    super.open();
    this.#make();
  }

  /** [{name, hex}]: hex, CSS colors; other words go to the server as they are. */
  #swatches() {
    const words = this.text.value.split(/[\n,;]+(?![^(]*\))/).map((word) => word.trim()).filter(Boolean);
    const known = new Map(this.panel.swatches.map((s) => [s.hex, s.name]));
    return words.slice(0, MOST).map((word) => {
      const hex = cssHex(word) ?? word;
      return { hex, name: parseHex(word) ? known.get(hex) ?? hex : word };
    });
  }

  async #make() {
    const { active, state } = this.app, turn = this.turn = (this.turn ?? 0) + 1;
    if (!active) return;
    const cards = this.#swatches().map((swatch) => ({ swatch, card: this.#card(swatch) }));
    this.sheet.replaceChildren(...cards.map(({ card }) => card));
    const done = this.app.busy(say("busy_ways"));
    try {
      for (const { swatch, card } of cards) {
        if (turn !== this.turn) return;
        await this.#fill(card, swatch, active, state);
      }
    } catch (error) {
      this.app.fail(error);
    } finally {
      done();
    }
  }

  /** One that is no color says so on its own card. */
  async #fill(card, { hex: color }, { id }, { look }) {
    const part = (name) => card.querySelector(name);
    try {
      const { blob, headers } = await this.app.again(() => this.app.api.blob(`colorway/${id}${Api.query({ color, v: look, side: 360 })}`));
      part("img").src = URL.createObjectURL(blob);
      part("i").style.backgroundColor = headers.get("X-Color") ?? color;
      part(".delta").textContent = headers.has("X-Delta-E") ? `ΔE ${Number(headers.get("X-Delta-E")).toFixed(1)}` : "";
    } catch (error) {
      if (error.code === "offline") throw error;
      part(".delta").textContent = say("no_color");
      card.disabled = true;
      card.title = error.message;
    }
  }

  #card({ name, hex }) {
    const use = () => { this.panel.commit(hex); this.element.close(); };
    return h("button", { type: "button", class: "card", title: name, onclick: use }, h("img", { alt: "", src: "data:," }),
      h("span", { class: "caption" }, h("i", { style: `background-color: ${hex}` }), h("b", { text: name }), h("span", { class: "delta" })));
  }

  async #zip() {
    const { active } = this.app;
    if (!active) return;
    this.zip.disabled = true;
    await save(this.app, "export", { kind: "colorways", ids: [active.id], swatches: this.#swatches() }, "colorways.zip");
    this.zip.disabled = false;
  }
}

export class HelpDialog extends Dialog {
  constructor() {
    super(say("help"), "help");
    const groups = [...new Set(SHORTCUTS.map(([group]) => group))];
    const row = ([, command, keys]) => [h("dt", {}, ...keys.map((key) => h("kbd", { text: shown(key) }))), h("dd", { text: say(`key_${command}`) })];
    this.body.append(...groups.map((group) => h("section", {}, h("h3", { text: say(`keys_${group}`) }),
      h("dl", {}, ...SHORTCUTS.filter(([of]) => of === group).flatMap(row)))));
  }
}

const MAC = /Mac|iP/.test(navigator.platform);
const shown = (key) => key.replace("Mod", MAC ? "⌘" : "Ctrl").replace("Arrows", "← ↑ ↓ →").replace("Escape", "Esc");

export class SamplesDialog extends Dialog {
  constructor(app) {
    super(say("samples"), "samples");
    this.app = app;
  }

  async open() {
    await this.app.photos.begun;
    const card = ({ id, name, thumb }) => h("button", { type: "button", class: "card", onclick: () => {
      this.element.close();
      this.app.photos.openSample(id);
    } }, h("img", { alt: "", src: this.app.api.base + thumb }), h("span", { class: "caption", text: has(`sample_${id}`) ? say(`sample_${id}`) : name }));
    this.body.replaceChildren(h("div", { class: "sheet" }, ...this.app.photos.about.samples.map(card)));
    super.open();
  }
}
