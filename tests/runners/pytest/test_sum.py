import pytest


@pytest.mark.parametrize("a, b, c, status", [(2, 3, 5, 0), (2, 3, 6, 1), (-1, 1, 0, 0)])
def test_sum(program, a, b, c, status):
    r = program(str(a), str(b), str(c))
    assert (r.returncode, r.stdout) == (status, f"{a} + {b}\n")
