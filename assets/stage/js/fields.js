// What the network saw of the photo, as far as the hand needs it between two answers of the server:
// squared distances, the region tree's share of them, a threshold, the connected part.

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** Largest squared distance with similarity >= tau: ln(2 / tau - 1). */
export const radius2 = (tau) => Math.log(2 / tau - 1);

/** The tau whose radius is d2. */
export const tauOf = (d2) => { const f = Math.exp(-d2); return 2 * f / (1 + f); };

/** ln(1 + exp(v)), finite for any v. */
const softplus = (v) => Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v)));

/** At most three masks that differ, the smallest first.
 *  @param taus by name, what is meant most first; of two parts that are one, the name is "part".
 *  @param maskOf tau -> { area, ... }
 */
export function nested(taus, maskOf) {
  const seen = [];
  for (const [which, tau] of Object.entries(taus)) {
    const made = maskOf(tau);
    if (seen.length < 3 && seen.every(({ area }) => Math.abs(area - made.area) > 0.1 * area)) seen.push({ which, tau, ...made });
  }
  const parts = seen.filter(({ which }) => which.endsWith("_part"));
  if (parts.length === 1) parts[0].which = "part";
  return seen.sort((a, b) => a.area - b.area);
}

export class Fields {
  /** @param values of `unpack`: h, w, D, scale, H, W, input, stride, edge_weight and the arrays. */
  constructor(values) {
    Object.assign(this, values);
    const { D, h, w, embedding, scale } = values;
    const count = h * w;
    this.vectors = new Float32Array(count * D);  // straight on int8 the distances take twice the time
    for (let k = 0; k < count * D; k++) this.vectors[k] = embedding[k] * scale;
    this.embedding = null;
    this.squares = new Float32Array(count);
    for (let k = 0, at = 0; k < count; k++) {
      let sum = 0;
      for (let d = 0; d < D; d++, at++) sum += this.vectors[at] * this.vectors[at];
      this.squares[k] = sum;
    }
    this.remembered = new Map();
  }

  /** Index of the grid cell of photo pixel (x, y), both at most half a cell off the grid. */
  cellOf(x, y) {
    const row = Math.floor(this.gridAt(y, 0) + 0.5), column = Math.floor(this.gridAt(x, 1) + 0.5);
    return clamp(row, 0, this.h - 1) * this.w + clamp(column, 0, this.w - 1);
  }

  /** Position on the grid of a pixel's row (axis 0) or column (axis 1): `Frame._grid_position`. */
  gridAt(at, axis) {
    const full = axis ? this.W : this.H;
    return ((at + 0.5) * this.input[axis] / full - 0.5) / this.stride;
  }

  /** Photo position, pixel edges at integers, of a place on the grid. */
  placeOf(at, axis) {
    return (this.stride * at + 0.5) * (axis ? this.W : this.H) / this.input[axis];
  }

  /** (h * w) squared distances to a cell's vector, the region tree's share added. */
  distances2(cell) {
    const known = this.remembered.get(cell);
    if (known) return known;
    const d2 = this.#embedded(cell);
    if (this.edge_weight && this.gaps) this.#addRegions(cell, d2);
    if (this.remembered.size > 7) this.remembered.delete(this.remembered.keys().next().value);
    this.remembered.set(cell, d2);
    return d2;
  }

  #embedded(cell) {
    const { D, vectors, squares } = this;
    const own = vectors.slice(cell * D, cell * D + D);  // a short array of its own stays in the cache
    const out = new Float32Array(squares.length);
    for (let k = 0, at = 0; k < out.length; k++, at += D) {
      let a = 0, b = 0, c = 0, e = 0, d = 0;
      for (; d + 3 < D; d += 4) {
        a += own[d] * vectors[at + d];
        b += own[d + 1] * vectors[at + d + 1];
        c += own[d + 2] * vectors[at + d + 2];
        e += own[d + 3] * vectors[at + d + 3];
      }
      for (; d < D; d++) a += own[d] * vectors[at + d];
      const d2 = squares[cell] + squares[k] - 2 * (a + b + c + e);
      out[k] = d2 > 0 ? d2 : 0;
    }
    out[cell] = 0;
    return out;
  }

  /** Adds edge_weight * ln(1 + 2 exp(g)), g the highest gap between two superpixels. */
  #addRegions(cell, d2) {
    const { cells, gaps, edge_weight: weight } = this;
    const own = cells[cell], share = new Float32Array(gaps.length + 1);
    let highest = -Infinity;
    for (let k = own; k < gaps.length; k++) {
      highest = Math.max(highest, gaps[k]);
      share[k + 1] = weight * softplus(highest + Math.LN2);
    }
    highest = -Infinity;
    for (let k = own - 1; k >= 0; k--) {
      highest = Math.max(highest, gaps[k]);
      share[k] = weight * softplus(highest + Math.LN2);
    }
    for (let k = 0; k < d2.length; k++) d2[k] += share[cells[k]];
  }

  /** What a click on a cell means, as the IoU head says for its superpixel: "object" or "part". */
  tauAt(cell, which = "object") {
    return (which === "part" ? this.tau_part : this.tau_whole)[this.cells[cell]];
  }

  /** The mask of a cell at a tau: {level (h * w), 0 or more inside; area in cells}. */
  maskAt(cell, tau, connected = this.connected) {
    const d2 = this.distances2(cell), limit = -Math.log(tau);
    const level = new Float32Array(d2.length);
    for (let k = 0; k < d2.length; k++) {
      level[k] = clamp(Math.LN2 - softplus(d2[k]) + limit, -limit, limit);
    }
    const inside = connected ? connectedPart(level, this.w, [cell]) : null;
    let area = 0;
    for (let k = 0; k < level.length; k++) {
      if (inside ? inside[k] : level[k] >= 0) area++;
      else level[k] = Math.min(-Math.abs(level[k]), -1e-6);
    }
    return { level, area };
  }
}

/** 1 where `level` >= 0 and 4-connected to one of the cells. */
export function connectedPart(level, width, cells) {
  const inside = new Uint8Array(level.length), stack = new Int32Array(level.length);
  let top = 0;
  const visit = (k) => { if (level[k] >= 0 && !inside[k]) { inside[k] = 1; stack[top++] = k; } };
  for (const cell of cells) visit(cell);
  while (top) {
    const k = stack[--top], x = k % width;
    if (x > 0) visit(k - 1);
    if (x < width - 1) visit(k + 1);
    if (k >= width) visit(k - width);
    if (k + width < level.length) visit(k + width);
  }
  return inside;
}
