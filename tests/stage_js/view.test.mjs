import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_ZOOM, View } from "../../assets/stage/js/view.js";
import { random } from "./random.mjs";

const SIZES = [[1, 1], [7, 3], [150, 100], [600, 400], [4000, 3000], [300, 9000]];
const STAGES = [[320, 300], [1040, 700], [3400, 2000]];

function views() {
  const made = [];
  for (const [width, height] of SIZES) {
    for (const stage of STAGES) {
      for (const ratio of [1, 1.25, 2, 3]) {
        const view = new View();
        view.setStage(...stage, ratio);
        view.setPhoto(width, height);
        made.push(view);
      }
    }
  }
  return made;
}

test("every pixel's middle and corners come back to that pixel, at any zoom and place", () => {
  const next = random(7);
  for (const view of views()) {
    for (let round = 0; round < 6; round++) {
      const corners = [[0, 0], [view.width - 1, 0], [0, view.height - 1], [view.width - 1, view.height - 1]];
      const others = Array.from({ length: 5 }, () =>
        [Math.floor(next() * view.width), Math.floor(next() * view.height)]);
      for (const [x, y] of [...corners, ...others]) {
        for (const inset of [1e-6, 0.5, 1 - 1e-6]) {
          const at = view.toScreen(x + inset, y + inset);
          assert.deepEqual(view.pixelAt(at.x, at.y), { x, y });
        }
      }
      view.zoomBy(0.3 + 3 * next(), next() * view.stage.width, next() * view.stage.height);
      view.panBy(300 * (next() - 0.5), 300 * (next() - 0.5));
    }
  }
});

test("the fitted photo lies wholly and centred on the stage", () => {
  for (const view of views()) {
    const a = view.toScreen(0, 0), b = view.toScreen(view.width, view.height);
    assert.ok(a.x >= -1e-9 && a.y >= -1e-9);
    assert.ok(b.x <= view.stage.width + 1e-9 && b.y <= view.stage.height + 1e-9);
    assert.ok(Math.abs(a.x - (view.stage.width - b.x)) < 1e-6);
    assert.ok(Math.abs(a.y - (view.stage.height - b.y)) < 1e-6);
  }
});

test("zoom keeps what is under the pointer and ends at 800 %", () => {
  const view = new View();
  view.setStage(1000, 700, 2);
  view.setPhoto(4000, 3000);
  for (const factor of [1.5, 2, 1.2]) {
    const before = view.toPhoto(420, 300);
    view.zoomBy(factor, 420, 300);
    const now = view.toPhoto(420, 300);
    assert.ok(Math.hypot(before.x - now.x, before.y - now.y) < 1e-6);
  }
  view.zoomBy(1e6);
  assert.ok(Math.abs(view.zoom - MAX_ZOOM) < 1e-9);
  view.zoomBy(1e-9);
  assert.ok(Math.abs(view.scale - view.fitScale) < 1e-12);
});

test("beside the photo there is no pixel, and a nearest one", () => {
  const view = new View();
  view.setStage(900, 300);
  view.setPhoto(100, 100);
  assert.equal(view.pixelAt(299.9, 150), null);
  assert.deepEqual(view.pixelAt(300, 0), { x: 0, y: 0 });
  assert.equal(view.pixelAt(600, 150), null);
  assert.deepEqual(view.nearestPixel(-50, 1000), { x: 0, y: 99 });
});

test("another size of the window keeps the middle; a fitted photo stays fitted", () => {
  const view = new View();
  view.setStage(1000, 700);
  view.setPhoto(4000, 3000);
  view.zoomBy(4, 200, 200);
  const before = view.toPhoto(500, 350);
  view.setStage(640, 500);
  const now = view.toPhoto(320, 250);
  assert.ok(Math.hypot(before.x - now.x, before.y - now.y) < 1e-6);
  view.fit();
  view.setStage(1200, 900);
  assert.equal(view.scale, view.fitScale);
});

test("the level of tiles has at least a pixel for each device pixel", () => {
  const view = new View();
  view.setStage(1000, 700);
  view.setPhoto(6000, 4000);
  for (const [zoom, level] of [[8, 0], [1, 0], [0.51, 0], [0.5, 1], [0.26, 1], [0.25, 2]]) {
    view.scale = zoom;
    assert.equal(view.level, level);
  }
});
