// The slim bar on top, and the tools beside the photo.

import { button, h, set } from "./dom.js";
import { say } from "./words.js";

export class Bar {
  constructor(app, { opening, stage, dialogs }) {
    this.app = app;
    const edit = (op) => () => app.edit({ op });
    this.undo = button(say("undo"), "undo", edit("undo"), { disabled: true });
    this.redo = button(say("redo"), "redo", edit("redo"), { disabled: true });
    this.split = button(say("split"), "split", () => stage.toggleSplit(), { "aria-pressed": "false" });
    this.before = h("button", { type: "button", class: "hold", text: say("before"), title: say("before_hold"),
      onpointerdown: () => stage.showBefore(true), onpointerup: () => stage.showBefore(false),
      onpointerleave: () => stage.showBefore(false), onblur: () => stage.showBefore(false),
      onkeydown: (e) => { if (e.key === " " || e.key === "Enter") stage.showBefore(true); },
      onkeyup: () => stage.showBefore(false) });
    this.name = h("span", { class: "photo-name" });
    this.element = h("header", { class: "bar" },
      h("h1", { text: "dmlseg" }),
      button(say("open"), "open", () => opening.ask(), { text: true, class: "wide" }),
      button(say("samples"), "samples", () => dialogs.samples.open()),
      button(say("many"), "many", () => dialogs.many.open()),
      this.name, h("span", { class: "gap" }),
      this.before, this.split, h("span", { class: "rule" }), this.undo, this.redo, h("span", { class: "rule" }),
      button(say("help"), "help", () => dialogs.help.open(), { class: "help" }),
      button(say("export"), "export", () => dialogs.export.open(), { text: true, class: "primary" }));
    app.on("state", () => this.#follow());
    app.on("split", (on) => set(this.split, { "aria-pressed": String(on) }));
  }

  #follow() {
    const { state } = this.app;
    this.undo.disabled = !state.can_undo;
    this.redo.disabled = !state.can_redo;
    const { name, width, height, notes } = state.photo;
    this.name.replaceChildren(h("bdi", { text: name }), `  ${width} × ${height}`);
    this.name.title = [name, ...notes ?? []].join("\n");
  }
}

const TOOLS = ["point", "add", "subtract", "box", "brush", "eraser", "dropper"];

export class Rail {
  constructor(app) {
    this.app = app;
    this.buttons = TOOLS.map((tool) => button(say(`tool_${tool}`), tool, () => app.setTool(tool), { "aria-pressed": "false" }));
    this.size = h("input", { type: "range", min: 2, max: 150, value: app.brush, "aria-label": say("brush_size"),
      oninput: () => { app.brush = Number(this.size.value); } });
    this.sizer = h("div", { class: "sizer" }, this.size);
    this.element = h("section", { class: "rail", "aria-label": say("tools") },
      h("div", { class: "row", role: "toolbar", "aria-label": say("tools"), "aria-orientation": "vertical" }, ...this.buttons, this.sizer));
    app.on("tool", () => this.#follow());
    this.#follow();
  }

  #follow() {
    TOOLS.forEach((tool, k) => set(this.buttons[k], { "aria-pressed": String(tool === this.app.tool) }));
    const off = !["brush", "eraser"].includes(this.app.tool);
    this.size.disabled = off;
    this.sizer.classList.toggle("off", off);
  }

  resize(factor) {
    this.app.brush = Math.min(Math.max(this.app.brush * factor, 2), 150);
    this.size.value = this.app.brush;
    this.app.tell("draw");
  }
}
