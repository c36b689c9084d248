import assert from "node:assert/strict";
import { test } from "node:test";
import { Guard, Latest, Outbox } from "../../assets/stage/js/sequence.js";
import { random } from "./random.mjs";

const wait = (ms) => new Promise((done) => setTimeout(done, ms));

test("an old answer is not admitted", () => {
  const guard = new Guard();
  assert.deepEqual([3, 1, 4, 4, 2, 5].map((seq) => guard.admit(seq)), [true, false, true, true, false, true]);
});

test("things go out in order, one at a time; of a drag the last value always goes", async () => {
  const next = random(5);
  for (let round = 0; round < 20; round++) {
    const sent = [];
    let now = 0;
    const box = new Outbox(async (thing) => {
      assert.equal(now++, 0);
      await wait(next() * 3);
      sent.push(thing);
      now--;
      return thing;
    });
    const answers = [];
    for (let k = 0; k < 12; k++) {
      answers.push(box.post(k, k === 6 ? "" : "drag"));
      if (next() < 0.5) await wait(next() * 2);
    }
    const got = await Promise.all(answers);
    assert.equal(sent.at(-1), 11);
    assert.ok(sent.includes(6));
    assert.deepEqual(sent, [...sent].sort((a, b) => a - b));
    got.forEach((answer, k) => assert.ok(answer === k ? sent.includes(k) : answer === null));
    assert.ok(box.idle);
  }
});

test("a failure is its sender's and stops nobody else", async () => {
  const box = new Outbox(async (thing) => { if (thing === 1) throw new Error("no"); return thing; });
  const [one, two] = await Promise.allSettled([box.post(1), box.post(2)]);
  assert.equal(one.reason.message, "no");
  assert.equal(two.value, 2);
});

test("jobs between the running and the newest one are skipped", async () => {
  const latest = new Latest(), ran = [];
  const jobs = [1, 2, 3, 4].map((k) => latest.run(async () => { await wait(2); ran.push(k); return k; }));
  assert.deepEqual(await Promise.all(jobs), [1, null, null, 4]);
  assert.deepEqual(ran, [1, 4]);
});
