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
_UNLISTED = (
    *("0BSD", "BSD-3-Clause-Clear", "Artistic-2.0", "BSL-1.0", "EPL-1.0", "EPL-2.0", "EUPL-1.1", "EUPL-1.2"),
    *("GPL-2.0-or-later", "GPL-3.0-or-later", "LGPL-2.1-only", "LGPL-2.1-or-later", "LGPL-3.0-or-later"),
    *("AGPL-3.0-or-later", "MIT-0", "NCSA", "OSL-3.0", "CECILL-2.1", "MulanPSL-2.0", "OFL-1.1"),
    *("CC-BY-1.0", "CC-BY-SA-1.0", "CC-BY-SA-2.0", "CC-BY-SA-2.5", "CC-BY-ND-2.0", "CC-BY-ND-2.5"),
    *("CC-BY-ND-3.0", "CC-BY-NC-1.0", "CC-BY-NC-2.5", "CC-BY-NC-ND-2.0", "CC-BY-NC-ND-2.5"),
    *("CC-BY-NC-SA-1.0", "CC-BY-NC-SA-2.5", "CC-PDDC", "C-UDA-1.0", "O-UDA-1.0", "OGL-UK-3.0"),
    *("DL-DE-BY-2.0", "etalab-2.0"),
)
"""Further identifiers of SPDX that data comes under; no name of the Hub is known for them here."""
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
_SPDX = {spdx.lower(): spdx for spdx in (*_HUB, *_UNLISTED)}


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
        """The page of its text; None of one that is not known here, so that no link leads nowhere."""
        known = self.spdx.lower() in _SPDX
        return f"https://spdx.org/licenses/{self.spdx}.html" if known else None


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
