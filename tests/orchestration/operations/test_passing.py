"""How long to wait before the next attempt."""

import random

from apexline.orchestration.operations.passing import Delays


def test_waits_double_up_to_a_minute():
    random.seed(1)
    delays = Delays()
    waits = [delays.next() for _ in range(9)]
    uppers = [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert all(upper / 2 <= wait <= upper for wait, upper in zip(waits, uppers, strict=True))


def test_cameras_that_were_lost_together_do_not_come_back_together():
    assert len({Delays().next() for _ in range(20)}) == 20
