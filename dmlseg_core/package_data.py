"""Where the files that travel with the package lie.

In a checkout they are weights/ and assets/ at its top, in an installed wheel they are in `_data/`.
"""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent


def data_folder(name: str) -> Path:
    """The folder "weights" or "assets" of this installation."""
    packaged = _HERE / "_data" / name
    return packaged if packaged.is_dir() else _HERE.parent / name


def default_weights() -> Path:
    """The shipped weights; found without what loads them."""
    return data_folder("weights") / "dmlseg-mobilenetv2.safetensors"
