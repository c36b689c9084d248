// Order on an unreliable line: what is sent, and which answer may be shown.

/** Lets an answer through only if it is newer than every one before it. */
export class Guard {
  constructor() { this.newest = -1; }

  /** Whether the answer to request `seq` may be shown; remembers it if so. */
  admit(seq) {
    if (seq < this.newest) return false;
    this.newest = seq;
    return true;
  }
}

/**
 * Sends one thing at a time, in order. A thing with a `key` takes the place of a waiting one with
 * the same key: a drag that is faster than the line skips values and never the last one.
 */
export class Outbox {
  /** @param send async (thing) => answer; @param took (thing, answer), called before the next is sent. */
  constructor(send, took = () => {}) {
    Object.assign(this, { send, took });
    this.waiting = [];
    this.busy = false;
  }

  /** @returns a promise of the answer; of null where a newer thing took the place. */
  post(thing, key = "") {
    return new Promise((resolve, reject) => {
      const last = this.waiting.at(-1);
      if (key && last?.key === key) {
        last.resolve(null);
        this.waiting.pop();
      }
      this.waiting.push({ thing, key, resolve, reject });
      this.#next();
    });
  }

  get idle() { return !this.busy && !this.waiting.length; }

  async #next() {
    if (this.busy || !this.waiting.length) return;
    const { thing, resolve, reject } = this.waiting.shift();
    this.busy = true;
    try {
      const answer = await this.send(thing);
      this.busy = false;
      this.took(thing, answer);
      resolve(answer);
    } catch (error) {
      this.busy = false;
      reject(error);
      if (error.code === "offline") for (const later of this.waiting.splice(0)) later.reject(error);
    }
    this.#next();
  }
}

/** Runs the newest asked-for job, one at a time: those between are skipped. */
export class Latest {
  constructor() { this.box = new Outbox((job) => job()); }

  run(job) { return this.box.post(job, "latest"); }
}
