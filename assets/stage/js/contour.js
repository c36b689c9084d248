// Outlines of a mask as closed lines: marching squares, the crossings interpolated linearly.

// For each of the 16 cases of a square's corners (bit 0 = top left, 1 = top right, 2 = bottom
// right, 3 = bottom left): directed pieces [from, to] between its sides (0 top, 1 right, 2 bottom,
// 3 left), the inside on the left hand. In saddles the inside corners are kept apart.
const PIECES = [
  [], [[3, 0]], [[0, 1]], [[3, 1]], [[1, 2]], [[3, 0], [1, 2]], [[0, 2]], [[3, 2]],
  [[2, 3]], [[2, 0]], [[0, 1], [2, 3]], [[2, 1]], [[1, 3]], [[1, 0]], [[0, 3]], [],
];

/**
 * Closed outlines of {value >= 0}.
 *
 * @param values (height * width) numbers; what lies outside the array counts as outside.
 * @returns {Float32Array[]} rings of x, y, ...; sample k lies at k, so the first one at (0, 0). The
 *   outline of a mask that reaches the border runs half a sample beyond it.
 */
export function outlines(values, width, height) {
  // a rim of outside closes every outline; crossings are numbered: 2 * sample + (0 right, 1 down)
  const w = width + 2, h = height + 2;
  const at = (x, y) =>
    x > 0 && y > 0 && x <= width && y <= height ? values[(y - 1) * width + x - 1] : -Infinity;
  const next = new Map();
  for (let y = 0; y < h - 1; y++) {
    let left = (at(0, y) >= 0) | ((at(0, y + 1) >= 0) << 3);
    for (let x = 0; x < w - 1; x++) {
      const right = at(x + 1, y) >= 0, below = at(x + 1, y + 1) >= 0;
      const corners = left | (right << 1) | (below << 2);
      left = right | (below << 3);
      if (corners === 0 || corners === 15) continue;
      const k = y * w + x, sides = [2 * k, 2 * (k + 1) + 1, 2 * (k + w), 2 * k + 1];
      for (const [from, to] of PIECES[corners]) next.set(sides[from], sides[to]);
    }
  }
  return traced(next, (id) => crossing(id, w, at));
}

function crossing(id, w, at) {
  const k = id >> 1, x = k % w, y = (k - x) / w, down = id & 1;
  const a = at(x, y), b = at(x + !down, y + down);
  // beyond the border: half way, which is the border of the outermost sample's own square
  const t = Number.isFinite(a) && Number.isFinite(b) ? a / (a - b) : 0.5;
  return [x - 1 + (down ? 0 : t), y - 1 + (down ? t : 0)];
}

function traced(next, place) {
  const rings = [];
  while (next.size) {
    const first = next.keys().next().value, ring = [];
    for (let id = first; next.has(id);) {
      ring.push(...place(id));
      const to = next.get(id);
      next.delete(id);
      id = to;
    }
    rings.push(Float32Array.from(ring));
  }
  return rings;
}

/** One Path2D-like drawing of rings: `toX`, `toY` bring a sample's place to the path's units. */
export function trace(path, rings, toX, toY) {
  for (const ring of rings) {
    path.moveTo(toX(ring[0]), toY(ring[1]));
    for (let k = 2; k < ring.length; k += 2) path.lineTo(toX(ring[k]), toY(ring[k + 1]));
    path.closePath();
  }
  return path;
}
