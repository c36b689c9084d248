import assert from "node:assert/strict";
import { test } from "node:test";
import { Tiles, tilesOf } from "../../assets/stage/js/tiles.js";

test("tiles cover what is seen, once, and end at the photo's border", () => {
  for (const z of [0, 1, 2]) {
    const W = 3001, H = 1777, seen = [700, 300, 2999, 1777], found = tilesOf(seen, z, W, H);
    let area = 0;
    for (const { x, y, box: [x0, y0, x1, y1] } of found) {
      assert.equal(x0, x * 512 * 2 ** z);
      assert.equal(y0, y * 512 * 2 ** z);
      assert.ok(x1 <= W && y1 <= H);
      area += Math.max(0, Math.min(x1, seen[2]) - Math.max(x0, seen[0])) * Math.max(0, Math.min(y1, seen[3]) - Math.max(y0, seen[1]));
    }
    assert.equal(area, (seen[2] - seen[0]) * (seen[3] - seen[1]));
  }
  assert.deepEqual(tilesOf([5, 5, 5, 9], 0, 10, 10), []);
});

test("a tile is fetched once, a failed one again when asked again, wishes of before are dropped", async () => {
  const asked = [];
  let fail = true;
  const tiles = new Tiles(async ({ x }, look) => {
    asked.push(`${look}${x}`);
    await null;
    if (x === 1 && fail) throw new Error("no");
    return x;
  }, () => {});
  const wanted = [0, 1].map((x) => ({ z: 0, x, y: 0, box: [] })), rest = () => new Promise((done) => setTimeout(done, 5));
  tiles.want("a", wanted);
  tiles.want("a", wanted);
  await rest();
  assert.deepEqual(asked, ["a0", "a1"]);
  fail = false;
  tiles.want("a", wanted);
  await rest();
  assert.deepEqual(asked, ["a0", "a1", "a1"]);
  assert.equal(tiles.get("a", wanted[1]), 1);
  assert.equal(tiles.get("b", wanted[1]), undefined);
});
