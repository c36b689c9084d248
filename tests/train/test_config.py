"""Schedules, and what a config refuses."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from dmlseg_core.errors import ParameterError
from dmlseg_core.train.config import TrainConfig
from dmlseg_core.train.loop import learning_rate_factor, loss_weight
from tests.train.toy_runs import CONFIG

# ---------------------------------------------------------------- schedules


def test_learning_rate():
    config = replace(CONFIG, steps=100, warmup=10, cooldown=20)
    factors = [learning_rate_factor(k, config) for k in range(101)]
    assert factors[0] == pytest.approx(0.1) and factors[9:81] == [1.0] * 72
    assert factors[85] == pytest.approx(0.5) and factors[100] == 0
    assert all(a >= b for a, b in pairwise(factors[80:]))
    longer = replace(config, steps=200)
    assert factors[:81] == [learning_rate_factor(k, longer) for k in range(81)]


def test_lambda_ramps_from_zero():
    config = replace(CONFIG, lambda_max=0.2, lambda_ramp=10)
    assert [loss_weight(k, config) for k in (0, 5, 10, 99)] == pytest.approx([0, 0.1, 0.2, 0.2])


@pytest.mark.parametrize("change", [{"crop": 32}, {"steps": 0}, {"lr": 2}, {"precision": "half"},
                                    {"match_iou": -1}])  # fmt: skip
def test_configs_validate_themselves(change):
    with pytest.raises(ParameterError, match=next(iter(change))):
        replace(CONFIG, **change)


def test_config_round_trip():
    assert TrainConfig.from_dict(CONFIG.to_dict()) == CONFIG
