import assert from "node:assert/strict";
import { test } from "node:test";
import { Gestures } from "../../assets/stage/js/gestures.js";

function hand({ tool = "point", space = false, grips = () => false, kind = "mouse" } = {}) {
  const gestures = new Gestures(() => ({ tool, space, grips })), done = [];
  let time = 0;
  const feed = (what, x, y, more = {}) => {
    time += more.after ?? 20;
    done.push(...gestures[what]({ id: 1, x, y, button: 0, kind, shift: false, alt: false, time, ...more }));
  };
  return { gestures, done, feed, names: () => done.map((a) => a.do + (a.phase ? ":" + a.phase : "")) };
}

test("a press that shakes is a click where it went down", () => {
  const { feed, done } = hand();
  feed("down", 100, 100);
  feed("move", 102, 101);
  feed("up", 103, 101);
  assert.deepEqual(done, [{ do: "click", x: 100, y: 100, mode: "auto", kind: "mouse" }]);
});

test("keys, right button and tools decide what a click means", () => {
  for (const [tool, more, mode] of [["point", { shift: true }, "add"], ["point", { alt: true }, "subtract"],
    ["point", { button: 2 }, "subtract"], ["add", {}, "add"], ["subtract", {}, "subtract"],
    ["add", { alt: true }, "subtract"]]) {
    const { feed, done } = hand({ tool });
    feed("down", 5, 5, more);
    feed("up", 5, 5, more);
    assert.equal(done[0].mode, mode);
  }
});

test("two quick clicks step to the part, a third begins anew, slow ones are two clicks", () => {
  const { feed, done } = hand();
  for (let k = 0; k < 3; k++) { feed("down", 50, 50); feed("up", 50, 50); }
  assert.deepEqual(done.map((a) => a.mode), ["auto", "part", "auto"]);
  feed("down", 50, 50, { after: 900 });
  feed("up", 50, 50);
  assert.equal(done.at(-1).mode, "auto");
});

test("a finger may land beside its first click, a mouse is more exact", () => {
  for (const [kind, mode] of [["touch", "part"], ["mouse", "auto"]]) {
    const { feed, done } = hand({ kind });
    for (const x of [50, 65]) { feed("down", x, 50); feed("up", x, 50); }
    assert.equal(done.at(-1).mode, mode);
  }
});

test("a drag is a box; sideways from an object it is tau; downwards from it a box again", () => {
  for (const [grips, dx, dy, name] of [[false, 80, 3, "box"], [true, 80, 3, "tau"], [true, 3, 80, "box"]]) {
    const { feed, names, done } = hand({ grips: () => grips });
    feed("down", 100, 100);
    feed("move", 100 + dx, 100 + dy);
    feed("move", 100 + 2 * dx, 100 + dy);
    feed("up", 100 + 2 * dx, 100 + dy);
    assert.deepEqual(names(), [`${name}:start`, `${name}:move`, `${name}:move`, `${name}:end`]);
    assert.equal(done.at(-1).dx, 2 * dx);
    assert.deepEqual(done.at(-1).from, { x: 100, y: 100 });
  }
});

test("space, the middle button and one finger pan by what the hand moved, in sum", () => {
  for (const [options, more] of [[{ space: true }, {}], [{}, { button: 1 }], [{ kind: "touch" }, {}]]) {
    const { feed, done } = hand(options);
    feed("down", 100, 100, more);
    for (const [x, y] of [[130, 90], [150, 80], [160, 85]]) feed("move", x, y);
    feed("up", 160, 85, more);
    assert.ok(done.every((a) => a.do === "pan"));
    assert.equal(done.reduce((sum, a) => sum + a.dx, 0), 60);
    assert.equal(done.reduce((sum, a) => sum + a.dy, 0), -15);
  }
});

test("two fingers pinch and never click or select", () => {
  const { feed, done } = hand({ kind: "touch" });
  feed("down", 100, 100);
  feed("down", 200, 100, { id: 2 });
  feed("move", 300, 100, { id: 2 });
  feed("up", 300, 100, { id: 2 });
  feed("move", 90, 90);
  feed("up", 90, 90);
  assert.deepEqual(done, [{ do: "pinch", factor: 2, x: 200, y: 100, dx: 50, dy: 0 }]);
});

test("a second finger takes a begun box back", () => {
  const { feed, names } = hand({ kind: "touch", tool: "box" });
  feed("down", 100, 100);
  feed("move", 150, 150);
  feed("down", 300, 100, { id: 2 });
  assert.equal(names().at(-1), "box:cancel");
});

test("brush and eraser draw from the first touch on; Alt or the right button turns one into the other", () => {
  for (const [tool, more, erase] of [["brush", {}, false], ["eraser", {}, true], ["brush", { alt: true }, true],
    ["brush", { button: 2 }, true], ["eraser", { button: 2 }, false]]) {
    const { feed, names, done } = hand({ tool });
    feed("down", 10, 10, more);
    feed("move", 11, 10, more);
    feed("up", 12, 10, more);
    assert.deepEqual(names(), ["stroke:start", "stroke:move", "stroke:end"]);
    assert.ok(done.every((a) => a.erase === erase));
  }
});

test("a pen's other end takes away: a tap at a point, a rub along its way, whatever the tool", () => {
  for (const tool of ["point", "add", "box", "brush", "eraser"]) {
    const rub = hand({ tool, kind: "pen" });
    rub.feed("down", 10, 10, { button: 5, alt: tool === "eraser" });
    rub.feed("move", 40, 10);
    rub.feed("up", 60, 10);
    assert.deepEqual(rub.names(), ["stroke:start", "stroke:move", "stroke:end"]);
    assert.deepEqual(rub.done.map((a) => [a.x, a.erase]), [[10, true], [40, true], [60, true]]);
  }
  const tap = hand({ kind: "pen" });
  tap.feed("down", 10, 10, { button: 5 });
  tap.feed("up", 11, 10, { button: 5 });
  assert.deepEqual(tap.done.map((a) => [a.do, a.mode]), [["click", "subtract"]]);
});

test("a pointer that the browser takes away ends a drag and clicks nothing", () => {
  const { feed, gestures, names } = hand();
  feed("down", 10, 10);
  feed("move", 90, 90);
  assert.deepEqual(gestures.cancel(), [{ do: "box", phase: "cancel" }]);
  feed("up", 90, 90);
  assert.ok(!names().includes("click"));
});
