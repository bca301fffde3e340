"""What a conversation says over its profile is kept with it."""

import pytest

from pluma_tui.core.chat import Sampling
from pluma_tui.runtime.own import sampling_of, with_sampling


def test_sampling_is_kept_beside_what_a_file_brought() -> None:
    kept = with_sampling({"tags": ["x"]}, Sampling(temperature=0.2, stop=("###",)))
    assert kept == {"tags": ["x"], "sampling": {"temperature": 0.2, "stop": ["###"]}}
    assert sampling_of(kept) == Sampling(temperature=0.2, stop=("###",))
    assert with_sampling(kept, Sampling()) == {"tags": ["x"]}


@pytest.mark.parametrize("brought", ["hot", {"temperature": "hot"}, [1], None])
def test_what_a_file_brought_and_is_no_sampling_says_nothing(brought: object) -> None:
    assert sampling_of({"sampling": brought}) == Sampling()
