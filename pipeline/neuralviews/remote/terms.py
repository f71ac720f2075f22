"""What only the publisher of a dataset knows: its title, its licence, its authors, its address."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date as calendar_date
from typing import Self

from ..errors import OptionError
from .licences import Licence, licence_of

__all__ = ["HUB", "Terms"]

HUB = "https://huggingface.co/datasets/"
_REPOSITORY = re.compile(r"hf://([A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95})", re.ASCII)
_URL = re.compile(r"https?://(?![^/]*@)[!-~]+")
"""Without names of users and passwords, which would be published."""
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@dataclass(frozen=True)
class Terms:
    """What is stated of a release beyond its store; None is what was not stated, and is said to be unknown.

    Attributes:
        title: one line for people.
        licence: of the weights.
        source_licence: a sentence on what the weights were made from.
        creators: who made the dataset.
        date: of publication, ``YYYY-MM-DD``.
        base: the address below which every file of the release lies under its own name, with '/' at the end.
        page: the address of the dataset.
        repository: ``owner/name`` on the Hugging Face Hub.
    """

    title: str | None = None
    licence: Licence | None = None
    source_licence: str | None = None
    creators: tuple[str, ...] = ()
    date: str | None = None
    base: str | None = None
    page: str | None = None
    repository: str | None = None

    @classmethod
    def checked(
        cls,
        *,
        title: str | None = None,
        license: str | None = None,
        source_license: str | None = None,
        creators: Sequence[str] = (),
        date: str | None = None,
        url: str | None = None,
        to: str | None = None,
    ) -> Self:
        """Check options as they were given.

        Args:
            license: an SPDX identifier.
            url: the base address; without it that of the repository, if one is given.
            to: ``hf://owner/name``.
        Raises:
            OptionError: names the option, what was found and what was expected.
        """
        lines = [
            ("title", title),
            ("source-license", source_license),
            *(("creator", one) for one in creators),
        ]
        for option, text in lines:
            if text is not None and (not text.strip() or not text.isprintable()):
                raise OptionError(f"--{option}: found {text!r}, expected one line of text")
        if date is not None and not _is_date(date):
            raise OptionError(f"--date: found {date!r}, expected a day such as 2026-11-28")
        if url is not None and (not _URL.fullmatch(url) or "?" in url or "#" in url):
            raise OptionError(
                f"--url: found {url!r}, expected an address that begins with https:// or http:// and has "
                "no user, ? or #: names of files are put behind it"
            )
        repository = None if to is None else _repository(to)
        page = url
        if url is None and repository is not None:
            page, url = HUB + repository, f"{HUB}{repository}/resolve/main"
        return cls(
            title,
            None if license is None else licence_of(license),
            source_license,
            tuple(creators),
            date,
            None if url is None else url.rstrip("/") + "/",
            page,
            repository,
        )

    def missing(self) -> list[str]:
        """A line for each thing that a reader of the release will look for in vain."""
        lines = []
        if self.licence is None:
            lines.append("licence: not stated, so the card says 'unknown'; give --license")
        elif self.licence.hub is None:
            lines.append(
                f"licence: the Hub does not list {self.licence.spdx}; the card says 'other', and the name"
                + ("" if self.licence.url else " without a link, as no SPDX licence is known by it here")
            )
        wanted = {"creator": self.creators, "datePublished": self.date, "url": self.page}
        if lacking := [name for name, value in wanted.items() if not value]:
            options = {"creator": "--creator", "datePublished": "--date", "url": "--url"}
            lines.append(
                f"croissant.json: without {', '.join(lacking)}, which Croissant asks for; "
                f"give {', '.join(options[name] for name in lacking)}"
            )
        return lines


def _is_date(text: str) -> bool:
    try:
        return _DATE.fullmatch(text) is not None and bool(calendar_date.fromisoformat(text))
    except ValueError:
        return False


def _repository(text: str) -> str:
    found = _REPOSITORY.fullmatch(text)
    if found is None:
        raise OptionError(f"--to: found {text!r}, expected hf://owner/name")
    return found[1]
