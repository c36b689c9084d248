// A color drag, live: alpha * LUT(F) + (1 - alpha) * B in linear light. The look-up table, F, B and
// alpha come from the code that writes files; here they are only looked up and mixed.
//
// A pixel's OKLab (L, a, b) becomes x = shaper at L, (y, z) = ((a, b) / max(L, shade) - low) /
// (high - low), the place in the 33^3 table: `paint.lut.ColorTable`.

import { fromLinear, linearToOklab, toLinear } from "./color.js";

/** Linear light of each byte. */
export const LINEAR = Float32Array.from({ length: 256 }, (_, v) => toLinear(v / 255));

/**
 * The band's pixels spread over its box.
 *
 * @param photo RGBA bytes of the box; `band` has alpha (n), band (indices), F, B (3 bytes each).
 * @returns {{F: Uint8ClampedArray, B: Uint8ClampedArray}} RGBA; F's fourth byte is alpha.
 */
export function spread(photo, { alpha, band, F, B }) {
  const front = Uint8ClampedArray.from(photo), back = Uint8ClampedArray.from(photo);
  for (let k = 0; k < alpha.length; k++) front[4 * k + 3] = alpha[k];
  for (let k = 0; k < band.length; k++) {
    for (let c = 0; c < 3; c++) {
      front[4 * band[k] + c] = F[3 * k + c];
      back[4 * band[k] + c] = B[3 * k + c];
    }
  }
  return { F: front, B: back };
}

/** One color through a table: bytes in, 0..1 (sRGB-encoded) out. */
export function lookUp({ table, shaper, low, high, shade }, r, g, b, out) {
  const [L, a, c] = linearToOklab([LINEAR[r], LINEAR[g], LINEAR[b]]);
  const n = Math.round(Math.cbrt(table.length / 3)), top = n - 1;
  const at = Math.min(Math.max(L, 0), 1) * (shaper.length - 1), k = Math.min(Math.floor(at), shaper.length - 2);
  const place = [shaper[k] + (at - k) * (shaper[k + 1] - shaper[k]),
    (a / Math.max(L, shade) - low[0]) / (high[0] - low[0]),
    (c / Math.max(L, shade) - low[1]) / (high[1] - low[1])];
  const lows = [], rests = [];
  for (const v of place) {
    const p = Math.min(Math.max(v, 0), 1) * top, f = Math.min(Math.floor(p), top - 1);
    lows.push(f);
    rests.push(p - f);
  }
  out[0] = out[1] = out[2] = 0;
  for (let corner = 0; corner < 8; corner++) {
    let weight = 1, index = 0;
    for (let axis = 0; axis < 3; axis++) {
      const far = (corner >> axis) & 1;
      weight *= far ? rests[axis] : 1 - rests[axis];
      index = index * n + lows[axis] + far;
    }
    for (let ch = 0; ch < 3; ch++) out[ch] += weight * table[3 * index + ch] / 255;
  }
}

/** The 2-D way: fills `out` (RGBA bytes of the box); transparent where alpha is 0. */
export function mix({ F, B }, lut, out) {
  const color = [0, 0, 0];
  for (let k = 0; k < F.length; k += 4) {
    const alpha = F[k + 3] / 255;
    out[k + 3] = alpha ? 255 : 0;
    if (!alpha) continue;
    lookUp(lut, F[k], F[k + 1], F[k + 2], color);
    for (let c = 0; c < 3; c++) {
      const light = alpha * toLinear(color[c]) + (1 - alpha) * LINEAR[B[k + c]];
      out[k + c] = 255 * fromLinear(light);
    }
  }
  return out;
}

/** Paints looks into a canvas the size of the box; WebGL2 where there is one. */
export class Compositor {
  /** @param layers of `spread`; @param gpu a function that makes the WebGL2 painter, or null. */
  constructor(width, height, layers, gpu) {
    this.canvas = new OffscreenCanvas(width, height);
    this.layers = layers;
    this.gpu = gpu ? gpu(this.canvas, layers) : null;
    if (!this.gpu) {
      this.context = this.canvas.getContext("2d");
      if (!this.context) {  // a canvas that once tried WebGL keeps to it
        this.canvas = new OffscreenCanvas(width, height);
        this.context = this.canvas.getContext("2d");
      }
      this.pixels = this.context.createImageData(width, height);
    }
  }

  paint(lut) {
    if (this.gpu) return this.gpu.paint(lut);
    mix(this.layers, lut, this.pixels.data);
    this.context.putImageData(this.pixels, 0, 0);
  }

  free() { this.gpu?.free(); }
}
