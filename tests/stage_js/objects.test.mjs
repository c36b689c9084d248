import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.navigator ??= {};
const { percent } = await import("../../assets/stage/js/objects.js");

const SHARES = [[1, "100"], [0.416, "42"], [0.0416, "4.2"], [0.0006, "0.1"], [0.0004, "< 0.1"], [200, "< 0.1"]];

test("a share reads as what it is: nothing that is there is zero percent of the photo", () => {
  for (const [area, told] of SHARES) assert.equal(percent(area, { width: 1000, height: 1000 }), told);
});
