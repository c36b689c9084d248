// Edits on their way to the server: in order, sent again where the line drops them, and the whole
// state after a drag.

import { Outbox } from "./sequence.js";

const EXACT_MS = 150, AGAIN_MS = [300, 1000, 3000, 5000, 8000];

/** A while, or until the browser finds its line again. */
const pause = (ms) => new Promise((resolve) => {
  setTimeout(resolve, ms);
  addEventListener("online", resolve, { once: true });
});

export class Edits {
  /** @param waiting called when the server does not answer; its answer when that is over. */
  constructor(api, { show, lost, waiting }) {
    Object.assign(this, { api, show, lost, waiting });
    this.seq = Date.now() % 1e9 * 100;  // grows over reloads of one session too
    this.outbox = new Outbox((edit) => this.#send(edit), ({ take }, answer) => { if (answer) take(answer); });
  }

  get idle() { return this.outbox.idle; }

  /**
   * @param make () => what is sent, when its turn has come; null for nothing.
   * @param take called with the answer, before the turn of the next edit.
   * @returns the answer; null where nothing was sent, or a newer edit with the same key took the place.
   */
  post(make, key, take) {
    clearTimeout(this.rough);
    return this.outbox.post({ seq: ++this.seq, make, take }, key);
  }

  async #send({ seq, make }) {
    const op = make();
    if (!op) return null;
    try {
      return await this.#steady((again) => this.api.edit({ seq, ...op, ...again }));
    } finally {
      if (op.drag) this.#exactSoon();
    }
  }

  /** What is tried again says so: an edit that was done, and whose answer was lost, is not done twice. */
  async #steady(act) {
    let over = null;
    try {
      for (const after of AGAIN_MS) {
        try {
          return await act(over ? { again: true } : {});
        } catch (error) {
          if (error.code !== "offline") throw error;
        }
        over ??= this.waiting();
        await pause(after);
      }
      return await act({ again: true });
    } finally {
      over?.();
    }
  }

  /**
   * The answers to a drag's moves are quick and leave out what is measured. So the whole state is
   * asked for when no edit follows, whatever control was dragged, and however the hand let go.
   */
  #exactSoon() {
    clearTimeout(this.rough);
    const { session } = this.api;
    this.rough = setTimeout(async () => {
      if (!this.idle) return;  // the last answer comes here again, or is whole
      try {
        const state = await this.api.json("state");
        if (session === this.api.session) this.show(state);
      } catch (error) {
        this.lost(error);
      }
    }, EXACT_MS);
  }

  /** A promise of what an edit does, until which the hand is not still. */
  during(doing) {
    const done = doing.finally(() => { if (this.doing === done) this.doing = null; });
    this.doing = done;
    return done;
  }

  /** Nothing that the hand did is still on its way: what is active is what it sees. */
  async still() {
    while (this.doing) await this.doing;
  }
}
