"""Serve an ONNX file: export a network, import it into a pack, start a server on the pack.

    python examples/own_onnx_server.py --pack stripes-pack      # then, in another terminal: examples/own_onnx_client.py

Arguments that it does not know go to dgnam-server. The network is that of stripes.py; put your file in its place.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import stripes
import torch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pack", type=Path, default=Path("stripes-pack"), help="folder to write (default: %(default)s)")
    options, for_server = parser.parse_known_args()
    options.pack.mkdir(parents=True, exist_ok=True)

    file, labels = options.pack / "stripes.onnx", options.pack / "labels.txt"
    picture = torch.zeros(1, 3, stripes.SIZE, stripes.SIZE)
    free = {"picture": {0: "batch"}, "logits": {0: "batch"}}
    names = {"input_names": ["picture"], "output_names": ["logits"]}
    torch.onnx.export(stripes.trained(), (picture,), str(file), dynamic_axes=free, dynamo=False, **names)
    labels.write_text("\n".join(stripes.LABELS))

    levels = ["--mean", "0.5", "0.5", "0.5", "--std", "0.25", "0.25", "0.25", "--labels", str(labels)]
    subprocess.run([sys.executable, "-m", "dgnam_models", "import", "onnx", str(file), *levels, "--into", str(options.pack)], check=True)
    os.execv(sys.executable, [sys.executable, "-m", "dgnam_server", "--models", str(options.pack), *for_server])


if __name__ == "__main__":
    main()
