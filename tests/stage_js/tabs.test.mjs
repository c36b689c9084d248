import assert from "node:assert/strict";
import { test } from "node:test";
import { Tabs } from "../../assets/stage/js/tabs.js";

/** Channels that hear one another, as BroadcastChannel's do: nobody hears itself. */
function air() {
  const all = [];
  return () => {
    const hear = [], channel = { addEventListener: (name, act) => hear.push(act), hear,
      postMessage: (data) => queueMicrotask(() => {
        for (const other of all) if (other !== channel) for (const act of other.hear) act({ data });
      }) };
    all.push(channel);
    return channel;
  };
}

test("a session is taken while another tab works in it, and by nobody else", async () => {
  const open = air();
  let first = "a";
  new Tabs(() => first, open());
  new Tabs(() => "b", open());
  const late = new Tabs(() => null, open());
  assert.equal(await late.taken("a"), true);
  assert.equal(await late.taken("b"), true);
  assert.equal(await late.taken("c"), false);
  first = "c";
  assert.equal(await late.taken("a"), false);
  assert.equal(await late.taken(null), false);
});

test("where tabs cannot hear one another, a session is the tab's own", async () => {
  assert.equal(await new Tabs(() => null, null).taken("a"), false);
});
