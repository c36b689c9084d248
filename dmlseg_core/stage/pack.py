"""Arrays for a browser: one buffer that JavaScript reads without a parser.

Four bytes (little endian) with the length of the header, the header as UTF-8 JSON, then the arrays
one after the other. `arrays` in the header says of each: name, dtype, shape, and its offset from
the first byte after the header.
"""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray


def pack(header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> bytes:
    """One buffer of a JSON header and arrays, little endian, C order.

    Raises:
        ValueError: the header holds NaN or an infinity, which is no JSON.
    """
    parts, told, offset = [], [], 0
    for name, array in arrays.items():
        little = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False)
        about = {"name": name, "dtype": array.dtype.name, "shape": list(array.shape)}
        told.append({**about, "offset": offset})
        parts.append(little.tobytes())
        offset += len(parts[-1])
    whole = {**header, "arrays": told}
    text = json.dumps(whole, allow_nan=False, default=int).encode()  # numpy's integers
    return b"".join([struct.pack("<I", len(text)), text, *parts])


def unpack(data: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Header and arrays of `pack`'s buffer, as a browser reads them."""
    (length,) = struct.unpack_from("<I", data)
    header = json.loads(data[4 : 4 + length])
    arrays = {}
    for about in header.pop("arrays"):
        count = int(np.prod(about["shape"]))
        dtype = np.dtype(about["dtype"]).newbyteorder("<")
        flat = np.frombuffer(data, dtype, count, 4 + length + about["offset"])
        arrays[about["name"]] = flat.reshape(about["shape"])
    return header, arrays
