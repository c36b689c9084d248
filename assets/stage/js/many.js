// Many photos: a set of them, one recipe for all, each one open to the hand, one ZIP.

import { Api, Refused } from "./api.js";
import { Dialog, save } from "./dialogs.js";
import { button, h, set } from "./dom.js";
import { say } from "./words.js";

const HIDDEN = /(^|\/)\./;  // "._cat.jpg" and the like are a file manager's, not photos
const PHOTO = /\.(avif|bmp|gif|hei[cf]|hif|jfif|jpe?g?|mpo|png|tiff?|webp)$/i;

export class ManyDialog extends Dialog {
  constructor(app) {
    super(say("many"), "many");
    this.app = app;
    this.state = null;
    this.files = new Map();  // name -> File, of this tab
    this.ready = Promise.resolve();  // when the next run can be asked for
    this.cards = new Map();  // name -> {element, shown, ...}
    this.sheet = h("div", { class: "sheet" });
    this.hint = h("p", { class: "note place", text: say("many_hint") });
    this.status = h("p", { class: "note status", role: "status" });
    this.body.append(this.#tools(), this.status, this.hint, this.sheet);
    this.strip = this.#strip();
    app.on("photo", () => { this.strip.hidden = this.now?.digest !== app.state.photo.digest; });
    this.#follow();
  }

  #tools() {
    const input = (more) => h("input", { type: "file", multiple: true, hidden: true, tabIndex: -1,
      onchange: (e) => { this.take([...e.target.files].map((file) => [file.webkitRelativePath || file.name, file])); e.target.value = ""; }, ...more });
    const some = input({ accept: "image/*,.heic,.heif,.avif,.tif,.tiff" }), folder = input({ webkitdirectory: true });
    const plain = (text, act, more = {}) => h("button", { type: "button", text, onclick: act, ...more });
    this.find = h("select", { "aria-label": say("many_find"), onchange: () => this.#follow() });
    this.color = h("input", { type: "text", class: "text", "aria-label": say("many_color"), placeholder: say("color_hint"), spellcheck: false,
      onkeydown: (e) => { if (e.key === "Enter") this.#apply(); } });
    this.go = plain(say("many_apply"), () => this.#apply(), { class: "primary" });
    this.stop = plain(say("many_stop"), () => this.#ask("many/stop", {}));
    this.zip = plain(say("many_zip"), () => save(this.app, "many/zip", undefined, "dmlseg-photos.zip"));
    this.clear = button(say("many_clear"), "remove", () => this.#clear());
    return h("div", { class: "set" }, some, folder,
      h("div", { class: "group" }, plain(say("many_add"), () => some.click()), plain(say("many_folder"), () => folder.click())),
      h("div", { class: "group grow" }, this.find, this.color, this.go, this.stop),
      h("div", { class: "group" }, this.zip, this.clear));
  }

  /** What stands over the photo while one of the set is on the stage. */
  #strip() {
    this.where = h("span", { class: "where" });
    return h("div", { class: "strip", role: "group", "aria-label": say("many"), hidden: true }, this.where,
      h("button", { type: "button", text: say("many_keep"), onclick: () => this.#keep() }),
      h("button", { type: "button", text: say("many_back"), onclick: () => this.open() }));
  }

  open() {
    super.open();
    this.#refresh();
  }

  /** [[path, File]]: photos join the set, and what was done to it is done to them; or a recipe is. */
  async take(entries) {
    super.open();
    await this.app.photos.begun;
    const recipe = entries.find(([name]) => /\.json$/i.test(name));
    const photos = entries.filter(([name]) => PHOTO.test(name) && !HIDDEN.test(name)).sort(([a], [b]) => a.localeCompare(b, undefined, { numeric: true }));
    if (!photos.length && recipe) return this.#run({ recipe: await recipe[1].text() });
    if (!photos.length) return this.app.tell("fail", say("many_no_photo"));
    await this.#add(photos);
    return this.#run(recipe ? { recipe: await recipe[1].text() } : { again: true });
  }

  async #add(photos) {
    await this.#send(photos);
    await this.#refresh();
  }

  async #send(photos) {
    const { app } = this;
    let count = 0;
    for (const [name, file] of photos) {
      this.status.textContent = say("many_adding", { count: ++count, all: photos.length });
      try {
        const added = await app.again(() => app.api.send(`many/photo${Api.query({ name })}`, file));
        this.files.set(added.name, file);
      } catch (error) {
        app.fail(error, name);
        if (error.status !== 422 && error.status !== 413) break;
      }
    }
  }

  /** `act`; where the server was started anew or put the set aside, once more with all of it there again. */
  async #asked(act, { find = true } = {}) {
    try {
      return await this.app.again(act);
    } catch (error) {
      if (error.code !== "many_none" || !this.files.size) throw error;
      this.app.tell("note", say("many_lost"));
      this.state = null;  // another set counts its versions anew
      await this.#send([...this.files]);
      if (find) await this.app.api.json("many/run", {});
      return act();
    }
  }

  async #told(after) {
    const state = await this.app.api.json(`many${Api.query({ after })}`);
    if (!state.photos.length && this.files.size) throw new Refused(404, "many_none", "");
    return state;
  }

  #apply() {
    const { value } = this.find, color = this.color.value.trim();
    if (this.go.disabled) return undefined;
    if (!value.startsWith("=")) return this.#run({ by: value });
    return color ? this.#run({ class: value.slice(1), color }) : this.color.focus();
  }

  /** One run after another: photos that come while one goes on are of the next. */
  async #run(asked) {
    const before = this.ready;
    this.ready = (async () => {
      await before;
      await this.#watch();
      await this.#ask("many/run", asked);
    })();
    await this.ready;
    return this.#watch();
  }

  async #refresh() {
    try {
      this.#show(await this.#asked(() => this.#told()));
    } catch (error) {
      this.app.fail(error);
    }
    this.#watch();
  }

  async #ask(path, body) {
    try {
      this.#show(await this.#asked(() => this.app.api.json(path, body), { find: false }));
    } catch (error) {
      this.app.fail(error);
    }
  }

  /** Follows a run while it goes on. */
  #watch() {
    this.watching ??= this.#followRun().finally(() => { this.watching = null; });
    return this.watching;
  }

  async #followRun() {
    try {
      while (this.state?.running) this.#show(await this.#asked(() => this.#told(this.state?.version)));
    } catch (error) {
      this.app.fail(error);
    }
  }

  #show(state) {
    if (state && this.state && state.version < this.state.version && state.photos.length) return;
    if (state?.error && state.error !== this.state?.error) this.app.tell("fail", state.error);
    this.state = state;
    this.#follow();
    this.#draw(state?.photos ?? []);
    this.#load();
  }

  #follow() {
    const { state } = this, photos = state?.photos ?? [], running = Boolean(state?.running);
    const painted = this.app.state?.selections.some((s) => s.painted), kept = this.find.value;
    const options = [...painted ? [["likeness", say("many_like")], ["class", say("many_class")]] : [],
      ...(state?.classes ?? []).map(({ id, name }) => [`=${id}`, say("many_all", { name })])];
    const text = JSON.stringify(options);
    if (text !== this.options) {
      this.options = text;
      this.find.replaceChildren(...(options.length ? options : [["", say("many_find")]]).map(([value, name]) => h("option", { value, text: name })));
      if (options.some(([value]) => value === kept)) this.find.value = kept;
    }
    this.find.disabled = !options.length || running;
    this.color.disabled = !this.find.value.startsWith("=") || running;
    this.go.disabled = !options.length || !photos.length || running;
    this.stop.disabled = !running;
    this.clear.disabled = !photos.length || running;
    this.zip.disabled = running || !photos.some((photo) => photo.painted);
    this.hint.hidden = photos.length > 0;
    this.status.textContent = photos.length ? this.#sum(photos, running) : "";
  }

  /** How far a run is; at its end, what did not come of it. */
  #sum(photos, running) {
    if (running) return say("many_running", { done: this.state.done, all: photos.length });
    const counted = [["many_failed", "failed"], ["many_skipped", "empty"]]
      .map(([key, status]) => [say(key), photos.filter((photo) => photo.status === status).length]);
    return [say("many_done", { all: photos.length }), ...counted.filter(([, count]) => count).map(([name, count]) => say("many_count", { name, count }))].join(" · ");
  }

  #draw(photos) {
    for (const name of [...this.cards.keys()]) if (!photos.some((photo) => photo.name === name)) this.#forget(name);
    for (const photo of photos) {
      const card = this.cards.get(photo.name) ?? this.#card(photo.name);
      card.photo = photo;
      card.state.textContent = this.#words(photo);
      set(card.element, { title: [photo.name, photo.error, ...photo.notes ?? []].filter(Boolean).join("\n"), "data-status": photo.status });
    }
  }

  #card(name) {
    const img = h("img", { alt: "", src: "data:," }), state = h("span", { class: "state" });
    const element = h("button", { type: "button", class: "card", onclick: () => this.#edit(name) }, img,
      h("span", { class: "caption" }, h("b", { text: name.split("/").at(-1) }), state));
    const card = { element, img, state, shown: null };
    this.cards.set(name, card);
    this.sheet.append(element);
    return card;
  }

  #forget(name) {
    const { element, img } = this.cards.get(name);
    URL.revokeObjectURL(img.src);
    element.remove();
    this.cards.delete(name);
  }

  /** A photo's state in a few words. */
  #words({ status, painted, objects, delta_e: delta, by_hand: hand, error }) {
    if (status === "waiting") return say("many_waiting");
    if (error) return say("many_failed");
    if (painted) return [hand ? say("many_hand") : say("many_painted", { count: painted }), delta === null ? "" : `ΔE ${delta}`].filter(Boolean).join(" · ");
    return say(status === "empty" ? "many_skipped" : "many_found", { count: objects });
  }

  /** Small pictures, one after the other, as they change. */
  async #load() {
    if (this.loading) return;
    this.loading = true;
    for (let card = this.#next(); card; card = this.#next()) {
      const { name, thumb: kind, look } = card.photo;
      card.shown = kind + look;
      try {
        const { blob } = await this.app.api.blob(`many/thumb${Api.query({ name, kind, v: look })}`);
        URL.revokeObjectURL(card.img.src);
        card.img.src = URL.createObjectURL(blob);
      } catch { /* the next change asks again */ }
    }
    this.loading = false;
  }

  #next() { return [...this.cards.values()].find(({ photo, shown }) => photo?.thumb && shown !== photo.thumb + photo.look); }

  /** One of them on the stage, with what the recipe made of it as edits. */
  async #edit(name) {
    const photo = this.state.photos.find((one) => one.name === name);
    if (!photo || photo.status === "failed") return this.app.tell("fail", photo?.error);
    this.element.close();
    const work = photo.painted ? await this.app.api.json("many/recipe").catch(() => null) : null;
    const path = `many/open${Api.query({ name })}`, opened = this.app.photos.openOf(path, { name, blob: this.files.get(name), work });
    this.now = { name, digest: null };
    const done = () => {
      this.now.digest = this.app.state.photo.digest;
      this.where.textContent = name.split("/").at(-1);
      this.strip.hidden = false;
    };
    this.app.addEventListener("photo", done, { once: true });
    if (!await opened) this.app.removeEventListener("photo", done);
    return undefined;
  }

  async #keep() {
    await this.app.edits.still();
    const finished = this.app.busy(say("busy_export"));
    try {
      const path = `many/keep${Api.query({ name: this.now.name })}`, state = await this.#asked(() => this.app.api.json(path, {}), { find: false });
      super.open();
      this.#show(state);
    } catch (error) {
      this.app.fail(error);
    } finally {
      finished();
    }
  }

  async #clear() {
    try {
      await this.app.api.json("many/clear", {});
      this.files.clear();
      this.strip.hidden = true;
      this.#show(null);
    } catch (error) {
      this.app.fail(error);
    }
  }
}
