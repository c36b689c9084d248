// The server's binary answers: uint32 header length, JSON header, then raw little-endian arrays.

const TYPES = {
  int8: Int8Array, uint8: Uint8Array, uint16: Uint16Array,
  uint32: Uint32Array, int32: Int32Array, float32: Float32Array,
};

/** @returns {{[name: string]: any}} the header's values, and every array under its own name. */
export function unpack(buffer) {
  if (buffer.byteLength < 4) throw new RangeError("a binary answer of less than 4 bytes");
  const length = new DataView(buffer).getUint32(0, true);
  const start = 4 + length;
  if (start > buffer.byteLength) throw new RangeError("a binary answer shorter than its header");
  const { arrays, ...values } = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  for (const { name, dtype, shape, offset } of arrays) {
    const Type = TYPES[dtype];
    if (!Type) throw new TypeError(`an array of unknown type ${dtype}`);
    const bytes = shape.reduce((a, b) => a * b, 1) * Type.BYTES_PER_ELEMENT;
    if (start + offset + bytes > buffer.byteLength) throw new RangeError(`${name} is cut off`);
    // a copy: the offset need not be a multiple of the element's size
    values[name] = new Type(buffer.slice(start + offset, start + offset + bytes));
  }
  return values;
}

/** The inverse, for tests: header values and [name, dtype, shape, typed array] rows. */
export function pack(values, rows) {
  let offset = 0;
  const arrays = rows.map(([name, dtype, shape, data]) => {
    const row = { name, dtype, shape, offset };
    offset += data.byteLength;
    return row;
  });
  const header = new TextEncoder().encode(JSON.stringify({ ...values, arrays }));
  const out = new Uint8Array(4 + header.length + offset);
  new DataView(out.buffer).setUint32(0, header.length, true);
  out.set(header, 4);
  rows.forEach(([, , , data], k) => {
    out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
      4 + header.length + arrays[k].offset);
  });
  return out.buffer;
}
