import pytest
from fuzz_melody import fuzz


@pytest.mark.parametrize("kind", ["musicxml", "mxl"])
def test_no_damaged_score_leads_to_anything_but_a_melody_or_a_clear_error(kind):
    outcomes, failures, slowest = fuzz(5000, kind=kind)
    assert failures == []
    assert slowest < 5
    assert sum(outcomes.values()) == 5000
    assert outcomes["a melody"] > 40
    assert len(outcomes) > 3
