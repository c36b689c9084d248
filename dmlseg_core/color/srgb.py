"""The sRGB transfer curve (IEC 61966-2-1), in floats and by table for 8 and 16 bits."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

Floats: TypeAlias = NDArray[np.float32]
Bytes: TypeAlias = NDArray[np.uint8]
Pixels: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]

_OLD = int(cv2.__version__.split(".")[0]) < 5
_FINE = 65535
"""Steps of the linear -> sRGB table: 20 to one 8-bit level in the darkest, steepest part."""


def srgb_to_linear(values: ArrayLike) -> NDArray[Any]:
    """Decode sRGB.

    Args:
        values: uint8 0..255, uint16 0..65535, or floats 0..1; any shape.

    Returns:
        Linear light 0..1: float32 for integers (by table), else the input's float type.
    """
    array = np.asarray(values)
    if array.dtype in (np.uint8, np.uint16):
        return _looked_up(decode_table(array.dtype), array)
    array = array.astype(np.result_type(array.dtype, np.float32), copy=False)
    high = np.maximum((array + 0.055) / 1.055, 0.0) ** 2.4
    return np.where(array <= 0.04045, array / 12.92, high).astype(array.dtype, copy=False)


def linear_to_srgb(values: ArrayLike) -> NDArray[Any]:
    """Encode linear light 0..1 (any shape, float) as sRGB 0..1; the inverse of srgb_to_linear."""
    array = np.asarray(values)
    array = array.astype(np.result_type(array.dtype, np.float32), copy=False)
    high = 1.055 * np.maximum(array, 0.0) ** (1 / 2.4) - 0.055
    return np.where(array <= 0.0031308, array * 12.92, high).astype(array.dtype, copy=False)


def decode_table(dtype: DTypeLike = np.uint8) -> Floats:
    """Linear light of each sRGB level: (256,) float32 for uint8, (65536,) for uint16."""
    return _decode_table(np.iinfo(dtype).max)


@cache
def _decode_table(top: int) -> Floats:
    table: Floats = srgb_to_linear(np.arange(top + 1) / top).astype(np.float32)
    table.flags.writeable = False
    return table


def _looked_up(table: NDArray[Any], coded: NDArray[Any]) -> NDArray[Any]:
    """The table's entries at uint8 or uint16 of any shape; cv2's way takes half of np.take's time.

    OpenCV before 5 has it for uint8 alone.
    """
    if not coded.size or (coded.dtype == np.uint16 and _OLD):
        return table.take(coded)
    flat = np.ascontiguousarray(coded).reshape(1, -1)
    return cv2.LUT(flat, table).reshape(coded.shape)


@cache
def _encode_table() -> Bytes:
    table: Bytes = np.rint(linear_to_srgb(np.arange(_FINE + 1) / _FINE) * 255).astype(np.uint8)
    return table


def encode_srgb8(linear: NDArray[np.floating[Any]]) -> Bytes:
    """Linear light (any shape, clipped to 0..1 here) -> uint8 sRGB, rounded to nearest."""
    flat = np.ascontiguousarray(linear).reshape(1, -1)
    if flat.size == 0:
        return np.zeros(linear.shape, np.uint8)
    # One SIMD pass that scales, rounds and clips; numpy needs four.
    index = cv2.addWeighted(flat, _FINE, flat, 0, 0, dtype=cv2.CV_16U)
    return _looked_up(_encode_table(), np.asarray(index, np.uint16)).reshape(linear.shape)


def encode_srgb16(linear: NDArray[np.floating[Any]]) -> NDArray[np.uint16]:
    """Linear light (any shape, clipped to 0..1 here) -> uint16 sRGB, rounded to nearest."""
    clipped = np.clip(linear, 0.0, 1.0).astype(np.float32, copy=False)
    # By arithmetic: a table fine enough for the steep start of the curve would not stay in cache.
    coded = cv2.pow(clipped, 1 / 2.4).reshape(clipped.shape)
    coded = np.where(clipped <= 0.0031308, clipped * 12.92, 1.055 * coded - 0.055)
    levels: NDArray[np.uint16] = (coded * 65535 + 0.5).astype(np.uint16)
    return levels


def encode_srgb(linear: NDArray[np.floating[Any]], dtype: DTypeLike) -> Pixels:
    """Linear light (any shape, clipped to 0..1 here) -> sRGB levels of `dtype`: uint8 or uint16."""
    return encode_srgb16(linear) if np.dtype(dtype) == np.uint16 else encode_srgb8(linear)
