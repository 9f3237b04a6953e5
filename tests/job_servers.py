"""Where jobs can be kept: a real PostgreSQL, and what speaks as S3 does, both started by the tests."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from free_ports import free_port


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a PostgreSQL that this session has started."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    binary = found[-1].parent if found else Path(shutil.which("initdb") or "none").parent
    if not (binary / "initdb").exists():
        pytest.skip("PostgreSQL is not installed (Debian: postgresql)")
    as_user: list[str] = []
    if os.getuid() == 0:  # which PostgreSQL refuses to run as
        if not shutil.which("setpriv"):
            pytest.skip("PostgreSQL does not run as root, and there is no setpriv to become somebody else")
        as_user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    with tempfile.TemporaryDirectory(prefix="dgnam-postgresql-") as text:
        folder = Path(text)
        folder.chmod(0o777)
        data = folder / "data"
        port = free_port()
        run = {"check": True, "stdout": subprocess.DEVNULL, "cwd": "/", "timeout": 100, "env": {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}}
        subprocess.run([*as_user, binary / "initdb", "-D", data, "-U", "dgnam", "--auth=trust", "--encoding=UTF8", "--no-sync"], **run)  # type: ignore[call-overload]
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        control = [*as_user, binary / "pg_ctl", "-D", data, "-w"]
        subprocess.run([*control, "-t", "90", "-l", folder / "log", "-o", options, "start"], **run)  # type: ignore[call-overload]
        try:
            yield f"postgresql://dgnam@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], **run)  # type: ignore[call-overload]


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """A bucket of moto's server."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        from moto.server import ThreadedMotoServer

        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
        server.start()
        host, port = server.get_host_and_port()
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        import boto3

        boto3.client("s3").create_bucket(Bucket="jobs")
        yield "s3://jobs/pictures"
        server.stop()
