"""Every engine there is, one after the other."""

import pytest

from neuralviews.fit.engine import Engine

from .engine_cases import ALL_ENGINES, SINGLE_PRECISION, make_engine


@pytest.fixture(params=ALL_ENGINES, scope="module")
def engine(request: pytest.FixtureRequest) -> Engine:
    return make_engine(request.param)


@pytest.fixture(params=SINGLE_PRECISION, scope="module")
def single(request: pytest.FixtureRequest) -> Engine:
    return make_engine(request.param)
