// The color panel: it stays. A drag is live, letting go (or Enter) is one edit.

import { parseHex, toHex } from "./color.js";
import { button, h, refill, set } from "./dom.js";
import { own } from "./keep.js";
import { Note } from "./note.js";
import { PALETTES } from "./palettes.js";
import { Picker } from "./picker.js";
import { say } from "./words.js";

const plain = (hex) => ({ name: hex, hex });
const RECENT = 7, TARGETS = ["match", "tint"];

export class ColorPanel {
  constructor(app, picture) {
    Object.assign(this, { app, picture });
    this.recent = own.get("recent", []);
    this.swatches = own.get("swatches", []);
    this.picker = new Picker((hex, done) => this.#picked(hex, done));
    this.text = h("input", { type: "text", class: "text", "aria-label": say("color"), placeholder: say("color_hint"),
      spellcheck: false, autocomplete: "off", onkeydown: (e) => this.#key(e),
      oninput: () => this.#typing(), onchange: () => this.#typed(), onblur: () => this.#left() });
    this.chip = h("span", { class: "chip", "aria-hidden": "true" });
    this.note = new Note();
    this.rows = { recent: this.#row(say("recent")), palette: this.#row(say("palette")) };
    this.rows.recent.classList.add("recent");
    this.choice = this.#choice();
    this.element = h("div", { class: "pane color" }, this.picker.element, this.#line(), this.note.element,
      this.rows.recent, h("div", { class: "palette-head" }, this.choice, ...this.#files()), this.rows.palette);
    app.on("state", () => this.#follow());
    this.#fill();
  }

  #line() {
    const { app } = this, drop = () => app.setTool(app.tool === "dropper" ? "point" : "dropper");
    this.dropper = button(say("tool_dropper"), "dropper", drop, { "aria-pressed": "false" });
    this.reset = button(say("own_color"), "reset", () => this.unpaint(), { disabled: true });
    this.ways = button(say("colorways"), "ways", () => app.tell("colorways"), { disabled: true });
    app.on("tool", () => set(this.dropper, { "aria-pressed": String(app.tool === "dropper") }));
    return h("div", { class: "line" }, h("div", { class: "field" }, this.chip, this.text), this.dropper, this.reset, this.ways);
  }

  #row(name) { return h("div", { class: "swatches", role: "group", "aria-label": name }); }

  #choice() {
    const names = Object.keys(PALETTES).map((key) => h("option", { value: key, text: say(`palette_${key}`) }));
    return h("select", { "aria-label": say("palette"), onchange: () => this.#fill() }, ...names,
      h("option", { value: "own", text: say("palette_own") }));
  }

  #files() {
    const pick = h("input", { type: "file", hidden: true, accept: ".ase,.aco,.gpl,.csv", tabIndex: -1,
      onchange: () => { if (pick.files[0]) this.load(pick.files[0]); pick.value = ""; } });
    return [pick, button(say("add_swatch"), "keep", () => this.#keep()),
      button(say("load_swatches"), "load", () => pick.click()),
      this.#saver()];
  }

  /** The panel follows the active selection, unless it is in use. */
  #follow() {
    const { active } = this.app, plain = !active?.hex, turned = active?.id !== this.followed || (plain && this.told);
    this.followed = active?.id;
    this.told = !plain;  // a color that was taken away is not told any more
    for (const part of [this.reset, this.ways]) part.disabled = !active;
    this.reset.disabled = !active?.painted;
    this.#say(active);
    if (this.pending || this.picker.busy) return;
    const hex = active?.hex ?? (turned ? active?.own : null), rgb = hex && parseHex(hex);
    if (!rgb) return;
    this.picker.show(rgb);
    this.#show(hex, active.style?.color);
  }

  #show(hex, words = null) {
    const { text } = this, told = words ?? hex, here = text === text.getRootNode().activeElement;
    this.chip.style.backgroundColor = hex;
    const typed = here && text.value !== "" && (!text.dataset.sent || text.ariaInvalid);
    if (typed || text.value === told) return;
    text.value = told;
    if (here) text.select();
  }

  /** How well the color was met, and why not. */
  #say(active) {
    const delta = active?.delta_e, known = typeof delta?.median === "number";
    const told = [known ? say("delta_met", { median: delta.median.toFixed(1) }) : "", delta?.reason ?? "", ...active?.notes ?? []];
    this.note.say(active ? told.filter(Boolean).join(" · ") : say("need_selection"));
  }

  get mode() {
    const mode = this.app.active?.style?.mode;
    return TARGETS.includes(mode) ? mode : TARGETS[0];
  }

  #picked(hex, done) {
    if (hex === null) return this.#takenBack();
    this.#show(hex);
    if (done) return this.commit(hex);
    const { active } = this.app;
    if (!active || active.locked) return undefined;
    this.pending = true;
    const { strength = 1, protect_highlights: highlights = 1, gloss } = active.style ?? {};
    return this.picture.paintLive(active, { color: hex, mode: this.mode, strength, protect_highlights: highlights, gloss });
  }

  #takenBack() {
    this.pending = false;
    this.picture.settle(this.picture.moves);
    this.#show(this.picker.hex, this.app.active?.style?.color);
    this.#follow();
  }

  /** Paints the active selection: "#rrggbb" or any words for a color. */
  async commit(color) {
    const { app } = this, rgb = parseHex(color);
    if (rgb) {
      this.picker.show(rgb);
      this.chip.style.backgroundColor = toHex(rgb);
      if (this.text !== this.text.getRootNode().activeElement) this.text.value = toHex(rgb);
    }
    app.tell("hush");
    const turn = this.turn = (this.turn ?? 0) + 1, { moves } = this.picture;
    this.pending = true;
    const painted = await this.#paint(color);
    if (turn !== this.turn) return;
    this.pending = false;
    this.picture.settle(moves);
    if (painted?.hex) this.#remember(painted.hex);
    set(this.text, { "aria-invalid": painted === null ? "true" : null });
    this.#follow();
  }

  /** @returns the selection that was painted, null where that was refused, undefined where there was none. */
  async #paint(color) {
    let meant;
    const state = await this.app.editActive(({ id, style }) => {
      meant = id;
      return { op: "style", id, style: { color, ...(style.mode === this.mode ? {} : { mode: this.mode }) } };
    }, { key: "color" });
    return meant === undefined ? undefined : state?.selections.find((s) => s.id === meant) ?? null;
  }

  unpaint() { this.app.editActive(({ id }) => ({ op: "style", id, style: { color: null } })); }

  #key(event) {
    if (event.key === "Enter") {
      this.#typed(true);
      this.text.dataset.sent = "true";
      this.text.select();
    }
    if (event.key === "Escape") {
      event.stopPropagation();
      this.text.value = this.app.active?.style?.color ?? this.picker.hex;
      this.app.tell("home");
    }
  }

  #typing() {
    delete this.text.dataset.sent;
    set(this.text, { "aria-invalid": null });
  }

  /** Words that were no color do not stay beside the color that is there. */
  #left() {
    if (!this.text.ariaInvalid) return;
    this.#typing();
    queueMicrotask(() => this.#follow());
  }

  /** @param again by Enter, which paints the same color once more; the "change" that it brings is the same wish. */
  #typed(again = false) {
    const text = this.text.value.trim(), { sent } = this.text.dataset;
    if (!text || (!again && (sent || text === (this.app.active?.style?.color ?? this.picker.hex)))) return;
    const css = cssHex(text);
    if (css) this.picker.show(parseHex(css));
    const rgb = parseHex(text);
    this.commit(rgb ? toHex(rgb) : text);
  }

  #remember(hex) {
    this.recent = [hex, ...this.recent.filter((c) => c !== hex)].slice(0, RECENT);
    own.set("recent", this.recent);
    refill(this.rows.recent, this.#swatchesOf(this.recent.map(plain)));
  }

  #fill() {
    refill(this.rows.recent, this.#swatchesOf(this.recent.map(plain)));
    refill(this.rows.palette, this.#swatchesOf(this.#palette()));
  }

  #swatchesOf(colors) {
    return colors.map(({ name, hex }) => h("button", { type: "button", class: "swatch", "aria-label": name, title: name,
      style: `background-color: ${hex}`, onclick: () => this.commit(hex) }));
  }

  #palette() {
    const { value } = this.choice;
    return value === "own" ? this.swatches : PALETTES[value].map(plain);
  }

  #keep() {
    const { hex } = this.picker, typed = this.text.value.trim();
    this.#setOwn([...this.swatches.filter((s) => s.hex !== hex), { name: typed || hex, hex }]);
  }

  #setOwn(swatches) {
    this.swatches = swatches;
    own.set("swatches", swatches);
    this.choice.value = "own";
    this.#fill();
  }

  /** Swatches from a file. */
  async load(file) {
    try {
      const { colors } = await this.app.api.send(`swatches?name=${encodeURIComponent(file.name)}`, file);
      this.#setOwn(colors.map(({ name, hex }) => ({ name: name || hex, hex })));
      this.app.tell("say", say("swatches_loaded", { count: colors.length }));
    } catch (error) {
      this.app.fail(error, file.name);
    }
  }

  /** A press asks for which program: beside the button, over the palette. */
  #saver() {
    const kind = (name, suffix) => h("button", { type: "button", text: name, onclick: () => this.#save(suffix) });
    this.kinds = h("div", { class: "kinds", role: "group", "aria-label": say("save_swatches"), hidden: true },
      kind("Adobe (.ase)", "ase"), kind("GIMP (.gpl)", "gpl"));
    const opener = button(say("save_swatches"), "export", () => turn(this.kinds.hidden), { "aria-expanded": "false" });
    const turn = (open) => {
      this.kinds.hidden = !open;
      set(opener, { "aria-expanded": String(open) });
    };
    const element = h("div", { class: "saver" }, opener, this.kinds);
    element.addEventListener("focusout", (event) => { if (!element.contains(event.relatedTarget)) turn(false); });
    element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || this.kinds.hidden) return;
      event.stopPropagation();
      turn(false);
      opener.focus();
    });
    this.kinds.addEventListener("click", () => turn(false));
    return element;
  }

  #save(suffix) {
    const colors = this.#palette();
    if (!colors.length) return this.app.tell("note", say("no_swatches"));
    const asked = new URLSearchParams({ colors: JSON.stringify(colors) });
    return this.app.tell("save", { path: `swatches.${suffix}?${asked}`, name: `swatches.${suffix}` });
  }
}

/** A CSS color as "#rrggbb", as the browser reads it; null for anything else. */
export function cssHex(text) {
  if (parseHex(text)) return toHex(parseHex(text));
  if (!CSS.supports("color", text)) return null;
  const context = new OffscreenCanvas(1, 1).getContext("2d");
  context.fillStyle = text;
  context.fillRect(0, 0, 1, 1);
  return toHex([...context.getImageData(0, 0, 1, 1).data.slice(0, 3)]);
}
