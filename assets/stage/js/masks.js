// The outlines of the selections as the server grew them, fetched once for each shape.

import { Api } from "./api.js";
import { outlines, trace } from "./contour.js";

export class Masks {
  constructor(app) {
    this.app = app;
    this.known = new Map();  // id -> {shape, path, box, data, size}
    app.on("photo", () => this.known.clear());
    app.on("drawn", (found) => this.#drawn(found));
    app.on("state", () => this.#follow());
  }

  #follow() {
    const { selections, active, phase } = this.app.state;
    const ids = new Set(selections.map((s) => String(s.id)));
    for (const id of this.known.keys()) if (!ids.has(id)) this.known.delete(id);
    if (phase === "ready") {
      const first = (s) => (s.id === active ? 0 : 1);
      for (const s of [...selections].sort((a, b) => first(a) - first(b))) this.#fetch(s);
    }
    this.app.tell("draw");
  }

  #drawn({ of: id, ...found }) {
    const shape = this.app.state.selections.find((s) => s.id === id)?.shape;
    if (shape) this.#keep(id, shape, found);
  }

  #keep(id, shape, found) {
    this.known.set(String(id), { shape, ...found, path: this.#path(found) });
    this.app.tell("masks", id);
    this.app.tell("draw");
  }

  async #fetch({ id, shape }) {
    const known = this.known.get(String(id));
    if (known?.shape === shape || known?.asked === shape) return;
    this.known.set(String(id), { ...known, asked: shape });
    try {
      const found = await this.app.api.arrays(`mask/${id}${Api.query({ v: shape })}`);
      if (this.known.get(String(id))?.asked !== shape) return;
      this.#keep(id, shape, found);
    } catch {
      if (this.known.get(String(id))?.asked === shape) this.known.set(String(id), { ...known, asked: null });
    }
  }

  #path({ box: [x0, y0, x1, y1], size, mask }) {
    const { view } = this.app, sx = view.width / size[0], sy = view.height / size[1];
    const level = new Int16Array(mask.length);
    for (let k = 0; k < mask.length; k++) level[k] = mask[k] - 128;
    const rings = outlines(level, x1 - x0, y1 - y0);
    return trace(new Path2D(), rings, (x) => (x0 + x + 0.5) * sx, (y) => (y0 + y + 0.5) * sy);
  }

  pathOf(id) { return this.known.get(String(id))?.path ?? null; }

  /** Whether a selection holds a photo pixel. */
  holds(id, { x, y }) {
    const found = this.known.get(String(id));
    if (!found?.mask) return false;
    const { view } = this.app, [x0, y0, x1, y1] = found.box;
    const px = Math.floor((x + 0.5) * found.size[0] / view.width), py = Math.floor((y + 0.5) * found.size[1] / view.height);
    if (px < x0 || py < y0 || px >= x1 || py >= y1) return false;
    return found.mask[(py - y0) * (x1 - x0) + px - x0] >= 128;
  }

  /** The last visible selection in the list that holds a pixel, as the server finds it; null for none. */
  at(pixel) {
    return this.app.state?.selections.findLast((s) => s.visible !== false && this.holds(s.id, pixel)) ?? null;
  }
}
