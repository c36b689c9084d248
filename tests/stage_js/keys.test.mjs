import assert from "node:assert/strict";
import { test } from "node:test";
import { commandOf, HELD, SHORTCUTS } from "../../assets/stage/js/keys.js";
import { WORDS as en } from "../../assets/stage/js/words_en.js";
import { WORDS as zh } from "../../assets/stage/js/words_zh.js";

const press = (key, more = {}) => commandOf({ key, ctrlKey: false, metaKey: false, shiftKey: false, altKey: false, ...more });

test("keys and their commands", () => {
  assert.equal(press("z", { ctrlKey: true }), "undo");
  assert.equal(press("Z", { ctrlKey: true, shiftKey: true }), "redo");
  assert.equal(press("y", { ctrlKey: true }), "redo");
  assert.equal(press("z", { metaKey: true }), "undo");
  assert.equal(press("?", { shiftKey: true }), "help");
  assert.equal(press("+", { shiftKey: true }), "add");
  assert.equal(press("="), "add");
  assert.equal(press("-"), "subtract");
  assert.equal(press("=", { ctrlKey: true }), "zoomIn");
  assert.equal(press("+", { ctrlKey: true, shiftKey: true }), "zoomIn");
  assert.equal(press("\\"), "before");
  assert.deepEqual([press(","), press(".")], ["tauUp", "tauDown"]);  // to the right is more of it, as on the slider
  assert.equal(press("ArrowLeft"), "crosshair");
  assert.equal(press(" "), "pan");
  assert.equal(press("q"), null);
  assert.equal(press("b", { altKey: true }), null);
  // AltGr, as Windows tells it, and Option: the only way to these on many keyboards
  for (const mod of [{ altKey: true, ctrlKey: true }, { altKey: true }]) {
    assert.deepEqual(["[", "]", "\\"].map((key) => press(key, mod)), ["smaller", "larger", "before"]);
  }
  assert.equal(press("z", { altKey: true, ctrlKey: true }), null);
});

test("no key has two commands, and every command has words in both languages", () => {
  const keys = SHORTCUTS.flatMap(([, , list]) => list);
  assert.equal(new Set(keys).size, keys.length);
  for (const [group, command] of SHORTCUTS) {
    for (const words of [en, zh]) assert.ok(words[`key_${command}`] && words[`keys_${group}`], command);
  }
  for (const command of HELD) assert.ok(SHORTCUTS.some((row) => row[1] === command));
});

test("both languages say the same things, with the same fields", () => {
  assert.deepEqual(Object.keys(en).sort(), Object.keys(zh).sort());
  const fields = (text) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();
  for (const key of Object.keys(en)) assert.deepEqual(fields(en[key]), fields(zh[key]), key);
});
