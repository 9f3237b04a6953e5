"""Update rules. A new one is a file here and a line in the table."""

from dgnam_server.synth.rules.adam import ADAM
from dgnam_server.synth.rules.covariance_ascent import COVARIANCE_ASCENT
from dgnam_server.synth.rules.guided_denoising import GUIDED_DENOISING
from dgnam_server.synth.rules.langevin import LANGEVIN
from dgnam_server.synth.rules.momentum_ascent import MOMENTUM_ASCENT
from dgnam_server.synth.rules.normalized_ascent import NORMALIZED_ASCENT
from dgnam_server.synth.rules.rule import Rule

_TABLE = (NORMALIZED_ASCENT, COVARIANCE_ASCENT, MOMENTUM_ASCENT, ADAM, LANGEVIN, GUIDED_DENOISING)
RULES: dict[str, Rule] = {rule.name: rule for rule in _TABLE}

__all__ = ["RULES", "Rule"]
