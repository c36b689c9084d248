// From pointers to intentions: click, box, tau, stroke, pan, pinch. No DOM in here.

export const SLOP = 5;  // CSS pixels that a hand may shake without dragging
const FINGER_SLOP = 10;
const DOUBLE_MS = 380;
const RUBBER = 5;  // PointerEvent.button of a pen's other end

/**
 * Feed it pointer events; it answers with what they mean.
 *
 * `context` tells it, at each press: tool ("point", "add", "subtract", "box", "brush", "eraser",
 * "dropper"), space (held), grips(x, y): whether a sideways drag from there moves tau.
 */
export class Gestures {
  constructor(context) {
    this.context = context;
    this.pointers = new Map();
    this.current = null;
    this.lastClick = null;
  }

  /** {id, x, y, button, kind: "mouse"|"pen"|"touch", shift, alt, time} -> actions. */
  down(event) {
    this.pointers.set(event.id, event);
    if (this.pointers.size === 2) {
      const ended = this.#abandon();
      this.current = { kind: "pinch", ...this.#spread() };
      return ended;
    }
    if (this.pointers.size > 2 || this.current) return [];
    const { tool, space } = this.context();
    const pans = event.button === 1 || (space && event.button === 0);
    if (pans) this.current = { kind: "pan", id: event.id, from: event, moved: true };
    else if ([0, 2, RUBBER].includes(event.button)) this.current = this.#pressed(event, tool);
    if (this.current?.kind === "stroke") return [this.#stroke("start", event)];
    return [];
  }

  #pressed(event, tool) {
    const mode = modeOf(event, tool);
    if (tool === "brush" || tool === "eraser") {
      const other = event.alt || event.button === 2;
      return { kind: "stroke", id: event.id, from: event, erase: rubs(event) || (tool === "eraser") !== other };
    }
    return { kind: "press", id: event.id, from: event, mode, tool, erase: rubs(event) };
  }

  move(event) {
    if (this.pointers.has(event.id)) this.pointers.set(event.id, event);
    const { current } = this;
    if (!current) return [{ do: "hover", ...spot(event), mode: modeOf(event, this.context().tool) }];
    if (current.kind === "pinch") return this.#pinch();
    if (event.id !== current.id) return [];
    if (current.kind === "press") return this.#begin(event);
    return this.#drag(event);
  }

  /** A press that moves becomes a drag, of a kind that is decided once. */
  #begin(event) {
    const { current } = this, { from } = current;
    const dx = event.x - from.x, dy = event.y - from.y;
    if (Math.hypot(dx, dy) < slopOf(event)) return [];
    if (current.tool === "dropper") return [];  // the color where the hand lets go counts
    current.kind = this.#kindOf(current, dx, dy);
    if (current.kind === "pan") return this.#drag(event);
    if (current.kind === "stroke") return [this.#stroke("start", from), ...this.#drag(event)];
    return [{ do: current.kind, phase: "start", from: spot(from), mode: current.mode },
      ...this.#drag(event)];
  }

  #kindOf({ from, mode, tool }, dx, dy) {
    if (rubs(from)) return "stroke";
    if (tool === "box") return "box";
    const sideways = Math.abs(dx) > Math.abs(dy);
    if (mode === "auto" && sideways && this.context().grips(from.x, from.y)) return "tau";
    return from.kind === "touch" ? "pan" : "box";
  }

  #drag(event) {
    const { current } = this, last = current.last ?? current.from;
    current.last = event;
    if (current.kind === "pan") return [{ do: "pan", dx: event.x - last.x, dy: event.y - last.y }];
    if (current.kind === "stroke") return [this.#stroke("move", event)];
    return [{ do: current.kind, phase: "move", ...spot(event), dx: event.x - current.from.x,
      from: spot(current.from), mode: current.mode }];
  }

  up(event) {
    this.pointers.delete(event.id);
    const { current } = this;
    if (current?.kind === "pinch") {
      if (!this.pointers.size) this.current = null;
      return [];
    }
    if (!current || event.id !== current.id) return [];
    this.current = null;
    if (current.kind === "press") return [this.#click(event, current)];
    if (current.kind === "stroke") return [this.#stroke("end", event, current)];
    if (current.kind === "pan") return [];
    return [{ do: current.kind, phase: "end", ...spot(event), dx: event.x - current.from.x,
      from: spot(current.from), mode: current.mode }];
  }

  /** The browser took the pointer away, or Escape was pressed. */
  cancel() {
    this.pointers.clear();
    return this.#abandon();
  }

  #abandon() {
    const { current } = this;
    this.current = null;
    return ["box", "tau", "stroke"].includes(current?.kind) ? [{ do: current.kind, phase: "cancel" }] : [];
  }

  #click(event, { from, mode, tool }) {
    const { lastClick } = this, at = spot(from);
    if (tool === "dropper") return { do: "pick", ...spot(event) };
    const again = lastClick && event.time - lastClick.time < DOUBLE_MS && mode === "auto" &&
      Math.hypot(at.x - lastClick.x, at.y - lastClick.y) < 2 * slopOf(from);
    this.lastClick = again ? null : { ...at, time: event.time };
    return { do: "click", ...at, mode: again ? "part" : mode, kind: from.kind };
  }

  #stroke(phase, event, current = this.current) {
    return { do: "stroke", phase, ...spot(event), erase: current.erase };
  }

  #spread() {
    const [a, b] = [...this.pointers.values()];
    return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, apart: Math.max(1, Math.hypot(a.x - b.x, a.y - b.y)) };
  }

  #pinch() {
    if (this.pointers.size < 2) return [];
    const before = this.current, now = this.#spread();
    this.current = { kind: "pinch", ...now };
    return [{ do: "pinch", factor: now.apart / before.apart, x: now.x, y: now.y,
      dx: now.x - before.x, dy: now.y - before.y }];
  }
}

const spot = ({ x, y }) => ({ x, y });

const rubs = ({ button }) => button === RUBBER;

const slopOf = ({ kind }) => (kind === "touch" ? FINGER_SLOP : SLOP);

/** What a click means: the keys that are held count more than the tool. */
function modeOf({ shift, alt, button }, tool) {
  if (alt || button === 2 || button === RUBBER) return "subtract";
  if (shift) return "add";
  return tool === "add" || tool === "subtract" ? tool : "auto";
}
