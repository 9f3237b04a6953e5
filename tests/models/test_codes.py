"""Codes are what the encoder's tap holds, photograph by photograph, of the middle that it sees."""

from pathlib import Path

import dgnam_models
import torch
from dgnam_models import Network, codes
from dgnam_models.photographs import Photographs


def test_codes_of_photographs_are_those_of_each(tiny_pack: Path) -> None:
    encoder = dgnam_models.load("tiny", packs=[tiny_pack])
    assert isinstance(encoder, Network)
    pixels = torch.randint(0, 256, (300, 3, 36, 36), dtype=torch.uint8)  # more than a batch, larger than the encoder's 32 px
    found = codes.of_photographs(encoder, "pool5", Photographs(pixels, torch.zeros(300, dtype=torch.int64), ("a",)))
    assert found.dtype == torch.float32
    for row in (0, 255, 256, 299):
        image = pixels[row : row + 1, :, 2:34, 2:34].float() / 255
        torch.testing.assert_close(found[row], encoder.activations(image, ["pool5"])["pool5"].flatten(), rtol=1e-4, atol=1e-5)
