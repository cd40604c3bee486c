"""The purposes of sampling runs. To add a purpose, implement SamplingPurpose and list it here."""

from __future__ import annotations

from app.generators.alternatives import AlternativesPurpose
from app.generators.pool_sampling import PoolPurpose
from app.generators.purpose import SamplingPurpose
from app.generators.rollouts import RolloutsPurpose
from app.generators.trial import TrialPurpose

PURPOSES: dict[str, SamplingPurpose] = {
    purpose.name: purpose
    for purpose in (TrialPurpose(), PoolPurpose(), RolloutsPurpose(), AlternativesPurpose())
}
