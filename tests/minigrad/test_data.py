"""utils.data: data sets, samplers, batches."""

from collections import Counter, namedtuple

import numpy as np
import pytest
from hypothesis import given, strategies as st

import minigrad as torch
from minigrad.utils import data
from minigrad.utils.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    Dataset,
    RandomSampler,
    Sampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    default_collate,
    random_split,
)


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def test_reachable_as_in_pytorch():
    assert torch.utils.data is data
    with pytest.raises(AttributeError, match="Did you mean 'DataLoader'"):
        data.Dataloader


def test_tensor_dataset_and_subset():
    whole = TensorDataset(torch.arange(6).reshape(3, 2), torch.tensor([7, 8, 9]))
    assert len(whole) == 3
    assert [part.tolist() for part in whole[1]] == [[2, 3], 8]
    part = Subset(whole, [2, 0])
    assert len(part) == 2
    assert part[0][1].item() == 9
    assert part[[1, 0]][1].tolist() == [7, 9]
    with pytest.raises(AssertionError, match="Size mismatch between tensors"):
        TensorDataset(torch.ones(2), torch.ones(3))
    with pytest.raises(NotImplementedError, match="should implement __getitem__"):
        Dataset()[0]


def test_data_sets_one_after_another():
    joined = TensorDataset(torch.arange(2)) + TensorDataset(torch.arange(10, 13))
    assert isinstance(joined, ConcatDataset)
    assert [joined[i][0].item() for i in range(-5, 5)] == [0, 1, 10, 11, 12] * 2
    with pytest.raises(IndexError, match="index 5 is out of range"):
        joined[5]
    with pytest.raises(ValueError, match="absolute value of index"):
        joined[-6]
    with pytest.raises(AssertionError, match="should not be an empty iterable"):
        ConcatDataset([])
    assert sum(x.numel() for (x,) in DataLoader(joined, batch_size=2)) == 5


@given(st.lists(st.integers(0, 20), min_size=1, max_size=4), st.integers(0, 2**32))
def test_random_split(lengths, seed):
    n = sum(lengths)
    if n == 1:  # one count of 1 is the fraction 1 as well
        return
    parts = random_split(range(n), lengths, generator=seeded(seed))
    assert [len(part) for part in parts] == lengths
    assert sorted(i for part in parts for i in part) == list(range(n))
    again = random_split(range(n), lengths, generator=seeded(seed))
    assert [part.indices for part in again] == [part.indices for part in parts]


def test_random_split_by_fractions():
    assert [len(part) for part in random_split(range(11), [0.5, 0.25, 0.25])] == [6, 3, 2]
    with pytest.warns(UserWarning, match="Length of split at index 1 is 0"):
        random_split(range(1), [0.5, 0.5])
    with pytest.raises(ValueError, match="Sum of input lengths does not equal"):
        random_split(range(5), [2, 2])
    with pytest.raises(ValueError, match="Fraction at index 0 is not between 0 and 1"):
        random_split(range(5), [1.5, -0.5])


def test_shuffling_is_fair():
    """Each of the 6 orders of 3 comes about as often: 5 standard deviations are allowed."""
    sampler = RandomSampler(range(3), generator=seeded(0))
    counts = Counter(tuple(sampler) for _ in range(3000))
    assert len(counts) == 6
    assert all(abs(count - 500) < 5 * (3000 * 5 / 36) ** 0.5 for count in counts.values())


def test_random_sampler():
    assert sorted(RandomSampler(range(10))) == list(range(10))
    longer = list(RandomSampler(range(4), num_samples=10, generator=seeded(0)))
    assert [sorted(longer[:4]), sorted(longer[4:8])] == [[0, 1, 2, 3]] * 2
    assert len(longer) == 10
    drawn = list(RandomSampler(range(4), replacement=True, num_samples=100, generator=seeded(0)))
    assert set(drawn) == {0, 1, 2, 3}
    assert sorted(SubsetRandomSampler([5, 7, 9])) == [5, 7, 9]
    assert len(SubsetRandomSampler([5, 7, 9])) == 3
    with pytest.raises(ValueError, match="num_samples should be a positive integer value, but got num_samples=0"):
        RandomSampler([])
    with pytest.raises(TypeError, match="replacement should be a boolean"):
        RandomSampler([1], replacement=3)


@given(st.integers(1, 30), st.integers(1, 12), st.booleans())
def test_batches_cover_everything_once(n, batch_size, drop_last):
    sampler = BatchSampler(SequentialSampler(range(n)), batch_size, drop_last)
    batches = list(sampler)
    kept = n // batch_size * batch_size if drop_last else n
    assert [i for batch in batches for i in batch] == list(range(kept))
    assert all(len(batch) == batch_size for batch in batches[:-1])
    assert len(batches) == len(sampler)
    loader = DataLoader(range(n), batch_size, shuffle=True, drop_last=drop_last)
    seen = [i for batch in loader for i in batch.tolist()]
    assert len(seen) == kept == len(set(seen))
    assert len(loader) == len(batches)


def test_a_seed_fixes_the_order_and_epochs_differ():
    def epochs(generator=None):
        loader = DataLoader(range(20), 7, shuffle=True, generator=generator)
        return [[batch.tolist() for batch in loader] for _ in range(2)]

    torch.manual_seed(3)
    first = epochs()
    torch.manual_seed(3)
    assert epochs() == first
    assert first[0] != first[1]
    assert epochs(seeded(5)) == epochs(seeded(5))


def test_samplers_of_ones_own_and_collate():
    assert [b.tolist() for b in DataLoader(range(9), 2, sampler=[8, 1, 3])] == [[8, 1], [3]]
    assert [b.tolist() for b in DataLoader(range(9), batch_sampler=[[1], [2, 3]])] == [[1], [2, 3]]
    assert list(DataLoader(range(3), 2, collate_fn=sum)) == [1, 2]
    assert list(DataLoader("abc", batch_size=None)) == ["a", "b", "c"]
    assert len(DataLoader("abc", batch_size=None)) == 3

    class Together(Dataset):
        def __len__(self):
            return 4

        def __getitems__(self, indices):
            return [10 * i for i in indices]

    assert [b.tolist() for b in DataLoader(Together(), 3)] == [[0, 10, 20], [30]]
    with pytest.raises(NotImplementedError):
        iter(Sampler())


def test_default_collate():
    Pair = namedtuple("Pair", "x y")
    got = default_collate([Pair(1, "a"), Pair(2, "b")])
    assert isinstance(got, Pair)
    assert (got.x.tolist(), got.y) == ([1, 2], ("a", "b"))
    assert default_collate([b"x", b"y"]) == [b"x", b"y"]
    arrays = default_collate([np.ones(2, np.float32), np.zeros(2, np.float32)])
    assert arrays.dtype is torch.float32
    assert default_collate([np.float32(1), np.float32(2)]).dtype is torch.float32
    weights = torch.ones(2, requires_grad=True)
    assert default_collate([weights, weights]).requires_grad
    with pytest.raises(TypeError, match="found <class 'object'>"):
        default_collate([object()])
    with pytest.raises(RuntimeError, match="each element in list of batch should be of equal size"):
        default_collate([(1, 2), (3,)])
    with pytest.raises(RuntimeError, match="stack expects each tensor to be equal size"):
        default_collate([torch.ones(2), torch.ones(3)])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"timeout": -1}, "timeout option should be non-negative"),
        ({"prefetch_factor": 2}, "prefetch_factor option could only be specified"),
        ({"persistent_workers": True}, "persistent_workers option needs num_workers > 0"),
        ({"num_workers": -1}, "num_workers option should be non-negative"),
        ({"batch_size": 0}, "batch_size should be a positive integer value, but got batch_size=0"),
        ({"sampler": [1], "shuffle": True}, "sampler option is mutually exclusive with shuffle"),
        ({"batch_sampler": [[1]], "drop_last": True}, "batch_sampler option is mutually exclusive"),
        ({"batch_size": None, "drop_last": True}, "batch_size=None option disables auto-batching"),
        ({"drop_last": 3}, "drop_last should be a boolean value"),
    ],
)
def test_options_that_do_not_go_together(options, message):
    with pytest.raises(ValueError, match=message):
        DataLoader(range(3), **options)
