// The tau slider and its marks. To the right is more; the value is tau, which falls.

import { h, set } from "./dom.js";
import { held } from "./held.js";
import { say } from "./words.js";

const LEAST = 0.03, MOST = 0.98, STOPS = ["part", "object", "group"];
const MEANT = ["object", "part", "group"];  // of marks that are one, the first

export class TauPanel {
  constructor(app, hand) {
    Object.assign(this, { app, hand });
    this.slider = h("input", { type: "range", min: LEAST, max: MOST, step: 0.001, dir: "rtl", disabled: true,
      "aria-label": say("tau"), list: null, onwheel: (e) => this.#wheel(e) });
    held(this.slider, { moved: (tau) => this.#moved(tau), done: () => this.#let(), back: () => this.#back() });
    this.value = h("output", { class: "value" });
    this.ticks = h("div", { class: "ticks", "aria-hidden": "true" });
    this.stops = STOPS.map((which) => h("button", { type: "button", text: say(which), disabled: true,
      "aria-pressed": "false", onclick: () => this.stop(which) }));
    this.connected = h("input", { type: "checkbox", checked: true,
      onchange: () => app.edit({ op: "connected", on: this.connected.checked }) });
    this.element = h("div", { class: "tau", role: "group", "aria-label": say("tau") },
      h("div", { class: "row" }, h("span", { class: "label", text: say("tau"), "aria-hidden": "true" }), this.value,
        h("label", { class: "check" }, this.connected, say("connected"))),
      h("div", { class: "track" }, this.slider, this.ticks),
      h("div", { class: "segments" }, ...this.stops));
    app.on("state", () => this.#follow());
    app.on("tau", ({ id, tau }) => { if (app.active?.id === id && !this.busy) this.#show(tau); });
    app.on("taudone", () => this.#follow());
  }

  #follow() {
    const { active, state } = this.app, off = !active || Boolean(active.locked);
    if (!this.busy) this.slider.disabled = off;
    for (const part of this.stops) part.disabled = off;
    if (state.connected !== undefined && this.app.edits.idle) this.connected.checked = state.connected;
    this.ticks.replaceChildren(...(active?.stops ? STOPS.map((which) => this.#tick(active.stops[which])) : []));
    if (!active) {
      this.value.textContent = "";
      this.stops.forEach((part) => set(part, { "aria-pressed": "false" }));
    } else if (!this.busy && this.app.edits.idle) this.#show(active.tau);
  }

  #tick(tau) { return h("i", { style: `left: ${100 * (MOST - tau) / (MOST - LEAST)}%` }); }

  #show(tau, { thumb = true } = {}) {
    if (thumb) this.slider.value = tau;
    this.value.textContent = tau.toFixed(2);
    const { stops, parts } = this.app.active ?? {}, near = (meant) => Math.abs(meant - tau) < 2e-3;
    const now = MEANT.find((which) => stops && near(stops[which])) ?? (Object.values(parts ?? {}).some(near) ? "part" : null);
    this.stops.forEach((part, k) => set(part, { "aria-pressed": String(STOPS[k] === now) }));
  }

  #moved(tau) {
    if (!this.hand.aim) return;
    this.busy ??= this.hand.grip("slider");
    this.#show(tau, { thumb: false });
    this.last = this.hand.moveTau(tau, this.busy);
  }

  /** As it was, which the slider's steps would miss. */
  #back() {
    if (this.busy) this.last = this.hand.moveTau(this.busy.tau, this.busy);
    this.#let();
  }

  async #let() {
    const busy = this.busy;
    if (!busy) return;
    await this.last;
    if (this.busy !== busy) return;
    this.busy = null;
    this.app.tell("taudone");
  }

  #wheel(event) {
    if (this.slider.disabled) return;
    event.preventDefault();
    this.hand.turnTau(event.deltaY > 0 ? -6 : 6);
  }

  stop(which) {
    this.app.editActive(({ id, locked }) => !locked && { op: "stop", id, which });
  }
}
