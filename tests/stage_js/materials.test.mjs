import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.navigator ??= {};
const { colored, retargeted } = await import("../../assets/stage/js/materials.js");

const COLORS = ["#c8c8c8", "#19191b", "#b01828"];
const style = (targets = [], materials = "body") => ({ targets, materials });

test("what would be so anyway is not listed", () => {
  assert.deepEqual(retargeted(style(), COLORS, "#c8c8c8", undefined, "red"), []);
  assert.deepEqual(retargeted(style(), COLORS, "#19191b", null, "red"), []);
  assert.deepEqual(retargeted(style([], "all"), COLORS, "#19191b", undefined, "red"), []);
});

test("a kept material is painted, the body is kept, a color is its own", () => {
  assert.deepEqual(retargeted(style(), COLORS, "#19191b", undefined, "red"), [{ color: "#19191b", target: "red" }]);
  assert.deepEqual(retargeted(style(), COLORS, "#c8c8c8", null, "red"), [{ color: "#c8c8c8", target: null }]);
  assert.deepEqual(retargeted(style(), COLORS, "#b01828", "#00ff00", "red"), [{ color: "#b01828", target: "#00ff00" }]);
  assert.deepEqual(retargeted(style([], "all"), COLORS, "#19191b", null, "red"), [{ color: "#19191b", target: null }]);
});

test("where the body is kept the next one is it", () => {
  const kept = [{ color: "#c8c8c8", target: null }];
  assert.deepEqual(retargeted(style(kept), COLORS, "#19191b", null, "red"), [...kept, { color: "#19191b", target: null }]);
  assert.deepEqual(retargeted(style(kept), COLORS, "#c8c8c8", undefined, "red"), []);
});

test("a picker paints the body, another material, or one alone", () => {
  const painted = { ...style(), color: "red" };
  assert.deepEqual(colored(painted, COLORS, "#c8c8c8", "#00ff00"), { color: "#00ff00" });
  assert.deepEqual(colored(painted, COLORS, "#19191b", "#00ff00"), { targets: [{ color: "#19191b", target: "#00ff00" }] });
  assert.deepEqual(colored({ ...style(), color: null }, COLORS, "#19191b", "#00ff00"), { color: "#00ff00",
    targets: [{ color: "#c8c8c8", target: null }, { color: "#b01828", target: null }] });
});
