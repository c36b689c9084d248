// The photo on its canvas: preview, tiles where they help, the look that is being dragged, the
// split between before and after.

import { Api } from "./api.js";
import { Compositor, spread } from "./compose.js";
import { eachFrame } from "./dom.js";
import { webgl } from "./gpu.js";
import { Latest } from "./sequence.js";
import { Tiles, tilesOf } from "./tiles.js";
import { say } from "./words.js";

const REST_MS = 120, LATE_MS = 1000;  // a blur for less is no wait
const PIXELS = 4;  // device pixels per photo pixel from which on one looks at pixels: a small photo that fills the stage is a photo

export class Picture {
  constructor(app, canvas) {
    Object.assign(this, { app, canvas });
    this.context = canvas.getContext("2d", { alpha: true });
    this.frame = eachFrame(() => this.#draw());
    this.original = this.result = null;  // {bitmap, look}
    this.live = null;  // {id, shape, compositor, box}
    this.moves = 0;  // of drags of a color or another live control
    this.latest = new Latest();
    this.split = null;  // share of the stage's width, or null
    this.before = false;
    this.explained = null;
    this.tiles = new Tiles(
      ({ z, x, y }, look) => app.api.bitmap(`tile/${z}/${x}/${y}${Api.query(tileQuery(look))}`),
      () => this.draw(), () => app.busy(say("busy_tiles"), LATE_MS));
    app.on("photo", () => this.#photo());
    app.on("state", () => this.#follow());
    for (const name of ["view", "fields"]) app.on(name, () => this.draw());
  }

  async #photo() {
    const { photo } = this.app.state;
    this.tiles.clear();
    this.#drop();
    this.original = this.result = null;
    this.digest = photo.digest;
    this.draw();
    const bitmap = await this.#fetched(`preview${Api.query({ v: photo.digest })}`);
    if (!bitmap || this.digest !== photo.digest) return;
    this.original = { bitmap, look: "original" };
    this.pixels = null;
    this.draw();
    this.app.tell("frame");
    this.#follow();
  }

  async #fetched(path) {
    try {
      return await this.app.again(() => this.app.api.bitmap(path));
    } catch (error) {
      this.app.fail(error);
      return null;
    }
  }

  /** All of it, in the next frame. */
  draw() {
    this.stale = true;
    this.frame();
  }

  get painted() { return this.app.state?.selections.some((s) => s.painted && s.visible !== false) ?? false; }

  /** Another look: fetched when it is at rest; the old one stays until then. */
  async #follow() {
    if (!this.original || this.app.state.photo.digest !== this.digest) return;
    const { look } = this.app.state;
    if (this.asked === look) return;
    this.asked = look;
    if (!this.painted) {
      const turned = this.result !== null;
      this.result = null;
      this.#drop();
      this.draw();
      if (turned) this.app.tell("frame");
      return;
    }
    const done = this.app.busy(say("busy_paint"));
    const bitmap = await this.#fetched(`preview${Api.query({ result: 1, v: look })}`);
    done();
    if (!bitmap || this.app.state.look !== look) return;
    this.result = { bitmap, look };
    if (!this.dragging) this.#drop();
    this.draw();
    this.app.tell("frame");
  }

  #drop() {
    this.live?.compositor.free();
    this.live = null;
  }

  /** A color that is being chosen: `style` as the look-up table takes it. */
  paintLive(selection, style) {
    this.dragging = true;
    this.moves++;
    this.app.tell("live");
    return this.latest.run(() => this.#paintLive(selection, style)).catch((error) => {
      if (error.code !== "unsupported") this.app.fail(error);
    });
  }

  async #paintLive({ id, shape }, style) {
    const { api } = this.app;
    const [lut, band] = await Promise.all([
      api.arrays(`lut/${id}${Api.query(style)}`),
      this.live?.id === id && this.live.shape === shape ? null : api.arrays(`band/${id}${Api.query({ v: shape })}`)]);
    if (!this.original || !this.dragging) return;  // too late: the exact picture is there, or comes
    if (band) {
      this.#drop();
      this.live = this.#layers(id, shape, band);
      this.stale = true;
    }
    this.live?.compositor.paint(lut);
    this.frame();
  }

  #layers(id, shape, band) {
    const [x0, y0, x1, y1] = band.box, width = x1 - x0, height = y1 - y0;
    const context = new OffscreenCanvas(width, height).getContext("2d");
    context.drawImage(this.original.bitmap, -x0, -y0);
    const layers = spread(context.getImageData(0, 0, width, height).data, band);
    return { id, shape, box: band.box, compositor: new Compositor(width, height, layers, webgl) };
  }

  /**
   * The hand let go: what was dragged stays until the server's picture is there.
   *
   * @param moves as they were then: a hand that drags again has not let go.
   */
  settle(moves) {
    if (moves !== this.moves) return;
    this.dragging = false;
    const { look } = this.app.state, coming = this.painted && this.result?.look !== look;
    if (coming || !this.live) return;
    this.#drop();
    this.draw();
  }

  /** Of a color that is dragged only its own box is drawn again. */
  #draw() {
    const { context, live, stale } = this;
    this.stale = false;
    context.save();
    context.setTransform(1, 0, 0, 1, 0, 0);
    if (live && !stale) this.#clipTo(live.box);
    this.#drawAll();
    context.restore();
  }

  #clipTo([x0, y0, x1, y1]) {
    const { context, app: { view }, original: { bitmap } } = this;
    const a = view.toScreen(x0 * view.width / bitmap.width, y0 * view.height / bitmap.height);
    const b = view.toScreen(x1 * view.width / bitmap.width, y1 * view.height / bitmap.height);
    const low = (v) => Math.floor(v * view.ratio) - 1, high = (v) => Math.ceil(v * view.ratio) + 1;  // whole pixels: no seam
    context.beginPath();
    context.rect(low(a.x), low(a.y), high(b.x) - low(a.x), high(b.y) - low(a.y));
    context.clip();
  }

  #drawAll() {
    const { context, canvas, app: { view } } = this;
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (!this.original) return;
    const { ratio } = view, at = this.split === null ? null : this.split * canvas.width;
    context.imageSmoothingEnabled = view.zoom < PIXELS;
    context.imageSmoothingQuality = "high";
    context.setTransform(view.scale * ratio, 0, 0, view.scale * ratio, view.x * ratio, view.y * ratio);
    if (this.explained) return context.drawImage(this.explained, 0, 0, view.width, view.height);
    if (this.before) return this.#paint(this.original, null);
    this.#paint(this.result ?? this.original, this.live);
    if (at === null) return;
    context.save();
    context.beginPath();
    const left = view.toPhoto(0, 0), right = view.toPhoto(at / ratio, view.stage.height);
    context.rect(left.x, left.y, right.x - left.x, right.y - left.y);
    context.clip();
    this.#paint(this.original, null);
    context.restore();
  }

  #paint({ bitmap, look }, live) {
    const { context, app: { view } } = this;
    context.drawImage(bitmap, 0, 0, view.width, view.height);
    this.#paintTiles(look, bitmap);
    if (!live) return;
    const sx = view.width / bitmap.width, sy = view.height / bitmap.height, [x0, y0, x1, y1] = live.box;
    context.drawImage(live.compositor.canvas, x0 * sx, y0 * sy, (x1 - x0) * sx, (y1 - y0) * sy);
  }

  #paintTiles(look, bitmap) {
    const { view } = this.app;
    // a preview of all pixels lacks only what its JPEG took, which is seen when they are large
    const held = bitmap.width / view.width;
    if (!this.app.ready || view.zoom <= held * (held < 1 ? 1.01 : 2)) return;
    const wanted = tilesOf(view.seen, view.level, view.width, view.height);
    for (const tile of wanted) {
      const found = this.tiles.get(look, tile), [x0, y0, x1, y1] = tile.box;
      if (found) this.context.drawImage(found, x0, y0, x1 - x0, y1 - y0);
    }
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.tiles.want(look, wanted), REST_MS);
  }

  /** The color at a pixel, as it was taken and as it is seen: {own, seen}; null before there is a picture. */
  colorsAt(pixel) {
    if (!this.original) return null;
    const { view } = this.app, left = this.split !== null && view.toScreen(pixel.x, 0).x < this.split * view.stage.width;
    const seen = this.before || left ? this.original : this.result ?? this.original;
    return { own: this.#colorAt(pixel, this.original), seen: this.#colorAt(pixel, seen) };
  }

  /** Median of 3 x 3 of a preview, bytes. */
  #colorAt({ x, y }, { bitmap }) {
    const { view } = this.app, context = new OffscreenCanvas(3, 3).getContext("2d");
    const px = Math.floor((x + 0.5) * bitmap.width / view.width), py = Math.floor((y + 0.5) * bitmap.height / view.height);
    context.drawImage(bitmap, 1 - px, 1 - py);
    const { data } = context.getImageData(0, 0, 3, 3), rows = [];
    for (let k = 0; k < data.length; k += 4) if (data[k + 3]) rows.push(data.slice(k, k + 3));
    return [0, 1, 2].map((c) => rows.map((row) => row[c]).sort((a, b) => a - b)[rows.length >> 1]);
  }
}

const tileQuery = (look) => (look === "original" ? { original: 1 } : { v: look });
