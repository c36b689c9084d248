// How the color is laid on: mode, strength, highlights, edge; and what of the object is left out.

import { button, h, refill, set } from "./dom.js";
import { held } from "./held.js";
import { MaterialsPanel } from "./materials.js";
import { say } from "./words.js";

const MODES = ["match", "tint", "hue_shift", "saturation", "lightness", "pattern"];
const AMOUNTS = { hue_shift: [-180, 180, 1], saturation: [-1, 1, 0.01], lightness: [-1, 1, 0.01] };
const GLOSS = ["wet", "satin", "matte"], GLOSSY = ["match", "lightness"];
const QUALITIES = ["fast", "balanced", "best"];

/** A slider that no answer moves while a hand is on it; letting go is one edit. */
function slider(name, [min, max, step], live, done) {
  const input = h("input", { type: "range", min, max, step, "aria-label": name });
  const value = h("output", { class: "value" });
  const read = () => { value.textContent = Number(input.step) === 1 ? `${input.value}°` : Number(input.value).toFixed(2); };
  let told = null;  // what an answer said while a hand was on it
  const show = (v) => {
    told = v;
    if (input.busy) return;
    input.value = v;
    read();
  };
  const letGo = async (v) => {
    const turn = input.busy = {};
    await done(v);
    if (input.busy !== turn) return;
    input.busy = false;
    if (told !== null) show(told);
  };
  held(input, { moved: (v) => { input.busy = true; read(); live?.(v); }, done: letGo });
  const element = h("div", { class: "slider" }, h("span", { class: "label", text: name, "aria-hidden": "true" }), value, input);
  return { element, input, show,
    range: ([low, high, by]) => { if (!input.busy) set(input, { min: low, max: high, step: by }); } };
}

export class LookPanel {
  constructor(app, picture) {
    Object.assign(this, { app, picture });
    this.mode = this.#select(say("mode"), MODES.map((m) => [m, say(`mode_${m}`)]), (mode) => this.#setMode(mode));
    this.strength = slider(say("strength"), [0, 1, 0.01], (v) => this.#live({ strength: v }), (v) => this.#style({ strength: v }));
    this.amount = slider(say("amount"), AMOUNTS.saturation, (v) => this.#live({ amount: v }), (v) => this.#style({ amount: v }));
    this.highlights = slider(say("highlights"), [0, 1, 0.01], (v) => this.#live({ protect_highlights: v }),
      (v) => this.#style({ protect_highlights: v }));
    this.gloss = this.#select(say("gloss"), GLOSS.map((g) => [g, say(`gloss_${g}`)]), (gloss) => this.#style({ gloss }));
    this.matting = h("input", { type: "checkbox", onchange: () => this.#style({ matting: this.matting.checked }, say("busy_paint")) });
    this.quality = this.#select(say("quality"), QUALITIES.map((q) => [q, say(`quality_${q}`)]), (name) => app.edit({ op: "quality", name }));
    this.tile = h("input", { type: "file", accept: "image/*", hidden: true, tabIndex: -1, onchange: () => this.#pattern(),
      oncancel: () => this.#follow() });
    this.element = h("div", { class: "pane look" }, this.mode.element, this.amount.element, this.strength.element,
      this.highlights.element, this.gloss.element, h("label", { class: "check" }, this.matting, say("matting")), this.quality.element, this.tile);
    app.on("state", () => this.#follow());
  }

  #select(name, options, act) {
    const input = h("select", { "aria-label": name, onchange: () => act(input.value) },
      ...options.map(([value, text]) => h("option", { value, text })));
    return { input, element: h("div", { class: "slider" }, h("span", { class: "label", text: name, "aria-hidden": "true" }), input) };
  }

  #follow() {
    const { active, state } = this.app, style = active?.style ?? {}, off = !active || Boolean(active.locked);
    const amount = AMOUNTS[style.mode], { idle } = this.app.edits;
    for (const part of [this.mode.input, this.strength.input, this.highlights.input, this.matting]) part.disabled = off;
    this.amount.input.disabled = off || !amount;
    this.gloss.input.disabled = off || !GLOSSY.includes(style.mode ?? "match");
    if (idle && !inUse(this.gloss.input)) this.gloss.input.value = style.gloss ?? "wet";
    this.amount.range(amount ?? AMOUNTS.saturation);
    this.amount.show(amount ? style.amount ?? 0 : 0);
    this.strength.show(style.strength ?? 1);
    this.highlights.show(style.protect_highlights ?? 1);
    if (idle) this.matting.checked = Boolean(style.matting);
    if (idle && !inUse(this.mode.input)) this.mode.input.value = style.mode ?? "match";
    if (idle && state.quality && !inUse(this.quality.input)) this.quality.input.value = state.quality;
  }

  #setMode(mode) {
    if (mode === "pattern") return this.tile.click();
    return this.#style({ mode, amount: mode in AMOUNTS ? 0 : null });
  }

  async #pattern() {
    const [file] = this.tile.files, { active } = this.app;
    this.tile.value = "";
    if (!file || !active) return this.#follow();
    await this.app.printPattern(active.id, file);
    return this.#follow();
  }

  #live(change) {
    const { active } = this.app, style = { ...active?.style, ...change };
    if (!active?.painted || style.mode === "pattern") return;
    const { color, mode, strength, protect_highlights: highlights, amount, gloss } = style;
    this.picture.paintLive(active, { color: mode in AMOUNTS ? null : color, mode, strength, protect_highlights: highlights,
      gloss, amount: mode in AMOUNTS ? amount : null });
  }

  async #style(style, slow = null) {
    const { moves } = this.picture;
    await this.app.editActive(({ id }) => ({ op: "style", id, style }), { key: `look-${Object.keys(style)}`, slow });
    this.picture.settle(moves);
  }
}

const OPEN = CSS.supports("selector(:open)");  // older browsers do not tell

/** Whether a list of choices is open: no answer changes it then. */
const inUse = (select) => OPEN && select.matches(":open");

export class LimitsPanel {
  constructor(app) {
    this.app = app;
    this.keep = this.#pick("gate_keep", false);
    this.skip = this.#pick("gate_skip", true);
    this.list = h("div", { class: "gates" });
    this.element = h("div", { class: "pane keep" }, new MaterialsPanel(app).element, h("p", { class: "note", text: say("gates_hint") }),
      h("div", { class: "segments" }, this.keep, this.skip), this.list);
    app.on("state", () => this.#follow());
    app.on("tool", () => { if (app.tool !== "dropper") this.wanted = null; this.#press(); });
  }

  #pick(word, exclude) {
    return h("button", { type: "button", text: say(word), "aria-pressed": "false", onclick: () => {
      this.wanted = this.wanted?.exclude === exclude ? null : { exclude };
      this.app.setTool(this.wanted ? "dropper" : "point");
    } });
  }

  #press() {
    set(this.keep, { "aria-pressed": String(this.wanted?.exclude === false) });
    set(this.skip, { "aria-pressed": String(this.wanted?.exclude === true) });
  }

  /** A color was picked from the photo: it is the limit's, if one was asked for. */
  take(hex) {
    if (!this.wanted || !this.app.active) return false;
    const { exclude } = this.wanted;
    this.app.setTool("point");
    this.#send(this.app.active.id, (gates) => [...gates, { color: hex, exclude }]);
    return true;
  }

  /** @param change of the limits that are so when its turn has come: what is listed may be older. */
  #send(id, change) {
    return this.app.editActive((active) => active.id === id && { op: "style", id, style: { gates: change(active.style.gates) } });
  }

  #follow() {
    const { active } = this.app, gates = active?.style.gates ?? [], off = !active || Boolean(active.locked);
    this.keep.disabled = this.skip.disabled = off;
    if ([...this.list.querySelectorAll("input")].some((input) => input.busy)) return;
    refill(this.list, gates.length ? gates.map((gate) => this.#gate(gate, active)) : [h("p", { class: "note", text: say("gate_none") })]);
  }

  #gate(gate, { id, locked }) {
    const name = say(gate.exclude ? "gate_not" : "gate_only", { color: gate.color }), disabled = Boolean(locked);
    const meant = ({ color, exclude }) => color === gate.color && exclude === gate.exclude;
    const tolerance = slider(say("tolerance"), [0, 0.5, 0.01], null,
      (v) => this.#send(id, (gates) => gates.map((g) => (meant(g) ? { ...g, tolerance: v } : g))));
    tolerance.show(gate.tolerance);
    tolerance.input.disabled = disabled;
    const chip = h("span", { class: "chip", style: `background-color: ${gate.color}`, "aria-hidden": "true" });
    return h("div", { class: "gate" }, h("div", { class: "row" }, chip, h("span", { class: "name", text: name }),
      button(say("remove_gate"), "close", () => this.#send(id, (gates) => gates.filter((g) => !meant(g))), { disabled })), tolerance.element);
  }
}
