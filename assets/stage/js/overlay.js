// What lies over the photo and is no part of it: outlines, the hovered mask, points, the box, the
// brush, the crosshair. White with a dark rim shows on any photo; the accent is for what is chosen.

import { eachFrame } from "./dom.js";

const RIM = "rgba(0, 0, 0, .55)", LINE = "rgba(255, 255, 255, .95)", FILL = "rgba(255, 255, 255, .2)";

export class Overlay {
  constructor(app, canvas, { hover, masks }) {
    Object.assign(this, { app, canvas, hover, masks });
    this.context = canvas.getContext("2d");
    this.shown = true;
    this.draw = eachFrame(() => this.#draw());
    this.box = this.stroke = this.cursor = this.crosshair = this.drag = this.pending = this.choice = null;
    this.nested = [];  // what else the last click may mean
    for (const name of ["draw", "view", "state", "photo", "fields", "tool"]) app.on(name, () => this.draw());
    app.on("drawn", () => { this.pending = null; });  // the stand-in goes when the outline is there
    app.on("photo", () => { this.pending = this.choice = this.crosshair = null; });
  }

  #draw() {
    const { context, canvas, app: { view, state } } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (!state) return;
    const k = view.scale * view.ratio;
    context.setTransform(k, 0, 0, k, view.x * view.ratio, view.y * view.ratio);
    context.lineJoin = "round";
    context.save();
    context.beginPath();
    context.rect(0, 0, view.width, view.height);
    context.clip();
    if (this.shown) this.#outlines(state);
    this.#hovered();
    context.restore();
    this.#tools();
    this.canvas.dispatchEvent(new Event("drawn"));
  }

  /** A line of `width` CSS pixels, whatever the zoom. */
  #line(path, color, width, dash = []) {
    const { context, app: { view } } = this;
    context.setLineDash(dash.map((v) => v / view.scale));
    context.lineWidth = (width + 2) / view.scale;
    context.strokeStyle = RIM;
    context.stroke(path);
    context.lineWidth = width / view.scale;
    context.strokeStyle = color;
    context.stroke(path);
    context.setLineDash([]);
  }

  get #accent() { return getComputedStyle(this.canvas).getPropertyValue("--accent-on-photo").trim() || "#fff"; }

  #outlines(state) {
    const path = state.active === null && !state.selections.length && !this.hover.now && !this.pending
      ? this.hover.proposals : null;
    if (path) this.#line(path, "rgba(255, 255, 255, .75)", 1, [2, 3]);
    for (const { id } of state.selections) {
      const own = this.masks.pathOf(id);
      if (own && id !== state.active) this.#line(own, LINE, 1);
    }
    const changing = this.choice ?? this.drag ?? this.pending;
    const active = changing?.path ?? (state.active === null ? null : this.masks.pathOf(state.active));
    for (const path of this.nested) if (path !== active) this.#line(path, LINE, 1, [2, 3]);
    if (active) this.#line(active, this.#accent, 2);
    this.#points(state);
  }

  #points(state) {
    const active = state.selections.find((s) => s.id === state.active);
    if (!active?.points || active.points.length < 2) return;
    for (const { x, y, add } of active.points) this.#point(x + 0.5, y + 0.5, add);
  }

  #point(x, y, add) {
    const { context, app: { view } } = this, unit = 1 / view.scale;
    const ring = new Path2D(), sign = new Path2D();
    ring.arc(x, y, 6 * unit, 0, 2 * Math.PI);
    context.fillStyle = RIM;
    context.fill(ring);
    sign.moveTo(x - 3 * unit, y);
    sign.lineTo(x + 3 * unit, y);
    if (add) {
      sign.moveTo(x, y - 3 * unit);
      sign.lineTo(x, y + 3 * unit);
    }
    context.lineWidth = 1.5 * unit;
    context.strokeStyle = LINE;
    context.stroke(sign);
    context.stroke(ring);
  }

  #hovered() {
    const { hover: { now }, context } = this;
    if (!now?.path || this.box || this.stroke || this.drag || this.choice) return;
    if (this.app.tool === "brush" || this.app.tool === "eraser" || this.app.tool === "dropper") return;
    context.fillStyle = FILL;
    context.fill(now.path, "evenodd");
    this.#line(now.path, LINE, 1.25);
  }

  #tools() {
    if (this.box) {
      const path = new Path2D(), { x0, y0, x1, y1 } = this.box;
      path.rect(x0, y0, x1 - x0, y1 - y0);
      this.#line(path, LINE, 1, [5, 4]);
    }
    if (this.stroke) this.#stroke(this.stroke);
    if (this.cursor) {
      const path = new Path2D();
      path.arc(this.cursor.x, this.cursor.y, this.cursor.radius, 0, 2 * Math.PI);
      this.#line(path, LINE, 1);
    }
    if (this.crosshair) this.#cross(this.crosshair);
  }

  #stroke({ points, radius, erase }) {
    const { context } = this, path = new Path2D();
    points.forEach(({ x, y }, k) => (k ? path.lineTo(x, y) : path.moveTo(x, y)));
    if (points.length === 1) path.lineTo(points[0].x + 1e-3, points[0].y);
    context.lineCap = "round";
    context.lineWidth = 2 * radius;
    context.globalAlpha = 0.45;
    context.strokeStyle = erase ? "#000" : "#fff";
    context.stroke(path);
    context.globalAlpha = 1;
  }

  #cross({ x, y }) {
    const path = new Path2D(), unit = 1 / this.app.view.scale;
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      path.moveTo(x + 0.5 + 4 * unit * dx, y + 0.5 + 4 * unit * dy);
      path.lineTo(x + 0.5 + 14 * unit * dx, y + 0.5 + 14 * unit * dy);
    }
    this.#line(path, LINE, 2);
  }
}
