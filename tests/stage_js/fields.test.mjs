import assert from "node:assert/strict";
import { test } from "node:test";
import { pack, unpack } from "../../assets/stage/js/blob.js";
import { connectedPart, Fields, nested, radius2, tauOf } from "../../assets/stage/js/fields.js";
import { random } from "./random.mjs";

const H = 90, W = 130, h = 12, w = 17, D = 6, N = 9;

function made(seed = 1, more = {}) {
  const next = random(seed);
  const embedding = Int8Array.from({ length: h * w * D }, () => Math.floor(next() * 255) - 127);
  const cells = Uint16Array.from({ length: h * w }, () => Math.floor(next() * N));
  const gaps = Float32Array.from({ length: N - 1 }, () => 6 * next() - 3);
  const taus = Float32Array.from({ length: N }, () => 0.1 + 0.8 * next());
  const header = { h, w, D, N, H, W, scale: 0.01, input: [45, 65], stride: 4, edge_weight: 0.125,
    connected: true, ...more };
  return unpack(pack(header, [
    ["proposals", "uint8", [h, w], new Uint8Array(h * w)],  // an odd offset for what follows
    ["embedding", "int8", [h, w, D], embedding], ["cells", "uint16", [h, w], cells],
    ["gaps", "float32", [N - 1], gaps], ["tau_whole", "float32", [N], taus],
    ["tau_part", "float32", [N], taus.map((t) => t / 2)]]));
}

test("a blob cut short is refused", () => {
  const whole = pack({}, [["a", "float32", [3], new Float32Array(3)]]);
  for (const length of [0, 3, 10, whole.byteLength - 1]) {
    assert.throws(() => unpack(whole.slice(0, length)), RangeError);
  }
});

test("squared distances are those of a double loop, regions included", () => {
  const raw = made(2), fields = new Fields({ ...raw });
  for (const cell of [0, 5, h * w - 1]) {
    const d2 = fields.distances2(cell);
    for (let k = 0; k < h * w; k++) {
      let sum = 0;
      for (let d = 0; d < D; d++) {
        sum += ((raw.embedding[cell * D + d] - raw.embedding[k * D + d]) * 0.01) ** 2;
      }
      const [low, high] = [raw.cells[cell], raw.cells[k]].sort((a, b) => a - b);
      if (low !== high) {
        const gap = Math.max(...raw.gaps.slice(low, high));
        sum += 0.125 * Math.log(1 + 2 * Math.exp(gap));
      }
      assert.ok(Math.abs(d2[k] - sum) < 1e-4, `${cell} ${k}: ${d2[k]} ${sum}`);
    }
  }
});

test("tau and radius are inverse; a mask holds what is near enough", () => {
  for (const tau of [0.03, 0.25, 0.5, 0.98]) assert.ok(Math.abs(tauOf(radius2(tau)) - tau) < 1e-12);
  const fields = new Fields(made(3)), cell = 40;
  for (const tau of [0.2, 0.6, 0.9]) {
    const { level, area } = fields.maskAt(cell, tau, false), d2 = fields.distances2(cell);
    let count = 0;
    for (let k = 0; k < d2.length; k++) {
      const sigma = 2 / (1 + Math.exp(d2[k]));
      if (Math.abs(sigma - tau) > 1e-6) assert.equal(level[k] >= 0, sigma >= tau);
      count += level[k] >= 0;
    }
    assert.equal(count, area);
    assert.ok(level[cell] >= 0);
  }
});

test("a lower tau holds at least as much", () => {
  const fields = new Fields(made(4));
  let last = 0;
  for (const tau of [0.9, 0.7, 0.5, 0.3, 0.1, 0.03]) {
    const { area } = fields.maskAt(70, tau);
    assert.ok(area >= last);
    last = area;
  }
});

test("the connected part stops at diagonals and at row ends", () => {
  const level = Float32Array.from([
    1, -1, -1, 1,
    1, -1, 1, -1,
    -1, 1, 1, -1]);
  assert.deepEqual([...connectedPart(level, 4, [0])], [1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
  assert.deepEqual([...connectedPart(level, 4, [6])], [0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 1, 0]);
  assert.deepEqual([...connectedPart(level, 4, [1])], new Array(12).fill(0));
});

test("corners of the photo lie in corner cells; a cell's centre lies in the cell", () => {
  const fields = new Fields(made(5));
  assert.equal(fields.cellOf(0, 0), 0);
  assert.equal(fields.cellOf(W - 1, H - 1), h * w - 1);
  for (let row = 0; row < h; row++) {
    for (let column = 0; column < w; column++) {
      const y = fields.placeOf(row, 0) - 0.5, x = fields.placeOf(column, 1) - 0.5;
      assert.equal(fields.cellOf(x, y), row * w + column);
    }
  }
});

test("at most three masks that differ are offered, the smallest first", () => {
  const areas = new Map([[0.5, 100], [0.9, 10], [0.8, 40], [0.1, 300], [0.51, 95]]);
  const maskOf = (tau) => ({ area: areas.get(tau) });
  const which = (taus) => nested(taus, maskOf).map((made) => made.which);
  assert.deepEqual(which({ object: 0.5, small_part: 0.9, large_part: 0.8, group: 0.1 }), ["small_part", "large_part", "object"]);
  assert.deepEqual(which({ object: 0.5, small_part: 0.8, large_part: 0.8, group: 0.1 }), ["part", "object", "group"]);
  assert.deepEqual(which({ object: 0.5, small_part: 0.8, large_part: 0.51, group: 0.5 }), ["part", "object"]);
  assert.deepEqual(which({ object: 0.5, small_part: 0.5, large_part: 0.5, group: 0.5 }), ["object"]);
});
