// Where the photo lies on the screen. Places on the photo count from its corner, pixel edges at
// integers; places on the screen are CSS pixels from the stage's corner.

export const MAX_ZOOM = 8;
const FIT_MARGIN = 0;

export class View {
  constructor() {
    this.width = this.height = 1;  // of the photo
    this.stage = { width: 1, height: 1 };
    this.insets = { top: 0, right: 0, bottom: 0, left: 0 };
    this.ratio = 1;  // device pixels per CSS pixel
    this.scale = 1;  // CSS pixels per photo pixel
    this.x = this.y = 0;  // of the photo's corner
    this.fitted = true;
  }

  /** Device pixels per photo pixel: 1 is "100 %". */
  get zoom() { return this.scale * this.ratio; }

  setPhoto(width, height) {
    Object.assign(this, { width, height });
    this.fit();
  }

  /** The stage has another size; what was in its middle stays there. */
  setStage(width, height, ratio = this.ratio) {
    const middle = this.toPhoto(this.stage.width / 2, this.stage.height / 2);
    this.stage = { width, height };
    this.ratio = ratio;
    if (this.fitted) this.fit();
    else this.put(middle, { x: width / 2, y: height / 2 }, this.scale);
  }

  get fitScale() {
    const { top, right, bottom, left } = this.insets, m = 2 * FIT_MARGIN;
    const across = Math.max(1, this.stage.width - left - right - m);
    const down = Math.max(1, this.stage.height - top - bottom - m);
    return Math.min(across / this.width, down / this.height, MAX_ZOOM / this.ratio);
  }

  fit() {
    const { top, right, bottom, left } = this.insets;
    this.scale = this.fitScale;
    this.x = left + (this.stage.width - left - right - this.width * this.scale) / 2;
    this.y = top + (this.stage.height - top - bottom - this.height * this.scale) / 2;
    this.fitted = true;
  }

  toPhoto(x, y) { return { x: (x - this.x) / this.scale, y: (y - this.y) / this.scale }; }

  toScreen(x, y) { return { x: this.x + x * this.scale, y: this.y + y * this.scale }; }

  /** The photo pixel under a place of the screen, or null beside the photo. */
  pixelAt(x, y) {
    const at = this.toPhoto(x, y), column = Math.floor(at.x), row = Math.floor(at.y);
    const inside = column >= 0 && row >= 0 && column < this.width && row < this.height;
    return inside ? { x: column, y: row } : null;
  }

  /** The photo pixel nearest to a place of the screen. */
  nearestPixel(x, y) {
    const at = this.toPhoto(x, y), clamp = (v, side) => Math.min(Math.max(Math.floor(v), 0), side - 1);
    return { x: clamp(at.x, this.width), y: clamp(at.y, this.height) };
  }

  /** Whether the box between two places of the screen holds some of the photo. */
  meets(one, other) {
    const a = this.toPhoto(Math.min(one.x, other.x), Math.min(one.y, other.y));
    const b = this.toPhoto(Math.max(one.x, other.x), Math.max(one.y, other.y));
    return a.x < this.width && a.y < this.height && b.x > 0 && b.y > 0;
  }

  /** Zooms by a factor about a place of the screen; the least is the fit, or 100 % of a small photo. */
  zoomBy(factor, x = this.stage.width / 2, y = this.stage.height / 2) {
    const least = Math.min(this.fitScale, 1 / this.ratio), most = MAX_ZOOM / this.ratio;
    const scale = Math.min(Math.max(this.scale * factor, least), Math.max(most, this.fitScale));
    this.put(this.toPhoto(x, y), { x, y }, scale);
  }

  panBy(dx, dy) { this.#place(this.x + dx, this.y + dy); }

  /** Brings a place of the photo to a place of the screen, at a scale. */
  put(photo, screen, scale) {
    this.scale = scale;
    this.#place(screen.x - photo.x * scale, screen.y - photo.y * scale);
  }

  #place(x, y) {
    // the photo's middle third never leaves the stage: a picture out of sight is a lost picture
    const keep = (at, side, room) => Math.min(Math.max(at, room / 2 - side), room / 2);
    this.x = keep(x, this.width * this.scale, this.stage.width);
    this.y = keep(y, this.height * this.scale, this.stage.height);
    this.fitted = false;
  }

  /** Photo pixels that are seen: [x0, y0, x1, y1], whole pixels, exclusive end. */
  get seen() {
    const a = this.toPhoto(0, 0), b = this.toPhoto(this.stage.width, this.stage.height);
    const clamp = (v, side) => Math.min(Math.max(v, 0), side);
    return [clamp(Math.floor(a.x), this.width), clamp(Math.floor(a.y), this.height),
      clamp(Math.ceil(b.x), this.width), clamp(Math.ceil(b.y), this.height)];
  }

  /** The level of tiles that this zoom needs: photo / 2^z has at least a pixel per device pixel. */
  get level() { return Math.max(0, Math.floor(-Math.log2(Math.max(this.zoom, 1e-9)) + 1e-9)); }
}
