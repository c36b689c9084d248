// What a click here would select, worked out in the browser while the pointer moves.

import { outlines, trace } from "./contour.js";

const SAME = 0.6;  // IoU from which on a mask goes by a proposal's name

export class Hover {
  constructor(app) {
    this.app = app;
    this.now = null;  // {pixel, cell, tau, path, area, proposal}
    for (const name of ["photo", "fields"]) app.on(name, () => this.leave());
  }

  /** The pointer is at a photo pixel (null: beside the photo). */
  at(pixel, which = "object") {
    const { fields } = this.app;
    if (!pixel || !fields) return this.leave();
    const cell = fields.cellOf(pixel.x, pixel.y), tau = fields.tauAt(cell, which);
    if (this.now?.cell === cell && this.now.tau === tau) {
      this.now.pixel = pixel;
      return undefined;
    }
    const { level, ...made } = this.mask(cell, tau);
    this.now = { pixel, cell, tau, ...made, proposal: this.#proposal(cell, level) };
    this.app.tell("draw");
    return this.now;
  }

  /** The pointer is over a selection that is there already. */
  over(selection, pixel, path) {
    const same = this.now?.selection?.id === selection.id;
    this.now = { pixel, selection, path: selection.id === this.app.state.active ? null : path };
    if (!same) this.app.tell("draw");
  }

  leave() {
    if (!this.now) return;
    this.now = null;
    this.app.tell("draw");
  }

  /** {path, area, level}: the outline in photo pixels, area as a share of the photo. */
  mask(cell, tau) {
    const { fields } = this.app, { level, area } = fields.maskAt(cell, tau);
    const rings = outlines(level, fields.w, fields.h);
    const path = trace(new Path2D(), rings, (x) => this.#place(x, 1), (y) => this.#place(y, 0));
    return { path, area: area / level.length, level };
  }

  /** The outermost cells reach to the photo's border. */
  #place(at, axis) {
    const { fields } = this.app, cells = axis ? fields.w : fields.h, full = axis ? fields.W : fields.H;
    if (at <= -0.5) return 0;
    if (at >= cells - 0.5) return full;
    return Math.min(Math.max(fields.placeOf(at, axis), 0), full);
  }

  /** The proposal that the mask at a cell is; null where it is a part of one, or none: a shirt is no person. */
  #proposal(cell, level) {
    const { proposals } = this.app.fields, number = proposals?.[cell];
    if (!number) return null;
    let both = 0, either = 0;
    for (let k = 0; k < level.length; k++) {
      const inside = level[k] >= 0, own = proposals[k] === number;
      both += inside && own;
      either += inside || own;
    }
    return both >= SAME * either ? this.app.state.proposals[number - 1] ?? null : null;
  }

  /** All proposals as one path, made when first asked for. */
  get proposals() {
    const { fields } = this.app;
    if (!fields?.proposals) return null;
    if (fields.proposalsPath) return fields.proposalsPath;
    const path = new Path2D();
    for (let k = 1; k <= this.app.state.proposals.length; k++) {
      const level = Float32Array.from(fields.proposals, (v) => (v === k ? 1 : -1));
      trace(path, outlines(level, fields.w, fields.h), (x) => this.#place(x, 1), (y) => this.#place(y, 0));
    }
    fields.proposalsPath = path;
    return path;
  }
}
