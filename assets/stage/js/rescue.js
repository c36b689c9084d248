// The server put a session aside, was started anew, or has another photo than the one that is seen:
// the photo that is seen and the work on it are brought back, once for all who wait.

import { Api, Refused } from "./api.js";
import { lastPhoto, photoOf, workOf } from "./keep.js";
import { say } from "./words.js";

const PAUSE_MS = 2000;

export class Rescue {
  constructor(app) {
    this.app = app;
    this.triedAt = -PAUSE_MS;
    this.rescued = 0;
  }

  /** `act`, and once more where the server had lost what it is about. */
  async again(act) {
    const before = this.rescued;
    try {
      return await act();
    } catch (error) {
      const since = error.code === "gone" && this.rescued > before;  // lost before, told after it was brought back
      if (since || await this.helped(error)) return act();
      throw error;
    }
  }

  /** Whether an error was a loss, and what was lost is there again. */
  async helped(error, rescue = () => this.#bringBack()) {
    if (!(error instanceof Refused) || error.code !== "gone") return false;
    if (!this.running) {
      if (performance.now() < this.triedAt + PAUSE_MS) return false;  // it did not help
      this.triedAt = performance.now();
      this.running = this.#tried(rescue);
    }
    const helped = await this.running;
    error.told = !helped;
    return helped;
  }

  /** Whether it helped; why not is told once, for all who wait. */
  async #tried(rescue) {
    const done = this.app.busy(say("busy_restore"));
    try {
      const helped = await rescue();
      if (helped) this.rescued += 1;
      return helped;
    } catch (failed) {
      this.app.fail(failed);
      return false;
    } finally {
      done();
      this.running = null;
    }
  }

  /** The same photo and the same work: in the same session if the server knows it, else in a new one. */
  async #bringBack() {
    const { app, app: { api } } = this;
    if (!app.state) return app.photos.anew();
    const { digest } = app.state.photo, lay = await this.#layer(digest);
    let state = await lay().catch((error) => {
      if (error.code !== "gone") throw error;
      return app.photos.anew().then(lay);
    });
    while (state.phase !== "ready") state = await api.json(`state${Api.query({ after: state.phase })}`);
    const work = state.selections.length ? null : await workOf(digest);
    app.showAnew((work && await app.redone(work)) ?? state);
    return true;
  }

  /** What puts a photo on the server's desk: its file, or the sample that it is. */
  async #layer(digest) {
    const { api, photos: { sample } } = this.app, kept = await photoOf(digest), last = await lastPhoto();
    if (kept) return () => api.send(`photo${Api.query({ name: kept.name })}`, kept.blob);
    const id = sample ?? (last?.digest === digest ? last.sample : undefined);
    if (id === undefined) throw new Refused(0, "lost", say("error_gone_photo"));
    return () => api.send(`sample/${encodeURIComponent(id)}`, new Blob());
  }
}
