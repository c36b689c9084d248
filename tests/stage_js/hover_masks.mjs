// Masks of the browser's own arithmetic, for a comparison with Python's: node hover_masks.mjs FIELDS
// POINTS OUT; POINTS is JSON [[x, y], ...]; OUT gets {tau, grid} of each, grid as 0s and 1s.
import { readFileSync, writeFileSync } from "node:fs";
import { unpack } from "../../assets/stage/js/blob.js";
import { Fields } from "../../assets/stage/js/fields.js";

const [blob, points, out] = process.argv.slice(2);
const bytes = readFileSync(blob);
const fields = new Fields(unpack(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)));
const began = performance.now();
const made = JSON.parse(readFileSync(points, "utf8")).map(([x, y]) => {
  const cell = fields.cellOf(x, y), tau = fields.tauAt(cell), { level } = fields.maskAt(cell, tau);
  return { tau, grid: [...level].map((v) => Number(v >= 0)).join("") };
});
console.log(`${((performance.now() - began) / made.length).toFixed(2)} ms a mask`);
writeFileSync(out, JSON.stringify(made));
