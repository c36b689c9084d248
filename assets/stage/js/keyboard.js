// Keys become commands (keys.js), commands become acts.

import { commandOf, HELD, ownsKey } from "./keys.js";
import { say } from "./words.js";

const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const ZOOM = 1.4, TAU_STEP = 8, SHARE = 150;  // the crosshair steps by a 150th of the stage

export class Keyboard {
  constructor(app, root, parts) {
    Object.assign(this, { app, ...parts });
    const { stage, tau, rail, dialogs, opening, panel } = parts, { hand, overlay } = stage;
    const tool = (name) => () => app.setTool(name), zoom = (factor) => () => { app.view.zoomBy(factor); app.tell("view"); };
    const edit = (op) => () => app.edit({ op });
    this.acts = {
      click: () => this.#click("auto"), add: () => this.#click("add"), subtract: () => this.#click("subtract"),
      part: () => tau.stop("part"), object: () => tau.stop("object"), group: () => tau.stop("group"),
      tauUp: () => hand.turnTau(-TAU_STEP), tauDown: () => hand.turnTau(TAU_STEP), next: () => this.#next(),
      letGo: () => this.#letGo(), remove: () => this.#remove(),
      point: tool("point"), box: tool("box"), brush: tool("brush"), eraser: tool("eraser"), dropper: tool("dropper"),
      smaller: () => rail.resize(1 / 1.2), larger: () => rail.resize(1.2),
      before: (on) => stage.showBefore(on), split: () => stage.toggleSplit(),
      pan: (on) => { hand.space = on; stage.surface.classList.toggle("panning", on); },
      fit: () => { app.view.fit(); app.tell("view"); }, full: () => { app.view.zoomBy(1 / app.view.zoom); app.tell("view"); },
      zoomIn: zoom(ZOOM), zoomOut: zoom(1 / ZOOM),
      outlines: () => { overlay.shown = !overlay.shown; app.tell("draw"); },
      undo: () => (hand.changing ? hand.cancel() : app.edit({ op: "undo" })), redo: edit("redo"), open: () => opening.ask(), export: () => dialogs.export.open(),
      color: () => { panel.text.focus(); panel.text.select(); }, help: () => dialogs.help.open(),
    };
    document.addEventListener("keydown", (event) => this.#down(event, root));
    document.addEventListener("keyup", (event) => this.#up(event));
    root.addEventListener("focusin", (event) => { this.last = event.target; });
    app.on("state", () => queueMicrotask(() => this.#keepFocus(root.activeElement)));
    addEventListener("blur", () => { for (const command of HELD) this.acts[command](false); });
  }

  #down(event, root) {
    const focused = root.activeElement;
    if (root.querySelector("dialog[open]") || event.isComposing || ownsKey(focused, event)) return;
    const command = commandOf(event);
    if (!command) return;
    if (command === "crosshair") return this.#move(event, focused);
    if (command === "click" && focused !== this.stage.surface) return;
    event.preventDefault();
    if (event.repeat && (HELD.has(command) || !["tauUp", "tauDown", "smaller", "larger", "undo", "redo", "zoomIn", "zoomOut"].includes(command))) return;
    this.acts[command](true);
  }

  /** A button that a state turned off under the focus gives it to the one beside it, or to the photo. */
  #keepFocus(focused) {
    const { last } = this;
    if (!last?.disabled || (focused && focused !== last)) return;
    const beside = [last.nextElementSibling, last.previousElementSibling];
    const next = beside.find((part) => part?.matches("button:not(:disabled)"));
    if (next) next.focus();
    else this.app.tell("home");
  }

  #up(event) {
    const command = commandOf(event);
    if (HELD.has(command)) this.acts[command](false);
  }

  #move(event, focused) {
    if (focused !== this.stage.surface) return;
    const { overlay, hover } = this.stage, { view } = this.app;
    event.preventDefault();
    if (!this.app.state) return;
    const [dx, dy] = MOVES[event.key], far = event.shiftKey ? 10 : 1;
    const step = Math.max(1, Math.round(view.stage.width / SHARE / view.scale)) * far;
    const at = overlay.crosshair ?? this.#middle(), clamp = (v, side) => Math.min(Math.max(v, 0), side - 1);
    overlay.crosshair = { x: clamp(at.x + dx * step, view.width), y: clamp(at.y + dy * step, view.height) };
    const selection = this.stage.masks.at(overlay.crosshair);
    if (selection) hover.over(selection, overlay.crosshair, this.stage.masks.pathOf(selection.id));
    else hover.at(overlay.crosshair);
    this.app.tell("draw");
    clearTimeout(this.spoken);
    this.spoken = setTimeout(() => this.app.tell("say", this.#where(selection)), 400);
  }

  #where(selection) {
    const { now } = this.stage.hover, at = say("crosshair_at", this.stage.overlay.crosshair);
    return `${selection?.name ?? now?.proposal?.name ?? say("object")}, ${at}`;
  }

  #middle() {
    const { view } = this.app;
    return view.nearestPixel(view.stage.width / 2, view.stage.height / 2);
  }

  #click(mode) {
    const { overlay, hand } = this.stage;
    if (!this.app.state) return;
    overlay.crosshair ??= this.#middle();
    if (this.app.tool === "dropper") hand.pickPixel(overlay.crosshair);
    else hand.clickPixel(overlay.crosshair, mode);
  }

  #next() {
    this.app.edit(() => {
      const { selections, active, proposals } = this.app.state, k = selections.findIndex((s) => s.id === active);
      if (k + 1 < selections.length) return { op: "activate", id: selections[k + 1].id };
      if (proposals.length) return { op: "choose", proposal: proposals[0].id };
      return selections.length ? { op: "activate", id: selections[0].id } : null;
    });
  }

  /** Escape takes back what is going on, the nearest first. */
  #letGo() {
    const { overlay, hand } = this.stage, { app } = this;
    if (hand.gestures.current) return hand.cancel();
    if (app.tool !== "point") return app.setTool("point");
    if (overlay.crosshair) {
      overlay.crosshair = null;
      this.stage.hover.leave();
      return app.tell("draw");
    }
    return hand.letGo();
  }

  #remove() {
    this.app.editActive(({ id, locked }) => !locked && { op: "remove", id });
  }
}
