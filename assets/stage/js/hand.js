// The hand on the photo: pointers become intentions (gestures.js), intentions become edits.

import { toHex } from "./color.js";
import { radius2, tauOf } from "./fields.js";
import { Gestures } from "./gestures.js";

const LEAST_TAU = 0.03, MOST_TAU = 0.98, WHEEL = 0.0022, TAU_PER_PIXEL = 0.012;

export const clampTau = (tau) => Math.min(Math.max(tau, LEAST_TAU), MOST_TAU);

/** The tau that a drag of `dx` CSS pixels to the right gives: more of it; even in log radius. */
export const draggedTau = (tau, dx) => clampTau(tauOf(radius2(tau) * Math.exp(TAU_PER_PIXEL * dx)));

export class Hand {
  constructor(app, surface, { hover, masks, overlay, picture }) {
    Object.assign(this, { app, surface, hover, masks, overlay, picture });
    this.space = false;
    this.gestures = new Gestures(() => ({
      tool: app.tool, space: this.space, grips: (x, y) => this.#grips(x, y) }));
    this.acts = {
      hover: (action) => this.#hovered(action), click: (action) => this.click(action),
      pick: (action) => this.pick(action), box: (action) => this.box(action),
      tau: (action) => this.tau(action), stroke: (action) => this.stroke(action),
      pan: (action) => this.pan(action), pinch: (action) => this.pinch(action),
    };
    this.#listen();
  }

  #listen() {
    const { surface } = this, feed = (what) => (event) => this.#feed(what, event);
    surface.addEventListener("pointerdown", (event) => {
      surface.setPointerCapture(event.pointerId);
      surface.focus({ preventScroll: true });
      surface.classList.remove("keyed");
      this.#feed("down", event);
      event.preventDefault();
    });
    surface.addEventListener("pointermove", feed("move"));
    surface.addEventListener("pointerup", feed("up"));
    surface.addEventListener("pointercancel", () => this.cancel());
    surface.addEventListener("pointerleave", () => this.#left());
    surface.addEventListener("contextmenu", (event) => event.preventDefault());
    surface.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
  }

  #place(event) {
    const box = this.surface.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  #feed(what, event) {
    const { pointerId: id, button, pointerType: kind, shiftKey: shift, altKey: alt } = event;
    const actions = this.gestures[what]({ id, button, kind, shift, alt,
      time: event.timeStamp, ...this.#place(event) });
    for (const action of actions) this.acts[action.do](action);
    if (what === "move") this.#cursor(this.#place(event));
  }

  /** Whether it is about to change something: a press, a box, a drag of tau, a stroke. */
  get changing() { return ["press", "box", "tau", "stroke"].includes(this.gestures.current?.kind); }

  cancel() { for (const action of this.gestures.cancel()) this.acts[action.do](action); }

  #left() {
    this.hover.leave();
    this.overlay.cursor = null;
    this.app.tell("draw");
  }

  /** What tau is of: the active one, or what a click that is not answered yet makes it. */
  get aim() { return this.meant ?? this.app.active; }

  /** A sideways drag from here moves tau. */
  #grips(x, y) {
    const { aim, app: { view, fields } } = this, pixel = view.pixelAt(x, y);
    if (!aim || aim.locked || !pixel || !fields) return false;
    if (aim.id) return this.masks.holds(aim.id, pixel);
    return fields.maskAt(aim.cell, aim.tau).level[fields.cellOf(pixel.x, pixel.y)] >= 0;
  }

  #wheel(event) {
    event.preventDefault();
    const { x, y } = this.#place(event), { app } = this;
    const delta = (event.deltaY || event.deltaX) * (event.deltaMode === 1 ? 16 : 1);
    if (event.shiftKey && this.aim) return this.turnTau(-Math.sign(delta) * 6);
    app.view.zoomBy(Math.exp(-delta * (event.ctrlKey ? 4 : 1) * WHEEL), x, y);
    app.tell("view");
    return undefined;
  }

  #cursor(place) {
    const { app, overlay } = this, brushes = app.tool === "brush" || app.tool === "eraser";
    overlay.cursor = brushes ? { ...app.view.toPhoto(place.x, place.y), radius: app.brush / app.view.scale } : null;
    if (brushes) app.tell("draw");
  }

  /** Over a selection: that one, which a click would make the active one; else what is under it. */
  #hovered({ x, y, mode }) {
    const pixel = this.app.view.pixelAt(x, y), found = pixel && mode === "auto" ? this.masks.at(pixel) : null;
    if (found) this.hover.over(found, pixel, this.masks.pathOf(found.id));
    else this.hover.at(pixel);
  }

  click({ x, y, mode, kind }) {
    const pixel = this.app.view.pixelAt(x, y);
    if (!pixel) {
      if (mode === "auto") this.letGo();
      return;
    }
    this.clickPixel(pixel, mode, { x, y, kind });
  }

  /** A click on a photo pixel, by hand or by key. The hovered outline stands in for the answer. */
  async clickPixel(pixel, mode, place = null) {
    const { app, overlay, hover } = this;
    if (!app.state) return;
    hover.at(pixel);
    const found = this.masks.at(pixel), fresh = mode === "auto" && !found;
    const pending = fresh && hover.now ? { path: hover.now.path } : null, tau = fresh ? hover.now?.tau : undefined;
    const meant = pending ? { cell: hover.now.cell, tau, before: app.state.active } : mode === "auto" ? found : null;
    if (meant) this.meant = meant;
    overlay.pending = pending;
    hover.leave();
    app.tell("draw");
    const state = await app.edit({ op: "click", ...pixel, mode, ...(tau === undefined ? {} : { tau }) });
    if (this.meant === meant) this.meant = null;
    this.#replace(pending, state);
    if (state && place && (mode === "auto" || mode === "part")) app.tell("chosen", { place, pixel });
  }

  /** The stand-in goes when the server's own outline is there. */
  #replace(pending, state) {
    if (!pending) return;
    const { overlay, masks, app } = this;
    const clear = () => {
      if (overlay.pending !== pending) return;
      overlay.pending = null;
      app.tell("draw");
    };
    const id = state?.active;
    if (id === null || id === undefined || masks.pathOf(id)) return clear();
    const seen = (event) => {
      if (event.detail !== id) return;
      app.removeEventListener("masks", seen);
      clear();
    };
    app.addEventListener("masks", seen);
    setTimeout(() => { app.removeEventListener("masks", seen); clear(); }, 5000);
    return undefined;
  }

  letGo() { if (this.app.active) this.app.edit({ op: "activate", id: null }); }

  pick({ x, y }) { this.pickPixel(this.app.view.pixelAt(x, y)); }

  pickPixel(pixel) {
    const colors = pixel && this.picture.colorsAt(pixel);
    if (colors) this.app.tell("picked", { own: toHex(colors.own), seen: toHex(colors.seen) });
  }

  box({ phase, x, y, from, mode }) {
    const { app, overlay } = this;
    if (phase === "cancel") overlay.box = null;
    else if (phase !== "start") {
      const { view } = app, a = view.nearestPixel(from.x, from.y), b = view.nearestPixel(x, y);
      const [x0, x1] = [a.x, b.x].sort((p, q) => p - q), [y0, y1] = [a.y, b.y].sort((p, q) => p - q);
      const meets = view.meets(from, { x, y });
      overlay.box = meets ? { x0, y0, x1: x1 + 1, y1: y1 + 1 } : null;
      if (phase === "end") {
        if (meets) app.edit({ op: "box", ...overlay.box, mode });
        overlay.box = null;
      }
    }
    this.hover.leave();
    app.tell("draw");
  }

  tau({ phase, dx }) {
    if (phase === "start") this.tauFrom = this.grip("tau");
    else if (phase === "cancel") {
      this.moveTau(this.tauFrom.tau, this.tauFrom);  // as it was: no step of the history
      this.#tauDone();
    } else {
      this.moveTau(draggedTau(this.tauFrom.tau, dx), this.tauFrom);
      if (phase === "end") this.#tauDone();
    }
  }

  #tauDone() {
    this.tauFrom = null;
    this.app.tell("taudone");
  }

  /** The beginning of a drag of tau; one without an id finds its selection when its turn has come. */
  grip(kind) {
    const { id = null, tau, cell, before } = this.aim;
    return { id, tau, cell, before, drag: `${kind}-${Date.now()}` };
  }

  /** tau of a selection, live: its outline at once, the server's answer when it comes. */
  async moveTau(tau, from) {
    const { app, overlay } = this, cell = this.#cellOf(from);
    if (cell === undefined) return;
    app.tell("tau", { id: from.id, tau });
    const shown = cell === null ? null : { path: this.hover.mask(cell, tau).path };
    if (shown) {
      overlay.drag = shown;
      app.tell("draw");
    }
    const state = await app.edit(() => this.#tauOf(from, tau), { key: `tau-${from.drag}` });
    if (shown && overlay.drag === shown) this.#afterTau(shown, state, from.id);
  }

  /** Where the outline of a drag grows from; null: only the server knows, undefined: it is gone. */
  #cellOf({ id, cell }) {
    const { fields, state } = this.app;
    if (id === null) return fields ? cell : undefined;
    const selection = state.selections.find((s) => s.id === id);
    return selection && (selection.simple && fields ? fields.cellOf(selection.at.x, selection.at.y) : null);
  }

  #tauOf(from, tau) {
    const { active } = this.app.state;
    if (from.id === null && active !== from.before) from.id = active;  // else the click was refused
    const there = this.app.state.selections.some((s) => s.id === from.id);
    return there ? { op: "tau", id: from.id, tau, drag: from.drag } : null;
  }

  #afterTau(shown, state, id) {
    const { app, overlay, masks } = this, done = () => {
      if (overlay.drag === shown) overlay.drag = null;
      app.tell("draw");
    };
    const shape = state?.selections.find((s) => s.id === id)?.shape;
    if (!state || masks.known.get(String(id))?.shape === shape) return done();
    const seen = (event) => {
      if (event.detail !== id) return;
      app.removeEventListener("masks", seen);
      done();
    };
    app.addEventListener("masks", seen);
    return undefined;
  }

  /** tau by keys and wheel: steps of so many dragged pixels; steps in a row are one drag. */
  turnTau(pixels) {
    const { app, aim } = this;
    if (!aim || aim.locked) return;
    const now = performance.now(), same = this.turning && (this.turning.id ?? aim.id) === aim.id;
    if (!same || now - this.turning.time > 800) this.turning = this.grip("turn");
    this.turning.time = now;
    this.turning.tau = draggedTau(this.turning.tau, pixels);
    this.moveTau(this.turning.tau, this.turning);
    clearTimeout(this.turned);
    this.turned = setTimeout(() => app.tell("taudone"), 900);
  }

  stroke({ phase, x, y, erase }) {
    const { app, overlay } = this;
    if (phase === "cancel") overlay.stroke = null;
    else {
      const at = app.view.toPhoto(x, y), radius = Math.max(0.5, app.brush / app.view.scale);
      if (phase === "start") overlay.stroke = { points: [], radius, erase };
      const last = overlay.stroke.points.at(-1);
      if (!last || Math.hypot(at.x - last.x, at.y - last.y) > radius / 4) overlay.stroke.points.push(at);
      if (phase === "end") this.#paint(overlay.stroke);
    }
    this.hover.leave();
    app.tell("draw");
  }

  async #paint(stroke) {
    const { app, overlay } = this, { view } = app;
    const points = stroke.points.map(({ x, y }) => [clamp(x - 0.5, view.width - 1), clamp(y - 0.5, view.height - 1)]);
    await app.edit({ op: "stroke", points, radius: stroke.radius, soft: 0.5, mode: stroke.erase ? "erase" : "add" });
    if (overlay.stroke === stroke) overlay.stroke = null;
    app.tell("draw");
  }

  pan({ dx, dy }) {
    this.app.view.panBy(dx, dy);
    this.app.tell("view");
  }

  pinch({ factor, x, y, dx, dy }) {
    this.app.view.panBy(dx, dy);
    this.app.view.zoomBy(factor, x, y);
    this.app.tell("view");
  }
}

const clamp = (value, most) => Math.min(Math.max(value, 0), most);
