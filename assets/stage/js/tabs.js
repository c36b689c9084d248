// Two tabs are two hands. A browser gives a duplicated tab the session of the first one: who wants a
// session asks the other tabs whether one of them is at work in it.

const NAME = "dmlseg.tabs", ANSWER_MS = 200;

export class Tabs {
  /** @param mine the session that this tab works in, or null. @param channel for tests. */
  constructor(mine, channel = globalThis.BroadcastChannel && new BroadcastChannel(NAME)) {
    this.channel = channel;
    this.heard = () => {};
    channel?.addEventListener("message", ({ data: { asks, has } }) => {
      if (asks && asks === mine()) channel.postMessage({ has: asks });
      else if (has) this.heard(has);
    });
  }

  /** Whether another tab works in a session. */
  taken(session) {
    if (!session || !this.channel) return Promise.resolve(false);
    return new Promise((done) => {
      this.heard = (other) => { if (other === session) done(true); };
      this.channel.postMessage({ asks: session });
      setTimeout(() => done(false), ANSWER_MS);
    });
  }
}
