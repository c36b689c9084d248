// One toast over an intact page; a line of progress for what takes longer than a moment; and what a
// screen reader is told.

import { button, h, icon, set } from "./dom.js";
import { percent } from "./objects.js";
import { say } from "./words.js";

const SHOWN_MS = 9000;

export class Notices {
  constructor(app) {
    this.app = app;
    this.toast = h("div", { class: "toast", hidden: true });
    // in the top layer where there is one: over an open dialog too
    this.alert = h("div", { role: "alert", class: "toasts", popover: "manual" }, this.toast);
    this.progress = h("div", { class: "progress", role: "status", hidden: true, popover: "manual" }, h("i", {}), h("span", {}));
    this.live = h("div", { class: "sr-only", "aria-live": "polite", role: "log" });
    this.element = h("div", { class: "notices" }, this.alert, this.progress, this.live);
    this.jobs = [];
    app.on("fail", (text) => this.show(text, true));
    app.on("note", (text) => this.show(text, false));
    app.on("say", (text) => this.say(text));
    app.on("hush", () => this.hide());  // tried anew: what was told of the try before is old
    app.on("busy", (change) => this.#busy(change));
    app.on("fields", () => this.#ready());
    app.on("state", () => { if (!this.moving) this.#selected(); });
    app.on("tau", () => { this.moving = true; });  // what is dragged is told when it is there
    app.on("taudone", () => { this.moving = false; this.#selected(); });
  }

  /** @param fault something did not work; else what is told is good to know, and looks like it. */
  show(text, fault) {
    clearTimeout(this.timer);
    set(this.alert, { role: fault ? "alert" : null });
    if (!fault) this.say(text);
    this.toast.replaceChildren(...fault ? [icon("fault")] : [], h("span", { text }), button(say("dismiss"), "close", () => {
      this.hide();
      if (!this.alert.getRootNode().querySelector("dialog[open]")) this.app.tell("home");
    }));
    this.toast.hidden = false;
    this.alert.hidePopover?.();
    this.alert.showPopover?.();
    this.timer = setTimeout(() => this.hide(), SHOWN_MS);
  }

  hide() {
    clearTimeout(this.timer);
    this.toast.hidden = true;
    this.alert.hidePopover?.();
    this.toast.replaceChildren();
  }

  say(text) {
    if (!text || text === this.last) return;
    this.last = text;
    this.live.append(h("p", { text }));
    while (this.live.children.length > 4) this.live.firstChild.remove();
  }

  #busy({ job, on }) {
    this.jobs = on ? [...this.jobs, job] : this.jobs.filter((other) => other !== job);
    this.progress.hidden = !this.jobs.length;
    if (on) { this.progress.hidePopover?.(); this.progress.showPopover?.(); }
    const text = this.jobs.at(-1)?.text ?? "";
    this.progress.lastChild.textContent = text;
  }

  #ready() {
    const { photo, proposals } = this.app.state;
    this.say(say("ready", { ...photo, count: proposals.length }));
  }

  #selected() {
    const { active, state } = this.app;
    if (active === null) {
      if (this.id !== undefined && this.id !== null) this.say(say("released"));
      this.id = null;
      return;
    }
    this.id = active.id;
    const { name, hex, delta_e: delta } = active, share = percent(active.area, state.photo);
    const told = [say("selected", { name, share })];
    if (hex) told.push(say("recolored", { name, color: active.style?.color ?? hex, delta: delta?.median?.toFixed?.(1) ?? "?" }));
    this.say(active.summary || told.join("; "));
  }
}
