"""The pool of pictures that were made before: its rule, and that asking changes nothing."""

import pytest
import torch

from reverie.nets.pool import Pool


def numbered(*numbers: float) -> torch.Tensor:
    """Pictures (B, 1, 1, 1) that are one number each."""
    return torch.tensor(numbers, dtype=torch.float32).view(-1, 1, 1, 1)


def plain(new: torch.Tensor, pool: list[float], size: int) -> list[float]:
    """The rule in plain words: `pool` changes. The same chance is drawn as `ask` draws."""
    slots, halves = torch.randint(size, (len(new),)), torch.rand(len(new)) < 0.5
    seen = []
    for x, slot, half in zip(new.flatten().tolist(), slots.tolist(), halves.tolist()):
        if len(pool) < size:
            pool.append(x)
            seen.append(x)
        elif half:
            seen.append(pool[slot])
            pool[slot] = x
        else:
            seen.append(x)
    return seen


@pytest.mark.parametrize(("size", "batch"), [(3, 1), (3, 2), (4, 5), (2, 7), (50, 8)])
def test_pictures_are_kept_and_seen_one_after_the_other_as_the_rule_says(size, batch):
    """Also where two of one batch meet in one place, and where the pool becomes full within a batch."""
    pool, kept = Pool(size, (1, 1, 1)), []
    for turn in range(30):
        new = numbered(*(float(turn * batch + k + 1) for k in range(batch)))
        torch.manual_seed(turn)
        seen, change = pool.ask(new, 0)
        pool.absorb(change)
        torch.manual_seed(turn)
        assert seen.flatten().tolist() == plain(new, kept, size)
        assert pool.images[0].flatten().tolist() == kept + [0.0] * (size - len(kept))
        assert pool.filled.tolist() == [len(kept)]


def test_half_of_the_new_ones_give_way_to_an_old_one_drawn_evenly():
    pool = Pool(4, (1, 1, 1))
    torch.manual_seed(0)
    pool.absorb(pool.ask(numbered(1, 2, 3, 4), 0)[1])
    counts = torch.zeros(6)
    for _ in range(2_000):
        counts[int(pool.ask(numbered(5), 0)[0])] += 1  # nothing is absorbed: the pool stays as it is
    assert float(counts[5]) / 2_000 == pytest.approx(0.5, abs=4 * (0.25 / 2_000) ** 0.5)  # four deviations
    assert (counts[1:5] / 2_000 - 0.125).abs().max() < 4 * (0.125 * 0.875 / 2_000) ** 0.5


def test_asking_changes_nothing_and_shards_share_nothing():
    pool = Pool(2, (1, 1, 1))
    pool.cut(3)
    torch.manual_seed(0)
    before = pool.images.clone()
    changes = [pool.ask(numbered(10.0 * s + 1, 10.0 * s + 2), s)[1] for s in range(3)]
    assert torch.equal(pool.images, before)
    pool.absorb({k: sum(change[k] for change in changes) for k in changes[0]})
    assert pool.images.flatten(1).tolist() == [[1, 2], [11, 12], [21, 22]]
    for _ in range(20):
        seen, change = pool.ask(numbered(99), 1)
        assert float(seen) in (11, 12, 99)
        assert change["images"][0].abs().sum() == change["images"][2].abs().sum() == 0


def test_a_pool_of_none_shows_what_is_new():
    pool, new = Pool(0, (1, 1, 1)), numbered(1, 2)
    assert pool.ask(new, 0) == (new, {})


def test_a_pool_is_read_back_with_as_many_shards_as_were_saved():
    pool, other = Pool(2, (1, 1, 1)), Pool(2, (1, 1, 1))
    pool.cut(3)
    pool.absorb(pool.ask(numbered(7, 8), 2)[1])
    other.load_state_dict(pool.state_dict())
    assert torch.equal(other.images, pool.images)
    assert other.filled.tolist() == [0, 0, 2]
