"""Licences by SPDX identifier, and the names that the Hugging Face Hub has for them."""

import re
from typing import NamedTuple

from ..errors import OptionError

__all__ = ["Licence", "licence_of"]

_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,99}")
_LISTED = (
    *("Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MPL-2.0", "Unlicense", "Zlib", "CC0-1.0"),
    *("CC-BY-2.0", "CC-BY-2.5", "CC-BY-3.0", "CC-BY-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0", "CC-BY-ND-4.0"),
    *("CC-BY-NC-2.0", "CC-BY-NC-3.0", "CC-BY-NC-4.0", "CC-BY-NC-ND-3.0", "CC-BY-NC-ND-4.0"),
    *("CC-BY-NC-SA-2.0", "CC-BY-NC-SA-3.0", "CC-BY-NC-SA-4.0"),
    *("CDLA-Permissive-1.0", "CDLA-Permissive-2.0", "CDLA-Sharing-1.0"),
)
_RENAMED = {
    "ODbL-1.0": "odbl",
    "ODC-By-1.0": "odc-by",
    "PDDL-1.0": "pddl",
    "GPL-2.0-only": "gpl-2.0",
    "GPL-3.0-only": "gpl-3.0",
    "LGPL-3.0-only": "lgpl-3.0",
    "AGPL-3.0-only": "agpl-3.0",
}
_HUB = {spdx: spdx.lower() for spdx in _LISTED} | _RENAMED
_SPDX = {spdx.lower(): spdx for spdx in _HUB}


class Licence(NamedTuple):
    """A licence.

    Attributes:
        spdx: its SPDX identifier.
        hub: the name that the Hub lists it under; None if it lists none.
    """

    spdx: str
    hub: str | None

    @property
    def url(self) -> str | None:
        """The page of its text; None of a ``LicenseRef-``, which is somebody's own."""
        own = self.spdx.lower().startswith("licenseref-")
        return None if own else f"https://spdx.org/licenses/{self.spdx}.html"


def licence_of(identifier: str) -> Licence:
    """A licence by its SPDX identifier, in any case of letters.

    Raises:
        OptionError: no identifier can look like that.
    """
    if not _IDENTIFIER.fullmatch(identifier):
        raise OptionError(
            f"--license: found {identifier!r}, expected an SPDX identifier such as MIT or CC-BY-4.0"
        )
    spdx = _SPDX.get(identifier.lower(), identifier)
    return Licence(spdx, _HUB.get(spdx))
