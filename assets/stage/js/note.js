// A sentence or many in the room of two lines: what does not fit opens over what is below it.

import { h, set, shownFrame } from "./dom.js";
import { say } from "./words.js";

export class Note {
  constructor() {
    this.text = h("p", { class: "note", "aria-live": "off" });
    this.more = h("button", { type: "button", class: "more", hidden: true, text: say("more"),
      onclick: () => this.#turn(!this.open) });
    this.element = h("div", { class: "told" }, this.text, this.more);
    this.element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !this.open) return;
      event.stopPropagation();
      this.#turn(false);
    });
    this.element.addEventListener("focusout", () => this.#turn(false));
    new ResizeObserver(() => this.#fit()).observe(this.element);
    this.#turn(false);
  }

  say(text) {
    if (text === this.text.textContent) return;
    this.text.textContent = text;
    this.#turn(false);
    this.#fit();
  }

  #turn(open) {
    this.open = open;
    this.element.classList.toggle("open", open);
    set(this.more, { "aria-expanded": String(open), text: say(open ? "less" : "more") });
  }

  /** The button is there where two lines are not enough. Asked for after the frame, when that costs no layout. */
  async #fit() {
    await shownFrame();
    if (!this.open) this.more.hidden = this.text.scrollHeight <= this.text.clientHeight + 1;
  }
}
