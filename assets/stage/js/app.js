// What the page knows and may ask for. Parts listen: "photo", "state", "fields", "tool", "busy",
// "drawn" (a mask that came with a state), "frame" (pixels changed), "draw" (something on top changed).

import { Api, Refused } from "./api.js";
import { Edits } from "./edits.js";
import { Fields } from "./fields.js";
import { shownFrame } from "./dom.js";
import { keepPhoto, keepSample, keepWork, lastPhoto, photoOf, tabSession, workOf } from "./keep.js";
import { Rescue } from "./rescue.js";
import { Guard } from "./sequence.js";
import { Tabs } from "./tabs.js";
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
    this.opening = 0;
    this.rescue = new Rescue(this);
    this.tabs = new Tabs(() => this.api.session);
  }

  tell(name, detail) { this.dispatchEvent(new CustomEvent(name, { detail })); }

  on(name, act) { this.addEventListener(name, (event) => act(event.detail)); }

  get active() { return this.state?.selections.find((s) => s.id === this.state.active) ?? null; }

  get ready() { return Boolean(this.fields); }

  /** A session and a photo: what the hand brings meanwhile waits, and comes before what was there. */
  async begin() {
    this.begun = this.#session();
    if (await this.begun || await this.#restore() || this.brought) return;
    await this.#openSample(this.about.samples[0]?.id);
  }

  /**
   * The tab's own session, or a new one; in a duplicated tab, which has its sister's, a new one too.
   *
   * @returns whether its photo is on the stage.
   */
  async #session() {
    const known = tabSession.get();
    const [about, taken] = await Promise.all([this.api.json("session", {}), this.tabs.taken(known)]);
    this.about = about;
    this.api.session = taken ? null : known;
    if (this.api.session && await this.#resume()) return true;
    this.api.session = this.about.session;
    tabSession.set(this.api.session);
    return false;
  }

  /** The server still has this tab's work. */
  async #resume() {
    try {
      const state = await this.api.json("state");
      if (!state.photo) return false;
      this.#arrived(state);
      return true;
    } catch (error) {
      if (error instanceof Refused && error.status >= 400 && error.status < 500) return false;
      throw error;
    }
  }

  /** The server forgot; the browser did not. */
  async #restore() {
    const last = await lastPhoto();
    if (!last) return false;
    const kept = last.sample ? null : await photoOf(last.digest);
    if ((!last.sample && !kept) || this.brought) return false;
    return last.sample ? this.#openSample(last.sample) : this.#openFile(kept.blob, kept.name);
  }

  openSample(id) {
    this.brought = true;
    return this.#openSample(id);
  }

  #openSample(id) {
    return id === undefined ? this.tell("empty") : this.#open(`sample/${encodeURIComponent(id)}`, null, id);
  }

  /** @returns whether the photo is on the stage. */
  async open(blob, name) {
    this.brought = true;
    try {
      await this.begun;
    } catch (error) {
      this.fail(error, name);
      return false;
    }
    return this.#openFile(blob, name);
  }

  #openFile(blob, name) {
    const { megabytes } = this.about.limits;
    if (megabytes && blob.size > megabytes * 2 ** 20) {
      this.fail(new Refused(413, "size", say("error_size", { name, megabytes })));
      return Promise.resolve(false);
    }
    return this.#open(`photo${Api.query({ name })}`, blob, name);
  }

  /** A photo that the server has; `blob` is kept for another day, `work` done to it if nothing is yet. */
  openOf(path, { name, blob, work }) { return this.#open(path, null, name, { kept: blob, work }); }

  async #open(path, blob, name, { kept = blob, work: given = null } = {}) {
    const turn = ++this.opening, done = this.busy(say("busy_upload", { name }));
    this.coming?.abort();  // the last photo that was asked for is the one that is meant
    const coming = this.coming = new AbortController();
    try {
      const state = await this.api.send(path, blob ?? new Blob(), coming.signal);
      if (turn !== this.opening) return false;
      this.coming = null;
      this.sample = path.startsWith("sample/") ? name : undefined;
      if (kept) keepPhoto(state.photo.digest, name, kept);
      else if (this.sample !== undefined) keepSample(state.photo.digest, name);
      this.#arrived(state);
      const work = state.selections.length ? null : await workOf(state.photo.digest) ?? given;
      if (work && turn === this.opening) await this.#replay(work);
      return true;
    } catch (error) {
      if (turn !== this.opening) return false;
      if (await this.rescue.helped(error, () => this.rescue.anew())) return this.#open(path, blob, name, { kept, work: given });
      this.coming = null;
      this.fail(error, blob ? name : null);
      return false;
    } finally {
      done();
    }
  }

  /** What was done to this photo before comes back. */
  async #replay(work) {
    const done = this.busy(say("busy_restore")), { laid } = this;
    try {
      await this.settled;
      if (laid !== this.laid) return;
      this.#show(await this.api.send("import", JSON.stringify(work)));
    } catch (error) {
      if (error.code !== "recipe") this.fail(error);
    } finally {
      done();
    }
  }

  /** A photo is on the stage: show it, follow its analysis. */
  #arrived(state) {
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
   * @param key edits with the same key that still wait are replaced by the newest.
   */
  edit(op, { key = "", slow = null } = {}) {
    if (!this.state) return Promise.resolve(null);
    this.tell("edit", op);
    return this.edits.during(this.#edit(op, key, slow));
  }

  async #edit(op, key, slow) {
    const { laid } = this, done = slow ? this.busy(slow) : () => {};
    try {
      await this.settled;  // a click during the analysis counts: it waits
      if (laid !== this.laid) return null;
      const answer = await this.edits.post(op, key);
      if (answer && laid === this.laid) await this.#show(answer.state, answer);
      return answer?.state ?? null;
    } catch (error) {
      if (laid !== this.laid) return null;
      if (await this.#lost(error)) return this.#edit(op, key, slow);
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

  /** A recipe or a mask from a file. */
  importFile(blob, name) { return this.#sendFile(`import${Api.query({ name })}`, blob, name, say("busy_restore")); }

  /** A selection is printed with a picture. */
  printPattern(id, file) { return this.#sendFile(`pattern/${id}`, file, file.name, say("busy_paint")); }

  async #sendFile(path, blob, name, slow) {
    const done = this.busy(slow);
    try {
      await this.begun;
      this.#show(await this.again(() => this.api.send(path, blob)));
    } catch (error) {
      this.fail(error, name);
    } finally {
      done();
    }
  }

  /** Whether an error was a loss, and what was lost is there again. */
  #lost(error) { return this.coming ? false : this.rescue.helped(error); }

  /** `act`, and once more where the server had put the photo aside. */
  again(act) { return this.coming ? act() : this.rescue.again(act); }

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
    if (error.name === "AbortError" || (this.coming && error.code === "gone")) return;  // of the photo before
    const told = error.code === "offline" ? say("error_offline") : error.message || say("error_unknown");
    const message = error instanceof Refused ? told : say("error_unknown");
    this.tell("fail", name && !message.includes(name) ? say("error_file", { name, message }) : message);
    if (!(error instanceof Refused)) console.error(error);
  }

  /** Says so if something takes longer than a moment; call the answer when it is over. */
  busy(text) {
    let shown = false;
    const job = { text };
    const timer = setTimeout(() => { shown = true; this.tell("busy", { job, on: true }); }, BUSY_MS);
    return () => {
      clearTimeout(timer);
      if (shown) this.tell("busy", { job, on: false });
      shown = false;
    };
  }
}
