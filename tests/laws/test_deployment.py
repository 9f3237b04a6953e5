"""What deploy/ says is so: Compose, Kubernetes and Ray know its files, and each setting, port, user, folder and metric they name is there.

Nothing here asks the network: the schemas are those that check-jsonschema and kubernetes-validate bring, and kubectl only puts together.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from dgnam_server.engine import device_thread
from dgnam_server.rpc import serve
from dgnam_server.settings import OFF, PREFIX, Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
FILES = sorted(DEPLOY.rglob("*.yaml"))
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
USER = int(re.findall(r"^USER (\d+)$", DOCKERFILE, re.MULTILINE)[0])
TAIL_S = device_thread._LAST_STEP_S + serve._LAST_WORDS_S  # after the drain itself


def documents(path: Path) -> list[Any]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def kind(name: str) -> Any:
    """The object of this kind."""
    (found,) = [one for path in FILES for one in documents(path) if one.get("kind") == name]
    return found


def kubernetes_settings() -> dict[str, str]:
    (generator,) = documents(DEPLOY / "kubernetes/server/kustomization.yaml")[0]["configMapGenerator"]
    return dict(literal.split("=", 1) for literal in generator["literals"])


def compose() -> Any:
    (found,) = documents(DEPLOY / "compose.yaml")
    return found["services"]["server"]


def pod() -> Any:
    return kind("Deployment")["spec"]["template"]["spec"]


def test_there_are_some() -> None:
    assert len(FILES) >= 8 and all(document for path in FILES for document in documents(path))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_every_variable_is_a_setting(path: Path) -> None:
    named = {name.lower() for name in re.findall(rf"\b{PREFIX}([A-Z_0-9]+)", path.read_text(encoding="utf-8"))}
    assert named <= set(Settings.model_fields)


@pytest.mark.parametrize("variables", [kubernetes_settings(), compose()["environment"]], ids=["kubernetes", "compose"])
def test_their_values_are_right(variables: dict[str, str]) -> None:
    values = {name.removeprefix(PREFIX).lower(): value for name, value in variables.items() if name != "DGNAM_TOKEN"}
    Settings(**values)
    assert {"drain_timeout_s", "metrics_port", "metrics_host"} <= set(values)


def test_the_time_to_stop_covers_the_drain() -> None:
    assert seconds(compose()["stop_grace_period"]) > float(compose()["environment"]["DGNAM_DRAIN_TIMEOUT_S"]) + TAIL_S
    drain_s = float(kubernetes_settings()["DGNAM_DRAIN_TIMEOUT_S"])
    (container,) = pod()["containers"]
    assert pod()["terminationGracePeriodSeconds"] > container["lifecycle"]["preStop"]["sleep"]["seconds"] + drain_s + TAIL_S
    probe = container["livenessProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] > drain_s + TAIL_S, "a drain is not taken for an illness"


def seconds(text: str) -> int:
    assert text.endswith("s")
    return int(text[:-1])


def test_ports_are_the_servers() -> None:
    port = Settings().port
    (container,) = pod()["containers"]
    assert {one["name"]: one["containerPort"] for one in container["ports"]} == {
        "grpc": port,
        "metrics": int(kubernetes_settings()["DGNAM_METRICS_PORT"]),
    }
    assert {container[probe]["grpc"]["port"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")} == {port}
    (service,) = kind("Service")["spec"]["ports"]
    assert (service["port"], service["targetPort"]) == (port, "grpc")
    assert compose()["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert f"EXPOSE {port}" in DOCKERFILE


def test_it_runs_as_the_images_user_and_writes_only_where_it_may() -> None:
    context, (container,) = pod()["securityContext"], pod()["containers"]
    assert (context["runAsUser"], context["runAsNonRoot"]) == (USER, True)
    assert container["securityContext"]["readOnlyRootFilesystem"] and compose()["read_only"]
    mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
    composed = {volume.partition(":")[2] for volume in compose()["volumes"]} | set(compose()["tmpfs"])
    assert mounted == composed
    for folder in mounted - {"/tmp"}:
        assert folder in DOCKERFILE, "a volume belongs to the user only where the image has the folder"
    (port_file,) = re.findall(rf"{PREFIX}PORT_FILE=(\S+)", DOCKERFILE)
    assert Path(port_file).parent.as_posix() in mounted


def test_it_scales_by_a_metric_that_there_is() -> None:
    autoscaler = kind("HorizontalPodAutoscaler")["spec"]
    (metric,) = [one["pods"]["metric"]["name"] for one in autoscaler["metrics"]]
    assert f'"{metric}"' in (ROOT / "server/dgnam_server/observability/metrics.py").read_text(encoding="utf-8")
    assert autoscaler["scaleTargetRef"]["name"] == kind("Deployment")["metadata"]["name"]


def test_every_flag_and_extra_is_there() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in FILES)
    flags = {flag for line in re.findall(r"dgnam-server (--.*)", text) for flag in re.findall(r"--([a-z-]+)", line)}
    assert flags and {flag.replace("-", "_") for flag in flags} <= set(Settings.model_fields)
    for package, extras in re.findall(r'"\./(\w+)\[([\w,]+)\]"', text + DOCKERFILE):
        declared = (ROOT / package / "pyproject.toml").read_text(encoding="utf-8")
        for extra in extras.replace("$VARIANT", "cpu").split(","):
            assert re.search(rf"^{extra} = \[", declared, re.MULTILINE), (package, extra)


def test_composes_files_are_some_to_compose(tmp_path: Path) -> None:
    wrong = tmp_path / "compose.yaml"
    wrong.write_text("services: {server: {image: dgnam-server, memory: 8g}}")
    files = [str(path) for path in (DEPLOY / "compose.yaml", DEPLOY / "compose.gpu.yaml", wrong)]
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", "--output-format", "json", *files]
    told = json.loads(subprocess.run(command, capture_output=True, timeout=60, check=False).stdout)
    assert not told["parse_errors"] and {error["filename"] for error in told["errors"]} == {str(wrong)}, told


def test_compose_builds_what_the_dockerfile_can() -> None:
    (whole,), (overlay,) = documents(DEPLOY / "compose.yaml"), documents(DEPLOY / "compose.gpu.yaml")
    assert overlay["services"].keys() == whole["services"].keys()
    assert (DEPLOY / compose()["build"]["context"]).resolve() == ROOT
    variants = set(re.findall(r"^ +(\w+)\) pip install torch", DOCKERFILE, re.MULTILINE))
    for service in (compose(), overlay["services"]["server"]):
        (variant,) = service["build"]["args"].values()
        assert variant in variants and service["image"] == f"dgnam-server:{variant}"
    assert {volume.partition(":")[0] for volume in compose()["volumes"]} == set(whole["volumes"])
    assert "HEALTHCHECK" in DOCKERFILE, "`up --wait` waits for it"


@pytest.fixture(params=["server", "gpu", "autoscaling"])
def applied(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The objects by their kinds, as `kubectl apply -k` sends them."""
    if shutil.which("kubectl") is None:
        pytest.skip("needs kubectl, which puts the files together")
    command = ["kubectl", "kustomize", str(DEPLOY / "kubernetes" / request.param)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return {"folder": request.param, **{one["kind"]: one for one in yaml.safe_load_all(done.stdout)}}


def test_kubernetes_files_are_some_to_kubernetes(applied: dict[str, Any]) -> None:
    validate = pytest.importorskip("kubernetes_validate")
    objects = [one for kind, one in applied.items() if kind != "folder"]
    assert len(objects) >= 5
    for one in objects:
        validate.validate(one, validate.latest_version(), strict=True)


def test_what_its_objects_name_of_each_other_is_there(applied: dict[str, Any]) -> None:
    template = applied["Deployment"]["spec"]["template"]
    (container,), labels = template["spec"]["containers"], template["metadata"]["labels"]
    selectors = [applied[kind]["spec"]["selector"]["matchLabels"] for kind in ("Deployment", "PodDisruptionBudget")]
    selectors += [applied["Service"]["spec"]["selector"], applied["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"]]
    assert all(selector and selector.items() <= labels.items() for selector in selectors)
    settings, secret = container["envFrom"]
    assert settings["configMapRef"]["name"] == applied["ConfigMap"]["metadata"]["name"]
    assert f"create secret generic {secret['secretRef']['name']} " in (ROOT / "docs/how-to/scale.md").read_text(encoding="utf-8")
    assert {one["name"] for one in container["volumeMounts"]} == {one["name"] for one in template["spec"]["volumes"]}
    let_in = {one["port"] for rule in applied["NetworkPolicy"]["spec"]["ingress"] for one in rule["ports"]}
    assert let_in == {one["name"] for one in container["ports"]}


def test_pods_keep_no_jobs_of_their_own() -> None:
    """Of several pods each would know other jobs. The secret's words come last, and so it can turn them on, with what the image has."""
    assert kubernetes_settings()["DGNAM_JOBS"] == OFF
    (container,) = pod()["containers"]
    assert "secretRef" in container["envFrom"][-1]
    assert {"postgresql", "s3"} <= set(re.findall(r'"\./server\[([\w,]+)\]"', DOCKERFILE)[0].split(","))


def test_each_folder_is_what_it_is_for(applied: dict[str, Any]) -> None:
    gpu, (container,) = applied["folder"] == "gpu", applied["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"dgnam-server:{'gpu' if gpu else 'cpu'}"
    assert container["resources"]["limits"].get("nvidia.com/gpu") == (1 if gpu else None)
    assert ("HorizontalPodAutoscaler" in applied) == (applied["folder"] == "autoscaling")
    assert ("replicas" in applied["Deployment"]["spec"]) != ("HorizontalPodAutoscaler" in applied), "one of them says how many"


def test_rays_file_is_one_to_ray() -> None:
    schema = pytest.importorskip("ray.autoscaler._private.util")
    (config,) = documents(DEPLOY / "ray-cluster.yaml")
    schema.validate_config(schema.prepare_config(config))


def test_the_dockerfile_can_be_followed() -> None:
    """By scripts/check-dockerfile, which knows no other instructions, and whose context is what .dockerignore leaves."""
    program = """
import importlib.machinery, importlib.util, json, sys
loader = importlib.machinery.SourceFileLoader("following", sys.argv[1])
spec = importlib.util.spec_from_loader("following", loader)
following = importlib.util.module_from_spec(spec)
sys.modules["following"] = following
loader.exec_module(following)
patterns = [line for line in (following.SOURCE / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
paths = ["proto/dgnam_proto/__init__.py", "constraints.txt", "README.md", "tests/fronts.py", "server/dgnam_server/__pycache__/app.pyc"]
steps = [step.instruction for step in following.steps((following.SOURCE / "Dockerfile").read_text())]
print(json.dumps({"steps": steps, "left": [path for path in paths if not following.ignored(path, patterns)]}))
"""
    command = [sys.executable, "-B", "-c", program, str(ROOT / "scripts/check-dockerfile")]
    told = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)
    assert told["left"] == ["proto/dgnam_proto/__init__.py", "constraints.txt"]
    assert told["steps"].count("FROM") == 3 and told["steps"][-1] == "ENTRYPOINT"
