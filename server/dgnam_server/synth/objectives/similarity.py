"""How alike a picture is to others at a tap. With a negative weight, a picture is made different from them on purpose."""

import torch
from torch import Tensor
from torch.nn.functional import normalize

from dgnam_server.synth.objectives.gram import gram
from dgnam_server.synth.objectives.objective import Objective, Shown, cut
from dgnam_server.synth.rows import Rows
from dgnam_server.synth.spec import Readout


def cosine(values: Tensor, others: Tensor) -> Tensor:
    """`<v / |v|, mean_k o_k / |o_k|>`, (B, T), from -1 to 1: the mean cosine with K others. The diversity term of Lucid (Olah et al. 2017,
    "Feature visualization") is minus the sum of such cosines of Gram matrices over all pairs of a batch; here one picture is compared
    with finished ones, so that rows stay independent.

    Args:
        values: v, (B, N).
        others: (B, T, N), the mean of the others, each brought to length 1.
    """
    return torch.einsum("bn,btn->bt", normalize(values, dim=1), others)


def _features(tap: Tensor) -> Tensor:
    return tap.flatten(1)


def _gram(tap: Tensor) -> Tensor:
    return gram(tap).flatten(1)


def _read_features(tap: Tensor, rows: Rows) -> Tensor:
    values = _features(tap)
    return cosine(values, cut(rows.vector, values.shape[1]))


def _read_gram(tap: Tensor, rows: Rows) -> Tensor:
    values = _gram(tap)
    return cosine(values, cut(rows.vector, values.shape[1]))


def _wanted_features(shown: Shown) -> Tensor:
    return normalize(_features(shown.activation), dim=1).mean(0)


def _wanted_gram(shown: Shown) -> Tensor:
    return normalize(_gram(shown.activation), dim=1).mean(0)


FEATURE_SIMILARITY = Objective(Readout.FEATURE_SIMILARITY, _read_features, of_whole_taps=True, wanted=_wanted_features)
GRAM_SIMILARITY = Objective(Readout.GRAM_SIMILARITY, _read_gram, of_whole_taps=True, wanted=_wanted_gram)
