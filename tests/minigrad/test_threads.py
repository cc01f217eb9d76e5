"""set_num_threads reaches the matrix products."""

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import minigrad as torch


def test_the_number_of_threads_is_set_and_read():
    with threadpool_limits(None):  # restores what was
        torch.set_num_threads(1)
        assert torch.get_num_threads() == 1
        assert {pool["num_threads"] for pool in threadpool_info()} == {1}


@pytest.mark.parametrize(("number", "error"), [(0, RuntimeError), (-1, RuntimeError), (1.5, TypeError), ("1", TypeError)])
def test_nonsense_is_refused(number, error):
    with pytest.raises(error):
        torch.set_num_threads(number)
