"""``python -m neuralviews`` is the command line."""

from .cli.main import main

main()
