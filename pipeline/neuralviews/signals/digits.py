"""scikit-learn's bundled handwritten digits: real images that need no file and no network.

Source of the data: E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits" (UCI, 1998).
"""

from collections.abc import Mapping
from importlib.resources import as_file, files

import numpy as np

from ..records import Split
from .hashing import sha256_of
from .pixels import Pixels

__all__ = ["DigitImages"]


class DigitImages:
    """1,797 grey images of 8x8, intensities 0 to 16, in scikit-learn's order."""

    root = None

    def __init__(self) -> None:
        from sklearn.datasets import load_digits

        data = load_digits()
        self._images = np.asarray(data.images, np.uint8)[..., None]
        self.labels = np.asarray(data.target, np.int32)
        self.parts = np.full(len(self.labels), Split.train, np.uint8)
        self.class_names: tuple[str, ...] | None = tuple(str(name) for name in data.target_names)

    def describe(self, index: int) -> str:
        """What an error message calls the image."""
        return f"digit {index}"

    def pixels(self, index: int) -> Pixels:
        """The image, (8, 8, 1)."""
        return Pixels(self._images[index], 16)

    def twin(self, index: int) -> int:
        """All are of one size."""
        return 0

    def hash_files(self) -> Mapping[str, str]:
        """The one file of scikit-learn's package that holds them."""
        with as_file(files("sklearn.datasets.data") / "digits.csv.gz") as path:
            return {"sklearn/datasets/data/digits.csv.gz": sha256_of(path)}
