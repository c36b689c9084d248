import assert from "node:assert/strict";
import { test } from "node:test";
import { fromLinear, linearToOklab, toLinear } from "../../assets/stage/js/color.js";
import { lookUp, mix, spread } from "../../assets/stage/js/compose.js";

const N = 33, SHADE = 0.1;

/** A table made of a function of (L, a, b): its nodes hold exact values. */
function tableOf(map, low = [-0.6, -0.6], high = [0.6, 0.6]) {
  const table = new Uint8Array(N ** 3 * 3), shaper = Float32Array.from({ length: 4096 }, (_, k) => k / 4095);
  for (let x = 0, at = 0; x < N; x++) {
    for (let y = 0; y < N; y++) {
      for (let z = 0; z < N; z++, at += 3) {
        const L = x / (N - 1), shade = Math.max(L, SHADE);
        const a = (low[0] + y / (N - 1) * (high[0] - low[0])) * shade;
        const b = (low[1] + z / (N - 1) * (high[1] - low[1])) * shade;
        map(L, a, b).forEach((v, c) => { table[at + c] = Math.round(255 * Math.min(1, Math.max(0, v))); });
      }
    }
  }
  return { table, shaper, low, high, shade: SHADE };
}

test("the table's axes are lightness, a and b, in this order", () => {
  for (const [pick, map] of [[0, (L) => [L, L, L]], [1, (L, a) => [a + 0.5, 0, 0]], [2, (L, a, b) => [b + 0.5, 0, 0]]]) {
    const lut = tableOf(map), out = [0, 0, 0];
    for (const rgb of [[200, 60, 30], [20, 90, 160], [90, 140, 60], [128, 128, 128]]) {
      lookUp(lut, ...rgb, out);
      const lab = linearToOklab(rgb.map((v) => toLinear(v / 255)));
      assert.ok(Math.abs(out[0] - (pick ? lab[pick] + 0.5 : lab[0])) < 0.02, `${pick} ${rgb} ${out}`);
    }
  }
});

test("an edge pixel is mixed in linear light, what is outside stays transparent", () => {
  const red = tableOf(() => [1, 0, 0]);
  const photo = Uint8ClampedArray.from([10, 20, 30, 255, 10, 20, 30, 255, 10, 20, 30, 255]);
  const layers = spread(photo, { alpha: Uint8Array.of(255, 128, 0), band: Uint32Array.of(1),
    F: Uint8Array.of(50, 60, 70), B: Uint8Array.of(0, 255, 0) });
  assert.deepEqual([...layers.F.slice(4, 8)], [50, 60, 70, 128]);
  assert.deepEqual([...layers.B.slice(0, 3)], [10, 20, 30]);
  const out = mix(layers, red, new Uint8ClampedArray(12)), a = 128 / 255;
  assert.deepEqual([...out.slice(0, 4)], [255, 0, 0, 255]);
  const wanted = [a, 1 - a, 0].map((v) => Math.round(255 * fromLinear(v)));
  assert.deepEqual([...out.slice(4, 8)], [...wanted, 255]);
  assert.equal(out[11], 0);
});
