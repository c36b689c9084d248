// The color picker: chroma by lightness at a hue, all of it inside sRGB, and a hue bar.

import { lchToRgb, maxChroma, rgbToLch, toHex } from "./color.js";
import { h, set } from "./dom.js";
import { held } from "./held.js";
import { takesBack } from "./keys.js";
import { say } from "./words.js";

const WIDE = 96, HIGH = 48;  // the area is computed this coarse and smoothed by the browser
const STEP = 0.02;

export class Picker {
  /** @param changed called with (hex, whether the hand has let go); with null where it took all of it back. */
  constructor(changed) {
    this.changed = changed;
    this.color = { L: 0.5, s: 0.6, h: 250 };  // s: chroma as a share of the largest one
    this.busy = null;  // the color before the hand came
    this.canvas = h("canvas", { width: WIDE, height: HIGH, "aria-hidden": "true" });
    this.knob = h("span", { class: "knob", "aria-hidden": "true" });
    this.area = h("div", { class: "area", role: "slider", tabIndex: 0, "aria-label": say("lightness_chroma"),
      "aria-valuemin": 0, "aria-valuemax": 100 }, this.canvas, this.knob);
    this.hue = h("input", { type: "range", class: "hue", min: 0, max: 360, step: 1, "aria-label": say("hue") });
    this.element = h("div", { class: "picker" }, this.area, this.hue);
    this.#listen();
    this.#show();
  }

  get hex() {
    const { L, s, h: hue } = this.color;
    return toHex(lchToRgb({ L, C: s * maxChroma(L, hue), h: hue }));
  }

  /** Shows a color ([r, g, b] bytes), unless a hand is on the picker or it shows it already. */
  show(rgb) {
    if (this.busy || toHex(rgb) === this.hex) return;
    const { L, C, h: hue } = rgbToLch(rgb), most = maxChroma(L, hue);
    const gray = C < 0.003;  // a gray has no hue: the bar stays where it is
    this.color = { L, s: gray || most === 0 ? 0 : Math.min(1, C / most), h: gray ? this.color.h : hue };
    this.#show();
  }

  #listen() {
    const { area, hue } = this;
    area.addEventListener("pointerdown", (event) => {
      area.setPointerCapture(event.pointerId);
      area.focus();
      this.#begin();
      this.#point(event);
      event.preventDefault();
    });
    area.addEventListener("pointermove", (event) => { if (this.busy) this.#point(event); });
    const up = (event) => { if (this.busy) { this.#point(event); this.#let(); } };
    area.addEventListener("pointerup", up);
    area.addEventListener("pointercancel", () => { if (this.busy) this.#let(); });
    area.addEventListener("keydown", (event) => this.#key(event));
    held(hue, { done: () => this.#let(), back: () => this.#back(), moved: (degrees) => {
      this.#begin();
      this.color.h = degrees;
      this.#changed(false);
    } });
  }

  #begin() {
    this.busy ||= { ...this.color };
  }

  #point(event) {
    const box = this.area.getBoundingClientRect(), clamp = (v) => Math.min(Math.max(v, 0), 1);
    this.color.s = clamp((event.clientX - box.left) / box.width);
    this.color.L = 1 - clamp((event.clientY - box.top) / box.height);
    this.#changed(false);
  }

  #key(event) {
    if (this.busy && takesBack(event)) return this.#back(event);
    const move = { ArrowLeft: ["s", -1], ArrowRight: ["s", 1], ArrowUp: ["L", 1], ArrowDown: ["L", -1] }[event.key];
    if (!move) return undefined;
    event.preventDefault();
    event.stopPropagation();
    this.#begin();
    const [axis, sign] = move, step = event.shiftKey ? 5 * STEP : STEP;
    this.color[axis] = Math.min(Math.max(this.color[axis] + sign * step, 0), 1);
    this.#changed(false);
    clearTimeout(this.pressed);
    this.pressed = setTimeout(() => this.#let(), 350);
    return undefined;
  }

  #let() {
    this.busy = null;
    this.#changed(true);
  }

  /** What it was before the hand came. */
  #back(event = null) {
    event?.stopPropagation();
    event?.preventDefault();
    clearTimeout(this.pressed);
    this.color = this.busy;
    this.busy = null;
    this.#show();
    this.changed(null);
  }

  #changed(done) {
    this.#show();
    this.changed(this.hex, done);
  }

  #show() {
    const { L, s, h: hue } = this.color, hex = this.hex;
    if (this.painted !== hue) this.#paint(hue);
    this.hue.value = hue;
    this.knob.style.left = `${100 * s}%`;
    this.knob.style.top = `${100 * (1 - L)}%`;
    this.knob.style.backgroundColor = hex;
    set(this.area, { "aria-valuenow": Math.round(100 * L), "aria-valuetext":
      `${hex}, ${say("picker_value", { L: Math.round(100 * L), C: Math.round(100 * s) })}` });
  }

  #paint(hue) {
    this.painted = hue;
    const context = this.canvas.getContext("2d"), image = context.createImageData(WIDE, HIGH);
    for (let y = 0, at = 0; y < HIGH; y++) {
      const L = 1 - (y + 0.5) / HIGH, most = maxChroma(L, hue);
      for (let x = 0; x < WIDE; x++, at += 4) {
        image.data.set(lchToRgb({ L, C: most * x / (WIDE - 1), h: hue }), at);
        image.data[at + 3] = 255;
      }
    }
    context.putImageData(image, 0, 0);
  }
}
