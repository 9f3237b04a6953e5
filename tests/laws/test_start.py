"""What a plain start does not import: PyTorch before the port is open, and at no time what only some servers need."""

import subprocess
import sys

import pytest

# Each takes from a tenth of a second to several; some only come with an extra.
OPTIONAL = (
    "captum",
    "dgnam_client",
    "dgnam_models.lab",
    "faiss",
    "lucent",
    "matplotlib",
    "onnx",
    "onnx2pytorch",
    "onnxruntime",
    "opentelemetry",
    "pandas",
    "psycopg",
    "pyarrow",
    "ray",
    "s3fs",
    "scipy",
    "sklearn",
    "starlette",
    "torch._dynamo",
    "torch._inductor",
    "torchvision",
    "transformers",
    "uvicorn",
)


@pytest.mark.parametrize(
    ("module", "absent"),
    [("dgnam_server.starting", ("torch", "sqlalchemy", *OPTIONAL)), ("dgnam_server.app", OPTIONAL)],
    ids=["before the port is open", "to serve"],
)
def test_only_what_a_plain_start_needs_is_imported(module: str, absent: tuple[str, ...]) -> None:
    code = (
        f"import sys, {module}, dgnam_server.__main__, dgnam_server.rpc.serve; print([name for name in {absent!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
