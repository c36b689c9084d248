"""The two ways in which a dragged color is drawn give the same picture."""

COMPARE = """async (base) => {
  const { webgl } = await import(base + "gpu.js");
  const { mix, spread } = await import(base + "compose.js");
  const W = 201, H = 133, photo = new Uint8ClampedArray(4 * W * H);
  const alpha = new Uint8Array(W * H), band = [];
  for (let k = 0; k < photo.length; k++) photo[k] = k % 4 === 3 ? 255 : (k * 7919) % 256;
  for (let k = 0; k < alpha.length; k++) {
    const away = Math.hypot(k % W - 100, Math.floor(k / W) - 66) - 50;
    alpha[k] = Math.round(255 * Math.max(0, Math.min(1, 0.5 - away / 8)));
    if (alpha[k] > 0 && alpha[k] < 255) band.push(k);
  }
  const F = Uint8Array.from(band.flatMap((k) => [31 * k, 37 * k, 41 * k]));
  const B = F.map((v) => 255 - v);
  const layers = spread(photo, { alpha, band: Uint32Array.from(band), F, B });
  const table = new Uint8Array(3 * 33 ** 3);
  for (let k = 0; k < table.length; k++) table[k] = 127.5 + 127 * Math.sin(k / 700 + k % 3);
  const shaper = Float32Array.from({ length: 4096 }, (_, k) => Math.sqrt(k / 4095));
  const lut = { table, shaper, low: [-0.4, -0.3], high: [0.5, 0.4], shade: 0.08 };
  const canvas = new OffscreenCanvas(W, H), painter = webgl(canvas, layers);
  if (!painter) return null;
  painter.paint(lut);
  const context = new OffscreenCanvas(W, H).getContext("2d");
  context.drawImage(canvas, 0, 0);
  const got = context.getImageData(0, 0, W, H).data;
  const wanted = mix(layers, lut, new Uint8ClampedArray(4 * W * H));
  let off = 0;
  for (let k = 0; k < got.length; k++) {
    off = Math.max(off, wanted[k | 3] ? Math.abs(got[k] - wanted[k]) : got[k | 3]);
  }
  return { off, band: band.length };
}"""


def test_webgl_paints_what_the_canvas_would(visit):
    tab = visit(frame=False)
    made = tab.page.evaluate(COMPARE, f"{tab.url.rstrip('/')}/stage/js/")
    assert made is not None, "this Chromium has no WebGL2"
    assert made["band"] > 1000 and made["off"] <= 1
