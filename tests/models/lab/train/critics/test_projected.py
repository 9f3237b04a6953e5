"""The critic's heads: what they see, and what they are bound to."""

import torch
from dgnam_models.lab.train.critics.projected import Head, ProjectedCritic, Shape

SHAPE = Shape(code=8, channels=(3, 5), halvings=(2, 0), width=4, fine_channels=2, fine_width=6)


def features(rows: int = 4) -> list[torch.Tensor]:
    random = torch.Generator().manual_seed(1)
    return [torch.randn(rows, c, side, side, generator=random) for c, side in ((3, 16), (5, 4), (2, 32))]


def test_a_head_for_each_tap_and_a_logit_for_each_patch() -> None:
    logits = ProjectedCritic(SHAPE)(features(), torch.rand(4, 8))
    assert [tuple(logit.shape) for logit in logits] == [(4, 1, 4, 4), (4, 1, 4, 4), (4, 1, 16, 16)]


def test_mixing_is_the_same_for_every_critic_and_never_learns() -> None:
    torch.manual_seed(1)
    one = ProjectedCritic(SHAPE)
    torch.manual_seed(2)
    other = ProjectedCritic(SHAPE)
    assert torch.equal(one.get_buffer("mixing0"), other.get_buffer("mixing0"))
    assert not any(name.startswith("mixing") for name, _ in one.named_parameters())
    assert any(not torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    everywhere = torch.cat([one.get_buffer("mixing1").flatten() for one in [ProjectedCritic(Shape(8, (9, 400), (0, 0), 64, 2, 2))]])
    assert abs(everywhere.square().mean().item() * 400 - 1) < 0.05, "mixed features are as large as they were"


def test_the_finest_features_are_seen_as_they_are() -> None:
    critic, seen = ProjectedCritic(SHAPE), []
    critic.heads[-1].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    given = features()
    critic(given, torch.rand(4, 8))
    assert torch.equal(seen[0], given[-1])


def test_a_logit_is_the_patchs_own_and_its_agreement_with_the_code() -> None:
    """By hand: two features of a 1x1 convolution's worth, `o(h) + h . V y / sqrt(2)`."""
    head = Head(1, 2, (1,), 3).eval()
    x, y = torch.rand(1, 1, 1, 1), torch.rand(1, 3)
    h = head.layers(x).flatten()
    wanted = (head.out.weight.flatten() * h).sum() + head.out.bias + (h * (head.code.weight @ y[0] + head.code.bias)).sum() / 2**0.5
    torch.testing.assert_close(head(x, y).flatten(), wanted)


def test_no_layer_is_steeper_than_1() -> None:
    critic = ProjectedCritic(SHAPE)
    with torch.no_grad():
        for parameter in critic.parameters():
            parameter.mul_(50)
        for _ in range(20):  # the norm is found step by step, as it is used
            critic(features(), torch.rand(4, 8))
        head = critic.heads[0].eval()
        for layer in (head.layers[0], head.layers[2], head.out, head.code):
            assert abs(torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() - 1) < 0.1
