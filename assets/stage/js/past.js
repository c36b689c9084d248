// The history list, and the "why" view.

import { Api } from "./api.js";
import { h, refill, set } from "./dom.js";
import { say } from "./words.js";

export class Past {
  constructor(app) {
    this.app = app;
    this.list = h("ol", { class: "past" });
    this.element = h("div", { class: "pane history scroll", tabIndex: 0, "aria-label": say("history") }, this.list);
    app.on("state", () => this.#follow());
  }

  #follow() {
    const { history, step } = this.app.state, text = JSON.stringify([history, step]);
    if (text === this.shown) return;
    this.shown = text;
    refill(this.list, history.map((label, k) => h("li", {}, h("button", { type: "button", text: label,
      class: k > step ? "ahead" : "", "aria-current": k === step ? "step" : null,
      onclick: () => this.app.edit(() => this.app.state.history[k] === label && { op: "goto", step: k }) }))));
    this.list.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  }
}

const VIEWS = ["off", "seediness", "pca", "seeds", "distance"];

/** What the network saw, laid over the photo. */
export class Why {
  constructor(app, stage) {
    Object.assign(this, { app, stage });
    const name = `why-${Math.random().toString(36).slice(2)}`;
    this.inputs = VIEWS.map((what) => h("input", { type: "radio", name, value: what, checked: what === "off",
      onchange: () => this.show(what) }));
    this.hint = h("p", { class: "note", "aria-live": "polite", text: say("why_hint_off") });
    this.element = h("div", { class: "pane why" }, this.hint,
      h("div", { role: "radiogroup", "aria-label": say("why") },
        ...VIEWS.map((what, k) => h("label", { class: "check" }, this.inputs[k], say(`why_${what}`)))));
    this.what = "off";
    app.on("photo", () => { this.inputs[0].checked = true; this.show("off"); });
    app.on("draw", () => { if (this.what === "distance") this.#fetch(); });
  }

  show(what) {
    this.what = what;
    this.shown = null;  // of another view, or of another photo
    this.hint.textContent = say(`why_hint_${what}`);
    if (what === "off") return this.stage.explain(null);
    return this.#fetch();
  }

  async #fetch() {
    const { what, app } = this, at = what === "distance" ? this.stage.hover.now?.pixel ?? this.last : null;
    if (what === "distance" && !at) return;
    const place = at ? `${at.x},${at.y}` : "";
    if (this.busy || (this.shown === what + place)) return;
    this.last = at;
    this.busy = true;
    const done = app.busy(say("busy_network"));
    try {
      await app.settled;
      const bitmap = await app.again(() => app.api.bitmap(`explain${Api.query({ what, x: at?.x, y: at?.y })}`));
      this.shown = what + place;
      if (this.what === what) this.stage.explain(bitmap);
    } catch (error) {
      app.fail(error);
      set(this.inputs[0], { checked: true });
      this.show("off");
    } finally {
      done();
      this.busy = false;
    }
    if (this.what !== "off" && this.what !== what) this.#fetch();
  }
}
