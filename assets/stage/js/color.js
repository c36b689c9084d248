// Color arithmetic of the picker: sRGB, OKLab and OKLCh (Ottosson 2020), the gamut's edge.
// Recoloring itself is the server's affair; nothing here is a second definition of it.

export const toLinear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
export const fromLinear = (v) => (v <= 0.0031308 ? v * 12.92 : 1.055 * v ** (1 / 2.4) - 0.055);

/** Linear sRGB -> OKLab. */
export function linearToOklab([r, g, b]) {
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

/** OKLab -> linear sRGB, which may lie outside 0..1. */
export function oklabToLinear([L, a, b]) {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
}

const RADIANS = Math.PI / 180;

/** {L, C, h}, h in degrees, to linear sRGB. */
export const lchToLinear = ({ L, C, h }) =>
  oklabToLinear([L, C * Math.cos(h * RADIANS), C * Math.sin(h * RADIANS)]);

const inGamut = (rgb) => rgb.every((v) => v >= -1e-4 && v <= 1 + 1e-4);

/** The largest chroma of sRGB at a lightness and a hue. */
export function maxChroma(L, h) {
  if (L <= 0 || L >= 1) return 0;
  let low = 0, high = 0.4;
  for (let k = 0; k < 18; k++) {
    const C = (low + high) / 2;
    if (inGamut(lchToLinear({ L, C, h }))) low = C;
    else high = C;
  }
  return low;
}

const byte = (v) => Math.min(255, Math.max(0, Math.round(255 * fromLinear(Math.max(0, v)))));

/** {L, C, h} -> [r, g, b] bytes, chroma reduced to what sRGB holds. */
export function lchToRgb({ L, C, h }) {
  const linear = lchToLinear({ L, C, h });
  const held = inGamut(linear) ? linear : lchToLinear({ L, C: Math.min(C, maxChroma(L, h)), h });
  return held.map(byte);
}

/** [r, g, b] bytes -> {L, C, h}; h is 0 where there is no hue. */
export function rgbToLch(rgb) {
  const [L, a, b] = linearToOklab(rgb.map((v) => toLinear(v / 255)));
  const C = Math.hypot(a, b);
  return { L, C, h: C < 1e-4 ? 0 : (Math.atan2(b, a) / RADIANS + 360) % 360 };
}

export const toHex = (rgb) => "#" + rgb.map((v) => v.toString(16).padStart(2, "0")).join("");

/** "#rgb", "#rrggbb", with or without the sign -> [r, g, b]; null for anything else. */
export function parseHex(text) {
  const found = /^#?([0-9a-f]{3}|[0-9a-f]{6})$/i.exec(text.trim());
  if (!found) return null;
  const six = found[1].length === 3 ? found[1].replace(/./g, "$&$&") : found[1];
  return [0, 2, 4].map((k) => Number.parseInt(six.slice(k, k + 2), 16));
}

/** Black or white, whichever reads better on a color (WCAG relative luminance). */
export function inkOn(rgb) {
  const [r, g, b] = rgb.map((v) => toLinear(v / 255));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000" : "#fff";
}
