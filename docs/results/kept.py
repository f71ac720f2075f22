"""Numbers that are noted by name in one file."""

import json
from pathlib import Path
from typing import Any

__all__ = ["keep"]


def keep(path: Path, name: str, noted: Any) -> None:
    """Add to the file, or replace what it has of that name."""
    content = json.loads(path.read_text()) if path.exists() else {}
    content[name] = noted
    path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
