// What the page knows and may ask for. Parts listen: "photo", "state", "fields", "tool", "busy",
// "drawn" (a mask that came with a state), "frame" (pixels changed), "draw" (something on top changed),
// "hush" (the notice that is shown is old).

import { Api, Refused } from "./api.js";
import { Edits } from "./edits.js";
import { Fields } from "./fields.js";
import { shownFrame } from "./dom.js";
import { keepWork } from "./keep.js";
import { Photos } from "./photos.js";
import { Rescue } from "./rescue.js";
import { Guard } from "./sequence.js";
import { View } from "./view.js";
import { say } from "./words.js";

const KEEP_MS = 150, BUSY_MS = 300;

export class App extends EventTarget {
  constructor(base, language) {
    super();
    this.api = new Api(base, language);
    this.view = new View();
    this.state = null;
    this.fields = null;
    this.tool = "point";
    this.brush = 24;  // radius, CSS pixels
    this.guard = new Guard();
    this.edits = new Edits(this.api, { lost: (error) => this.#lost(error),
      show: (state) => { if (state.photo.digest === this.state.photo.digest) this.#show(state); },
      waiting: () => this.busy(say("busy_offline")) });
    this.photos = new Photos(this);
    this.rescue = new Rescue(this);
  }

  tell(name, detail) { this.dispatchEvent(new CustomEvent(name, { detail })); }

  on(name, act) { this.addEventListener(name, (event) => act(event.detail)); }

  get active() { return this.state?.selections.find((s) => s.id === this.state.active) ?? null; }

  get ready() { return Boolean(this.fields); }

  /** A photo is on the stage: show it, follow its analysis. */
  lay(state) {
    this.laid = {};  // what is under way for the photo before it is of no use any more
    this.api.photo = state.photo.digest;
    this.guard = new Guard();
    this.fields = null;
    this.view.setPhoto(state.photo.width, state.photo.height);
    this.state = state;
    this.tell("photo");
    this.tell("state");
    this.settled = this.#follow();
  }

  async #follow() {
    const { laid } = this;
    let done = null;
    try {
      for (let phase = this.state.phase; phase !== "ready"; phase = this.state.phase) {
        done?.();
        done = this.busy(say(`busy_${phase}`));
        const state = await this.api.json(`state${Api.query({ after: phase })}`);
        if (laid !== this.laid) return;
        this.state = state;
        this.tell("state");
      }
      const fields = await this.api.arrays(`fields${Api.query({ v: this.state.photo.digest })}`);
      if (laid !== this.laid) return;
      this.fields = new Fields(fields);
      this.tell("fields");
    } catch (error) {
      if (laid !== this.laid) return;
      if (await this.#lost(error)) return this.#follow();
      this.fail(error);
    } finally {
      done?.();
    }
  }

  /**
   * One edit. The answer is shown only if it is newer than what is shown.
   *
   * @param op what is sent; or a function that is asked for it when its turn has come, of what is so
   *   then: the answers to all edits before it are there. Nothing is sent for null.
   * @param key edits with the same key that still wait are replaced by the newest.
   */
  edit(op, { key = "", slow = null } = {}) {
    if (!this.state) return Promise.resolve(null);
    this.tell("edit");
    return this.edits.during(this.#edit(typeof op === "function" ? op : () => op, key, slow));
  }

  /** An edit of what is active when its turn has come: a click before it counts, answered or not. */
  editActive(make, options) { return this.edit(() => this.active && make(this.active), options); }

  async #edit(make, key, slow) {
    const { laid } = this, done = slow ? this.busy(slow) : () => {}, here = () => laid === this.laid;
    let shown = null;
    try {
      await this.settled;  // a click during the analysis counts: it waits
      const answer = await this.edits.post(() => (here() ? make() : null), key,
        (came) => { if (here()) shown = this.#show(came.state, came); });
      await shown;
      return answer?.state ?? null;
    } catch (error) {
      if (!here()) return null;
      if (await this.#lost(error)) return this.#edit(make, key, slow);
      this.fail(error);
      this.tell("state");  // what a control promised is not so
      return null;
    } finally {
      done();
    }
  }

  /**
   * @param drawn the mask of selection `drawn.of`, where the answer brought it along: it is what the
   *   hand waits for, so lists and panels come after the frame that shows it.
   */
  async #show(state, drawn = null) {
    if (!this.guard.admit(state.seq ?? 0)) return;
    const { laid } = this, turned = state.photo.digest !== this.state.photo.digest;
    this.state = state;
    if (state.phase !== "ready" && this.fields && !turned) {  // another quality
      this.fields = null;
      this.settled = this.#follow();
    }
    if (drawn?.mask) {
      this.tell("drawn", drawn);
      await shownFrame();
      if (laid !== this.laid) return;
    }
    this.tell("state");
    this.#keepSoon();
  }

  /** What was done to this photo before comes back. */
  async replay(work) {
    const done = this.busy(say("busy_restore")), { laid } = this;
    try {
      await this.settled;
      if (laid !== this.laid) return;
      const state = await this.redone(work);
      if (state && laid === this.laid) this.#show(state);
    } catch (error) {
      this.fail(error);
    } finally {
      done();
    }
  }

  /** The state with kept work; null where the server does not take it, which is told: other weights, say. */
  async redone(work) {
    try {
      return await this.api.send("import", JSON.stringify(work));
    } catch (error) {
      if (error.code !== "recipe") throw error;
      this.fail(new Refused(error.status, "work", say("error_work", error)));
      return null;
    }
  }

  /** A recipe or a mask from a file. */
  importFile(blob, name) { return this.#sendFile(`import${Api.query({ name })}`, blob, name, say("busy_restore")); }

  /** A selection is printed with a picture. */
  printPattern(id, file) { return this.#sendFile(`pattern/${id}`, file, file.name, say("busy_paint")); }

  async #sendFile(path, blob, name, slow) {
    const done = this.busy(slow);
    try {
      await this.photos.begun;
      await this.settled;
      const { laid } = this, state = await this.again(() => this.api.send(path, blob));
      if (laid === this.laid) this.#show(state);
    } catch (error) {
      this.fail(error, name);
    } finally {
      done();
    }
  }

  /** Whether an error was a loss, and what was lost is there again. */
  #lost(error) { return this.photos.coming ? false : this.rescue.helped(error); }

  /** `act`, and once more where the server had put the photo aside. */
  again(act) { return this.photos.coming ? act() : this.rescue.again(act); }

  /** Another session's state of the same photo: what was shown before is older. */
  showAnew(state) {
    this.guard = new Guard();
    this.#show(state);
  }

  #keepSoon() {
    clearTimeout(this.keeping);
    this.keeping = setTimeout(async () => {
      const { digest } = this.state.photo;
      try {
        const work = await this.api.json("work");
        if (digest === this.state.photo.digest) keepWork(digest, work);
      } catch { /* the next edit tries again */ }
    }, KEEP_MS);
  }

  setTool(tool) {
    this.tool = tool;
    this.tell("tool");
  }

  fail(error, name = null) {
    if (error.told || error.name === "AbortError" || (this.photos.coming && error.code === "gone")) return;  // of the photo before
    const told = error.code === "offline" ? say("error_offline") : error.message || say("error_unknown");
    const message = error instanceof Refused ? told : say("error_unknown");
    this.tell("fail", name && !message.includes(name.slice(0, 60)) ? say("error_file", { name, message }) : message);
    if (!(error instanceof Refused)) console.error(error);
  }

  /** Says so if something takes longer than a moment; call the answer when it is over. */
  busy(text, after = BUSY_MS) {
    let shown = false;
    const job = { text };
    const timer = setTimeout(() => { shown = true; this.tell("busy", { job, on: true }); }, after);
    return () => {
      clearTimeout(timer);
      if (shown) this.tell("busy", { job, on: false });
      shown = false;
    };
  }
}
