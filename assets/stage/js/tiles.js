// Crisp tiles of the full-resolution picture, only where one looks.

export const SIDE = 512;
const KEPT = 96, AT_ONCE = 2;  // on a slow line two are there sooner than four

/** The tiles {z, x, y, box: [x0, y0, x1, y1] in photo pixels} that cover a part of a photo, its middle first. */
export function tilesOf([x0, y0, x1, y1], z, width, height) {
  const step = SIDE * 2 ** z, found = [];
  if (x1 <= x0 || y1 <= y0) return found;
  for (let y = Math.floor(y0 / step); y * step < y1; y++) {
    for (let x = Math.floor(x0 / step); x * step < x1; x++) {
      const box = [x * step, y * step, Math.min((x + 1) * step, width), Math.min((y + 1) * step, height)];
      found.push({ z, x, y, box });
    }
  }
  const away = ({ box: [a, b, c, d] }) => Math.hypot(a + c - x0 - x1, b + d - y0 - y1);
  return found.sort((one, other) => away(one) - away(other));
}

/** Fetches and keeps tiles; `fetcher(tile, look)` gives a bitmap. */
export class Tiles {
  /** @param waiting called when some are on their way; its answer when all of them are there. */
  constructor(fetcher, arrived, waiting = () => () => {}) {
    Object.assign(this, { fetcher, arrived, waiting });
    this.clear();
  }

  clear() {
    this.have = new Map();
    this.asked = new Set();
    this.queue = [];
    this.running = 0;
    this.turn = (this.turn ?? 0) + 1;
    this.#rest();
  }

  #rest() {
    this.over?.();
    this.over = null;
  }

  key(look, { z, x, y }) { return `${look}/${z}/${x}/${y}`; }

  get(look, tile) { return this.have.get(this.key(look, tile)); }

  /** Asks for what is missing; earlier wishes that have not begun are dropped. */
  want(look, tiles) {
    this.queue = tiles.filter((tile) => {
      const key = this.key(look, tile);
      return !this.have.has(key) && !this.asked.has(key);
    }).map((tile) => ({ look, tile }));
    this.#next();
  }

  async #next() {
    while (this.running < AT_ONCE && this.queue.length) this.#fetch(this.queue.shift());
  }

  async #fetch({ look, tile }) {
    const { turn } = this, key = this.key(look, tile);
    this.asked.add(key);
    this.running++;
    this.over ??= this.waiting();
    try {
      const bitmap = await this.fetcher(tile, look);
      if (turn !== this.turn) return;
      this.have.set(key, bitmap);
      while (this.have.size > KEPT) this.have.delete(this.have.keys().next().value);
      this.arrived();
    } catch { /* the coarse picture stays; the next look asks again */ } finally {
      if (turn === this.turn) {
        this.asked.delete(key);
        this.running--;
        this.#next();
        if (!this.running) this.#rest();
      }
    }
  }
}
