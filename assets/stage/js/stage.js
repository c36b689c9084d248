// The big picture: two canvases, the pointer's label, the choice of nested outlines, zoom, split.

import { h } from "./dom.js";
import { nested } from "./fields.js";
import { Hand } from "./hand.js";
import { Hover } from "./hover.js";
import { Masks } from "./masks.js";
import { percent } from "./objects.js";
import { Overlay } from "./overlay.js";
import { Picture } from "./picture.js";
import { say } from "./words.js";

const OFFER_MS = 4000;

export class Stage {
  constructor(app) {
    this.app = app;
    const canvas = () => h("canvas", { "aria-hidden": "true" });
    this.under = canvas();
    this.over = canvas();
    this.tip = h("div", { class: "tip", hidden: true, "aria-hidden": "true" });
    this.choices = h("div", { class: "choices", role: "group", "aria-label": say("selected_object"), hidden: true });
    this.surface = h("div", { class: "surface", role: "application", tabIndex: 0,
      "aria-label": say("title"), "aria-description": say("stage_help") }, this.under, this.over);
    this.masks = new Masks(app);
    this.hover = new Hover(app);
    this.picture = new Picture(app, this.under);
    this.overlay = new Overlay(app, this.over, this);
    this.hand = new Hand(app, this.surface, this);
    this.element = h("section", { class: "stage", role: "region", "aria-label": say("stage") },
      this.surface, this.tip, this.choices, this.#split(), this.#zoom());
    this.#listen();
  }

  #listen() {
    const { app } = this;
    new ResizeObserver(() => this.#resize()).observe(this.surface);
    this.over.addEventListener("drawn", () => this.#label());
    app.on("view", () => { this.#closeChoices(); this.#readZoom(); });
    app.on("photo", () => { this.#closeChoices(); this.#readZoom(); });
    app.on("chosen", ({ place }) => this.#offer(place));
    app.on("tool", () => { this.surface.dataset.tool = app.tool; });
    for (const name of ["edit", "live"]) app.on(name, () => this.#closeChoices());
    addEventListener("pointerdown", (event) => { if (!event.composedPath().includes(this.choices)) this.#closeChoices(); }, true);
    // a ring for who comes by keys: a press focuses too, and would draw one round the whole photo
    this.surface.addEventListener("focus", () => this.surface.classList.toggle("keyed", this.surface.matches(":focus-visible")));
    this.surface.addEventListener("pointermove", (event) => this.#leaveChoices(event));
    this.element.addEventListener("pointerleave", ({ pointerType: kind }) => { if (kind === "mouse") this.#closeChoices(); });
    this.surface.dataset.tool = app.tool;
    app.on("home", () => this.surface.focus({ preventScroll: true }));
  }

  /** Both canvases have a pixel for each pixel of the screen. */
  #resize() {
    const { width, height } = this.surface.getBoundingClientRect(), ratio = devicePixelRatio;
    if (!width || !height) return;
    for (const canvas of [this.under, this.over]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    this.app.view.setStage(width, height, ratio);
    this.app.tell("view");
  }

  /** What is under the pointer, in a few words beside it. */
  #label() {
    const { now } = this.hover, { tip, app } = this;
    const shown = now && now.area !== undefined && this.choices.hidden && !["dropper", "brush", "eraser"].includes(app.tool);
    tip.hidden = !shown;
    if (!shown) return;
    const name = now.proposal?.name ?? say("object"), share = percent(now.area, app.view);
    tip.textContent = `${name} · ${say("area", { share })}`;
    const at = app.view.toScreen(now.pixel.x, now.pixel.y), { width, height } = app.view.stage;
    const right = at.x + 16 + tip.offsetWidth < width, below = at.y + 20 + tip.offsetHeight < height;
    tip.style.translate = `${right ? at.x + 16 : at.x - 12 - tip.offsetWidth}px ${below ? at.y + 18 : at.y - 10 - tip.offsetHeight}px`;
  }

  /** Two or three nested outlines at the pointer: hover shows them, a click takes one. */
  #offer(place) {
    const { active, fields } = this.app;
    if (!active?.stops || !active.simple || !fields) return;
    const cell = fields.cellOf(active.at.x, active.at.y), { object, group } = active.stops;
    const seen = nested({ object, ...active.parts, group }, (tau) => this.hover.mask(cell, tau));
    if (seen.length < 2) return;
    const { area } = this.hover.mask(cell, active.tau), apart = (made) => Math.abs(made.area - area);
    const [now] = [...seen].sort((a, b) => apart(a) - apart(b));
    this.choices.replaceChildren(...seen.map((made) => this.#choice(active, made, made === now && apart(made) < 0.1 * area)));
    this.choices.hidden = false;
    this.overlay.nested = seen.map(({ path }) => path);
    this.app.tell("draw");
    const box = this.choices;
    this.offered = this.#room(place, box.offsetWidth, box.offsetHeight);
    box.style.translate = `${this.offered.x}px ${this.offered.y}px`;
    // nothing tells that a finger went away: the panel has the same choices for as long as one likes
    clearTimeout(this.offering);
    if (place.kind !== "mouse") this.offering = setTimeout(() => { if (!box.matches(":focus-within")) this.#closeChoices(); }, OFFER_MS);
  }

  /** Beside the pointer or below the finger, inside the stage, above the zoom's buttons. */
  #room({ x, y, kind }, wide, high) {
    const { width, height } = this.app.view.stage, zoom = this.percent.parentElement, finger = kind === "touch" ? 24 : 0;
    const left = Math.max(8, Math.min(x + 14 - 2 * finger, width - wide - 8)), top = y + 16 + finger;
    const floor = left + wide > zoom.offsetLeft - 8 ? zoom.offsetTop : height;
    return { x: left, y: Math.min(top, floor - high - 8) };
  }

  #choice({ id }, { which, tau: meant, path }, now) {
    const show = (on) => () => {
      this.overlay.choice = on ? { path } : null;
      this.app.tell("draw");
    };
    const take = async () => {
      await this.app.edit({ op: "tau", id, tau: meant });
      this.#closeChoices();
    };
    return h("button", { type: "button", text: say(which), "aria-pressed": String(now), onclick: take,
      onpointerenter: show(true), onpointerleave: show(false), onfocus: show(true), onblur: show(false) });
  }

  #leaveChoices(event) {
    if (this.choices.hidden || !this.offered) return;
    const box = this.surface.getBoundingClientRect();
    const dx = event.clientX - box.left - this.offered.x, dy = event.clientY - box.top - this.offered.y;
    if (dx < -70 || dy < -70 || dx > this.choices.offsetWidth + 70 || dy > this.choices.offsetHeight + 70) this.#closeChoices();
  }

  #closeChoices() {
    if (this.choices.hidden) return;
    this.choices.hidden = true;
    this.overlay.choice = null;
    this.overlay.nested = [];
    this.app.tell("draw");
  }

  #zoom() {
    const { app } = this, zoom = (factor) => () => { app.view.zoomBy(factor); app.tell("view"); };
    const small = (text, name, act) => h("button", { type: "button", text, "aria-label": name, title: name, onclick: act });
    this.percent = h("button", { type: "button", text: "100 %", onclick: () => this.fit() });
    return h("div", { class: "zoom", role: "group", "aria-label": say("zoom") },
      small("−", say("zoom_out"), zoom(1 / 1.4)), this.percent, small("+", say("zoom_in"), zoom(1.4)));
  }

  #readZoom() {
    this.percent.textContent = `${Math.round(100 * this.app.view.zoom)} %`;
    const fitted = this.app.view.fitted;
    this.percent.title = say(fitted ? "full" : "fit");
  }

  /** Fits the photo; where it is fitted, 100 %. */
  fit() {
    const { view } = this.app;
    if (view.fitted) view.zoomBy(1 / view.zoom);
    else view.fit();
    this.app.tell("view");
  }

  #split() {
    this.handle = h("input", { type: "range", class: "split", min: 0, max: 1000, value: 500, hidden: true,
      "aria-label": say("split_at"), oninput: () => this.#moveSplit() });
    this.labels = h("div", { class: "split-labels", hidden: true, "aria-hidden": "true" },
      h("span", { text: say("before") }), h("span", { text: say("after") }));
    this.line = h("div", { class: "split-line", hidden: true, "aria-hidden": "true" });
    return h("div", { class: "splitter" }, this.line, this.labels, this.handle);
  }

  #moveSplit() {
    const share = this.handle.value / 1000;
    this.picture.split = this.handle.hidden ? null : share;
    this.line.style.left = this.labels.style.left = `${100 * share}%`;
    this.picture.draw();
  }

  toggleSplit() {
    const held = this.handle.matches(":focus");
    for (const part of [this.handle, this.labels, this.line]) part.hidden = !part.hidden;
    if (held) this.app.tell("home");
    this.#moveSplit();
    this.app.tell("split", !this.handle.hidden);
  }

  /** A picture of what the network saw, over the whole photo; null: the photo again. */
  explain(bitmap) {
    this.picture.explained = bitmap;
    this.picture.draw();
  }

  showBefore(on) {
    if (this.picture.before === on) return;
    this.picture.before = on;
    this.picture.draw();
  }
}
