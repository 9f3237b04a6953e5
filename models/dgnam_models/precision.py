"""Which precision is fast where."""

import torch


def has_fast_bfloat16(device: torch.device) -> bool:
    """Does the device multiply bfloat16 in hardware? Where it does not, bfloat16 is several times slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        return bool(torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported())
    return False
