// The paints of the selected object: each is recolored or kept, or has a color of its own.

import { Api } from "./api.js";
import { cssHex } from "./colorpanel.js";
import { h, refill, set } from "./dom.js";
import { say } from "./words.js";

const WAYS = ["body", "all", "together"];

/**
 * Targets of a style after one material was kept (null), painted (undefined) or given a color.
 *
 * @param style with targets and materials; `colors` of all materials, the largest first; `usual` is
 * the color of one that is painted where it would be kept. What would be so anyway is not listed.
 */
export function retargeted({ targets, materials }, colors, color, target, usual) {
  const rest = targets.filter((t) => t.color !== color);
  const body = colors.find((c) => !rest.some((t) => t.color === c));
  const painted = materials !== "body" || color === body;
  if (painted ? target === undefined : target === null) return rest;
  return [...rest, { color, target: target === undefined ? usual : target }];
}

/** The change of style that gives a material a color from a picker. */
export function colored(style, colors, color, target) {
  const body = colors.find((c) => !style.targets.some((t) => t.color === c));
  if (!style.color && color !== body) {  // this one alone
    return { color: target, targets: colors.filter((c) => c !== color).map((c) => ({ color: c, target: null })) };
  }
  return color === body ? { color: target } : { targets: retargeted(style, colors, color, target) };
}

export class MaterialsPanel {
  constructor(app) {
    this.app = app;
    this.ways = WAYS.map((way) => h("button", { type: "button", text: say(`materials_${way}`), "aria-pressed": "false",
      onclick: () => this.#send(app.active?.id, () => ({ materials: way })) }));
    this.list = h("div", { class: "materials", role: "group", "aria-label": say("materials") });
    this.element = h("div", { class: "palette-of" }, h("div", { class: "segments" }, ...this.ways), this.list);
    app.on("state", () => this.#follow());
    new IntersectionObserver(([{ isIntersecting }]) => {
      this.open = isIntersecting;
      this.#follow();
    }).observe(this.element);
  }

  /** Asks for the palette when somebody looks at it, once for each shape and style. */
  async #follow() {
    const { active } = this.app, key = active && `${active.id} ${active.shape} ${active.style.color}`;
    const way = active?.style.gates.length ? null : active?.style.materials;
    this.ways.forEach((part, k) => {
      part.disabled = !active || active.locked || !way;
      set(part, { "aria-pressed": String(way === WAYS[k]) });
    });
    for (const input of this.list.querySelectorAll("input")) input.disabled = !active || Boolean(active.locked);
    if (key === this.shown || !this.open) return;
    this.shown = key;
    try {
      const query = Api.query({ v: `${active?.shape}${active?.style.color}` });
      const { materials } = active ? await this.app.api.arrays(`materials/${active.id}${query}`) : { materials: [] };
      if (this.shown === key) this.#fill(materials);
    } catch {
      this.shown = null;  // the next state asks again
    }
  }

  #fill(materials) {
    const colors = materials.map((m) => m.color);
    refill(this.list, materials.map((m) => this.#row(m, colors)));
  }

  #row({ color, kind, share, target }, colors) {
    const { id, locked } = this.app.active, off = Boolean(locked);
    const turn = (to) => this.#send(id, (style) => ({ targets: retargeted(style, colors, color, to, style.color ?? color) }));
    const paint = (to) => this.#send(id, (style) => colored(style, colors, color, to));
    const on = h("input", { type: "checkbox", checked: target !== null, disabled: off, "aria-label": say("recolor_material", { color }),
      onchange: () => turn(on.checked ? undefined : null) });
    const to = h("input", { type: "color", value: cssHex(target ?? color) ?? color, disabled: off, "aria-label": say("material_target", { color }),
      title: say("material_target", { color }), onchange: () => paint(to.value) });
    return h("div", { class: "material" }, h("span", { class: "chip", style: `background-color: ${color}`, "aria-hidden": "true" }),
      h("label", { class: "check" }, on, say(kind ? `material_${kind}` : "material", { color, share: Math.round(100 * share) })), to);
  }

  /** @param change of the style that is so now: rows may be older, until the palette has come anew. */
  #send(id, change) {
    this.app.editActive((active) => active.id === id && { op: "style", id, style: change(active.style) }, { slow: say("busy_paint") });
  }
}
