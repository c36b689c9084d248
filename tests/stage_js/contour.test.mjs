import assert from "node:assert/strict";
import { test } from "node:test";
import { outlines } from "../../assets/stage/js/contour.js";
import { random } from "./random.mjs";

/** Even-odd: whether a point lies in the rings. */
function holds(rings, x, y) {
  let inside = false;
  for (const ring of rings) {
    for (let i = 0, j = ring.length - 2; i < ring.length; j = i, i += 2) {
      const [ax, ay, bx, by] = [ring[i], ring[i + 1], ring[j], ring[j + 1]];
      if (ay > y !== by > y && x < (bx - ax) * (y - ay) / (by - ay) + ax) inside = !inside;
    }
  }
  return inside;
}

test("every sample lies on its side of the outline, on random masks with holes", () => {
  for (let seed = 1; seed < 20; seed++) {
    const next = random(seed), w = 3 + Math.floor(next() * 14), h = 3 + Math.floor(next() * 14);
    const values = Float32Array.from({ length: w * h }, () => (next() < 0.5 ? 1 : -1) * (0.1 + next()));
    const rings = outlines(values, w, h);
    for (let y = 0; y < h; y++) {
      for (let x = 0; x < w; x++) assert.equal(holds(rings, x, y), values[y * w + x] > 0, `${seed} ${x} ${y}`);
    }
  }
});

test("the edge lies where the value is 0", () => {
  const w = 9, h = 5, values = new Float32Array(w * h);
  for (let k = 0; k < values.length; k++) values[k] = (k % w) - 3.3;
  const xs = outlines(values, w, h).flatMap((ring) => [...ring].filter((_, k) => k % 2 === 0));
  assert.ok(Math.abs(Math.min(...xs) - 3.3) < 1e-5);
  assert.equal(Math.max(...xs), w - 0.5);
});

test("all and nothing", () => {
  assert.equal(outlines(new Float32Array(12).fill(-1), 4, 3).length, 0);
  const [ring, ...others] = outlines(new Float32Array(12).fill(1), 4, 3);
  assert.equal(others.length, 0);
  assert.equal(Math.min(...ring), -0.5);
  assert.equal(Math.max(...ring), 3.5);
  assert.equal(outlines(Float32Array.of(1), 1, 1).length, 1);
});
