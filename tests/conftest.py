"""What all tests share: properties are tried on the same examples everywhere, on slow machines too."""

from hypothesis import settings

settings.register_profile("neuralviews", deadline=None, derandomize=True, database=None)
settings.load_profile("neuralviews")
