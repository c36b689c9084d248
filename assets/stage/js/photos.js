// How a photo comes onto the stage: with the tab's session, from what the browser kept, as a sample or
// a file. The last one that was asked for is the one that is meant.

import { Api, Refused } from "./api.js";
import { keepPhoto, keepSample, lastPhoto, photoOf, tabSession, workOf } from "./keep.js";
import { Tabs } from "./tabs.js";
import { say } from "./words.js";

export class Photos {
  constructor(app) {
    this.app = app;
    this.opening = 0;
    this.tabs = new Tabs(() => app.api.session);
  }

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
    const { api } = this.app, known = tabSession.get();
    const [about, taken] = await Promise.all([api.json("session", {}), this.tabs.taken(known)]);
    this.about = about;
    api.session = taken ? null : known;
    if (api.session && await this.#resume()) return true;
    this.#inNew(about);
    return false;
  }

  #inNew(about) {
    this.about = about;
    this.app.api.session = about.session;
    tabSession.set(about.session);
  }

  /** A new session, empty. */
  async anew() {
    this.#inNew(await this.app.api.json("session", {}));
    return true;
  }

  /** The server still has this tab's work. */
  async #resume() {
    try {
      const state = await this.app.api.json("state");
      if (!state.photo) return false;
      this.app.lay(state);
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
    this.app.tell("hush");
    return this.#openSample(id);
  }

  #openSample(id) {
    return id === undefined ? this.app.tell("empty") : this.#open(`sample/${encodeURIComponent(id)}`, null, id);
  }

  /** @returns whether the photo is on the stage. */
  async open(blob, name) {
    this.brought = true;
    try {
      await this.begun;
    } catch (error) {
      this.app.fail(error, name);
      return false;
    }
    return this.#openFile(blob, name);
  }

  #openFile(blob, name) {
    const { megabytes } = this.about.limits;
    if (megabytes && blob.size > megabytes * 2 ** 20) {
      this.app.fail(new Refused(413, "size", say("error_size", { name, megabytes })));
      return Promise.resolve(false);
    }
    return this.#open(`photo${Api.query({ name })}`, blob, name);
  }

  /** A photo that the server has; `blob` is kept for another day, `work` done to it if nothing is yet. */
  openOf(path, { name, blob, work }) { return this.#open(path, null, name, { kept: blob, work }); }

  async #open(path, blob, name, { kept = blob, work: given = null } = {}) {
    const { app } = this, turn = ++this.opening, done = app.busy(say("busy_upload", { name }));
    this.coming?.abort();
    const coming = this.coming = new AbortController();
    try {
      const state = await app.api.send(path, blob ?? new Blob(), coming.signal);
      if (turn !== this.opening) return false;
      this.coming = null;
      this.sample = path.startsWith("sample/") ? name : undefined;
      if (kept) keepPhoto(state.photo.digest, name, kept);
      else if (this.sample !== undefined) keepSample(state.photo.digest, name);
      app.lay(state);
      const work = state.selections.length ? null : await workOf(state.photo.digest) ?? given;
      if (work && turn === this.opening) await app.replay(work);
      return true;
    } catch (error) {
      if (turn !== this.opening) return false;
      if (await app.rescue.helped(error, () => this.anew())) return this.#open(path, blob, name, { kept, work: given });
      this.coming = null;
      app.fail(error, blob ? name : null);
      return false;
    } finally {
      done();
    }
  }
}
