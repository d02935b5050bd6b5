"""The pool of random numbers: in range, never the same piece twice, refilled."""

from __future__ import annotations

from switchhook.exchange.chance import POOL_BYTES, PooledRandom


def test_numbers_stay_in_their_range() -> None:
    chance = PooledRandom()
    for bits in (0, 1, 7, 8, 31, 64, 96):
        assert all(0 <= chance.getrandbits(bits) < 2**bits or bits == 0 for _ in range(50))
    assert all(0.0 <= chance.random() < 1.0 for _ in range(200))
    assert {chance.randrange(3) for _ in range(200)} == {0, 1, 2}


def test_no_piece_of_the_pool_is_given_out_twice() -> None:
    chance = PooledRandom()
    given = [chance.randbytes(8) for _ in range(4 * POOL_BYTES // 8)]
    assert len(set(given)) == len(given)


def test_more_than_the_pool_holds_comes_at_once() -> None:
    assert len(PooledRandom().randbytes(3 * POOL_BYTES)) == 3 * POOL_BYTES
