// The list of instances: what is selected, topmost first, then what was found in the photo.

import { button, h, icon, set } from "./dom.js";
import { say } from "./words.js";

const THUMB = 60;  // pixels, twice what is shown

export class Objects {
  constructor(app, picture) {
    Object.assign(this, { app, picture });
    this.list = h("ul", { class: "list", role: "listbox", tabIndex: 0, "aria-label": say("instances"),
      onkeydown: (e) => this.#key(e) });
    this.empty = h("p", { class: "note empty", text: say("none_yet") });
    this.tools = this.#toolbar();
    this.element = h("div", { class: "pane objects" }, h("div", { class: "scroll" }, this.list, this.empty), this.tools);
    this.rows = new Map();  // key -> {text, row}: what did not change is not made again
    app.on("photo", () => this.rows.clear());
    for (const name of ["state", "fields"]) app.on(name, () => this.#follow());
    app.on("frame", () => { for (const canvas of this.list.querySelectorAll("canvas")) this.#cut(canvas); });
  }

  #toolbar() {
    const act = (op) => () => this.app.editActive(op);
    this.eye = button(say("hide"), "eye", act((s) => ({ op: "visible", id: s.id, on: s.visible === false })));
    this.lock = button(say("lock"), "lock", act((s) => ({ op: "lock", id: s.id, on: !s.locked })));
    this.up = button(say("up"), "up", () => this.#reorder(1));
    this.down = button(say("down"), "down", () => this.#reorder(-1));
    this.buttons = [this.eye, this.lock, this.up, this.down,
      button(say("rename"), "rename", () => this.#rename()),
      button(say("like"), "like", () => this.#like()),
      button(say("remove"), "remove", act((s) => ({ op: "remove", id: s.id })))];
    return h("div", { class: "tools", role: "toolbar", "aria-label": say("selected_object") }, ...this.buttons);
  }

  #follow() {
    const { state } = this.app, { selections, active } = state;
    const others = state.proposals.filter((p) => !selections.some((s) => same(p, s)));
    if (!this.naming) this.#fill([...selections].reverse(), others, active);
    const now = this.app.active;
    for (const part of this.buttons) part.disabled = !now;
    if (!now) return;
    const shown = now.visible !== false, k = selections.indexOf(now);
    this.#turn(this.eye, shown ? "hide" : "show", shown ? "eye" : "eyeOff", !shown);
    this.#turn(this.lock, now.locked ? "unlock" : "lock", now.locked ? "lock" : "unlock", Boolean(now.locked));
    this.up.disabled = k === selections.length - 1;
    this.down.disabled = k === 0;
    this.buttons.at(-2).disabled = !now.painted;
    this.buttons.at(-1).disabled = Boolean(now.locked);
  }

  #turn(part, word, picture, pressed) {
    set(part, { "aria-label": say(word), title: say(word), "aria-pressed": String(pressed) });
    part.replaceChildren(icon(picture));
  }

  #fill(selections, proposals, active) {
    const rows = new Map([
      ...selections.map((s) => this.#kept(`s${s.id}`, [s, s.id === active], () => this.#selection(s, s.id === active))),
      ...proposals.map((p) => this.#kept(`p${p.id}`, [p], () => this.#proposal(p)))]);
    this.rows = rows;
    const items = [...rows.values()].map(({ row }) => row), follows = active !== this.seen || this.#inSight();
    this.#list(items);
    this.empty.hidden = items.length > 0;
    this.list.hidden = !items.length;
    set(this.list, { "aria-activedescendant": active === null ? null : `instance-s${active}` });
    if (follows) this.#chosen?.scrollIntoView({ block: "nearest" });
    this.seen = active;
  }

  get #chosen() { return this.list.querySelector("[aria-selected=true]"); }

  /** Whether the active row is seen: what comes above it does not push it out, a hand that scrolled away does. */
  #inSight() {
    const row = this.#chosen?.getBoundingClientRect(), box = this.list.parentElement.getBoundingClientRect();
    return Boolean(row) && row.bottom > box.top && row.top < box.bottom;
  }

  /** Row by row, so that those that stay keep their place under the eye. */
  #list(items) {
    const { list } = this, stay = new Set(items);
    for (const row of [...list.children]) if (!stay.has(row)) row.remove();
    items.forEach((row, k) => { if (row !== list.children[k]) list.insertBefore(row, list.children[k] ?? null); });
  }

  /** [key, {text, row}]; the row there was, where it would be the same. */
  #kept(key, shown, make) {
    const text = JSON.stringify(shown), known = this.rows.get(key);
    return [key, known?.text === text ? known : { text, row: make() }];
  }

  #option(key, selected, act, ...parts) {
    return h("li", { id: `instance-${key}`, role: "option", "aria-selected": String(selected), onclick: act, "data-key": key }, ...parts);
  }

  #selection(s, selected) {
    const { hex, own, visible, locked } = s, share = percent(s.area, this.app.state.photo);
    const colors = h("span", { class: "from-to", "aria-hidden": "true" },
      own ? h("i", { style: `background-color: ${own}` }) : null, hex ? h("i", { style: `background-color: ${hex}` }) : null);
    const marks = h("span", { class: "marks", "aria-hidden": "true" },
      visible === false ? icon("eyeOff") : null, locked ? icon("lock") : null);
    return this.#option(`s${s.id}`, selected, () => this.app.edit({ op: "activate", id: s.id }),
      this.#thumb(`s${s.id}`, s.box), this.#name(s), marks, colors, h("span", { class: "share", text: say("area", { share }) }));
  }

  #proposal(p) {
    const share = percent(p.area, this.app.state.photo);
    const still = () => this.app.state.proposals.some(({ id, x, y }) => id === p.id && x === p.x && y === p.y);
    return this.#option(`p${p.id}`, false, () => this.app.edit(() => still() && { op: "choose", proposal: p.id }),
      this.#thumb(`p${p.id}`, p.box), this.#name(p),
      h("span", { class: "share", text: say("area", { share }) }));
  }

  /** The name, and the color of the thing, which tells two objects apart. */
  #name({ name, word }) {
    return h("span", { class: "name" }, name, ...(word ? [" ", h("small", { text: word })] : []));
  }

  /** What lies in a box of the photo, small: cut from the picture that is shown. A row made anew takes its old one. */
  #thumb(key, box) {
    const known = this.rows.get(key)?.row.querySelector("canvas");
    if (known && String(known.box) === String(box)) return known;
    const canvas = known ?? h("canvas", { class: "thumb", width: THUMB, height: THUMB, "aria-hidden": "true" });
    canvas.box = box;
    this.#cut(canvas);
    return canvas;
  }

  #cut(canvas) {
    const bitmap = (this.picture.result ?? this.picture.original)?.bitmap;
    if (!bitmap || !canvas.box) return;
    const scale = bitmap.width / this.app.view.width, [x0, y0, x1, y1] = canvas.box.map((v) => v * scale);
    const side = Math.max(1, Math.min(x1 - x0, y1 - y0)), x = (x0 + x1 - side) / 2, y = (y0 + y1 - side) / 2;
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, x, y, side, side, 0, 0, THUMB, THUMB);
  }

  #key(event) {
    const rows = [...this.list.children], now = rows.findIndex((row) => row.ariaSelected === "true");
    const to = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: rows.length - 1 }[event.key];
    if (to === undefined || event.target !== this.list) return;
    event.preventDefault();
    rows[Math.min(Math.max(to, 0), rows.length - 1)]?.click();
  }

  /** All that are alike; that there are none is told, or the press would seem lost. */
  async #like() {
    let before;
    const state = await this.app.editActive(({ id }) => {
      before = this.app.state.selections.length;
      return { op: "like", id };
    });
    if (state?.selections.length === before) this.app.tell("note", say("like_none"));
  }

  #reorder(step) {
    this.app.editActive(({ id }) => {
      const ids = this.app.state.selections.map((s) => s.id), k = ids.indexOf(id);
      if (ids[k + step] === undefined) return null;
      [ids[k], ids[k + step]] = [ids[k + step], id];
      return { op: "reorder", ids };
    });
  }

  #rename() {
    const { active } = this.app;
    if (!active) return;
    const field = h("input", { type: "text", class: "text", value: active.name, "aria-label": say("name"), maxLength: 80 });
    this.naming = true;
    const finish = (keep) => {
      if (!this.naming) return;
      this.naming = false;
      const name = field.value.trim();
      if (keep && name && name !== active.name) this.app.edit({ op: "rename", id: active.id, name });
      this.namer.remove();
      this.list.focus();
    };
    field.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter" || event.key === "Escape") finish(event.key === "Enter");
    });
    field.addEventListener("blur", () => finish(true));
    // over the list, not in it: an option holds no control
    this.namer = h("div", { class: "namer" }, field);
    this.element.append(this.namer);
    field.focus();
    field.select();
  }
}

/** Whether a proposal is what a selection holds already, as far as boxes and areas tell. */
export function same(a, b) {
  const side = (box, k) => Math.max(0, box[k + 2] - box[k]), area = (box) => side(box, 0) * side(box, 1);
  const both = a.box.map((v, k) => (k < 2 ? Math.max(v, b.box[k]) : Math.min(v, b.box[k])));
  const shared = area(both), union = area(a.box) + area(b.box) - shared;
  return shared > 0.8 * union && Math.abs(a.area - b.area) < 0.2 * Math.max(a.area, b.area);
}

/** A share of the photo in percent, for reading. */
export function percent(area, { width, height }) {
  const share = 100 * (area > 1 ? area / (width * height) : area);
  return share < 0.05 ? "< 0.1" : share.toFixed(share < 10 ? 1 : 0);
}
