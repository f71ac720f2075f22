"""What the pages quote is what there is."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("datasets/*/CARD.md"),
    ]
)


def test_the_tour_shows_the_recipe_of_digits() -> None:
    recipe = (ROOT / "datasets" / "digits" / "recipe.toml").read_text()
    assert f"```toml\n{recipe}```" in (ROOT / "docs" / "tour.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page}: {target}"


def test_commands_in_the_pages_exist() -> None:
    from neuralviews.cli.main import COMMANDS

    for page in PAGES:
        for command in re.findall(r"^neuralviews (\w+)", page.read_text(), re.M):
            assert command in COMMANDS, f"{page}: neuralviews {command}"
