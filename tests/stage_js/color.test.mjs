import assert from "node:assert/strict";
import { test } from "node:test";
import { inkOn, lchToRgb, linearToOklab, maxChroma, oklabToLinear, parseHex, rgbToLch, toHex, toLinear } from "../../assets/stage/js/color.js";
import { random } from "./random.mjs";

test("OKLab of the primaries, as published", () => {
  // CSS Color 4, sample values of oklab()
  for (const [rgb, lab] of [[[1, 1, 1], [1, 0, 0]], [[1, 0, 0], [0.62796, 0.22486, 0.12585]],
    [[0, 1, 0], [0.86644, -0.23389, 0.1795]], [[0, 0, 1], [0.45201, -0.03246, -0.31153]]]) {
    linearToOklab(rgb).forEach((v, k) => assert.ok(Math.abs(v - lab[k]) < 2e-4, `${rgb}`));
  }
});

test("every color comes back from OKLCh to the byte", () => {
  const next = random(3);
  for (let k = 0; k < 3000; k++) {
    const rgb = [next, next, next].map((f) => Math.floor(f() * 256));
    assert.deepEqual(lchToRgb(rgbToLch(rgb)), rgb);
  }
  for (const rgb of [[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 0, 255], [128, 128, 128]]) {
    assert.deepEqual(lchToRgb(rgbToLch(rgb)), rgb);
  }
});

test("the largest chroma lies on the gamut's edge", () => {
  for (let h = 0; h < 360; h += 15) {
    for (const L of [0.1, 0.4, 0.7, 0.95]) {
      const C = maxChroma(L, h), angle = h * Math.PI / 180;
      const at = (c) => oklabToLinear([L, c * Math.cos(angle), c * Math.sin(angle)]);
      assert.ok(at(C * 0.995).every((v) => v > -2e-3 && v < 1.002));
      assert.ok(at(C + 0.01).some((v) => v < 0 || v > 1));
    }
  }
  assert.equal(maxChroma(0, 20), 0);
  assert.equal(maxChroma(1, 20), 0);
});

test("hex text", () => {
  assert.deepEqual(parseHex(" #C8102e "), [200, 16, 46]);
  assert.deepEqual(parseHex("fa0"), [255, 170, 0]);
  for (const text of ["", "#12", "#12345", "navy", "#gggggg", "#1234567"]) assert.equal(parseHex(text), null);
  assert.equal(toHex([0, 10, 255]), "#000aff");
});

test("ink on a color is the one with more contrast", () => {
  const next = random(9);
  for (let k = 0; k < 500; k++) {
    const rgb = [next, next, next].map((f) => Math.floor(f() * 256));
    const [r, g, b] = rgb.map((v) => toLinear(v / 255)), y = 0.2126 * r + 0.7152 * g + 0.0722 * b;
    const black = (y + 0.05) / 0.05, white = 1.05 / (y + 0.05);
    if (Math.abs(black - white) > 0.1) assert.equal(inkOn(rgb), black > white ? "#000" : "#fff");
  }
});
