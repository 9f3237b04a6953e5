"""The benchmark runs from end to end on tiny models. What it measures is nobody's business here."""

import json
import math
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import attack_figures
import bench as program
import network_figures
import pytest
import side_processes
import torch
from attack_figures import Round
from attacks import ATTACKS
from dgnam_models import Preprocessing
from dgnam_server import catalog
from dgnam_server.engine.scheduler import Demand
from load_figures import WholeBatches, arrival_times
from measuring import Bench
from step_figures import peak_mib, print_nothing
from tiny_models import NAMES


@pytest.fixture
def tiny_bench(tiny_pack: Path) -> Bench:
    return Bench(
        torch.device("cpu"),
        packs=(tiny_pack,),
        prior="tiny-prior",
        judges=("tiny-res",),
        sizes=(1, 2),
        repeats=1,
        steps=4,
        timed_steps=1,
        arrivals=3,
        watch_s=0.2,
        server_settings={"only": NAMES, "threads": 1, "max_batch_rows": 2, "precision": "float32"},
    )


def test_its_parts_give_figures_that_are_numbers_and_can_be_kept(tiny_bench: Bench, tmp_path: Path) -> None:
    figures = program.measure(tiny_bench, ["step", "arrivals", "mixed", "quality"])
    assert all(math.isfinite(value) for value in figures.values()), figures
    for name in ("naive_ms_per_row_step", "lane_ms_per_row_step_2", "limit_ms_per_row_step", "arrivals_p95_s_60%", "mixed_fairness_ratio"):
        assert figures[name] > 0
    assert "whole_batches_arrivals_p95_s_60%" in figures
    assert figures["quality_activation_ratio"] == pytest.approx(1, abs=0.02), "float32 against float32"
    kept = json.loads(program.write(tiny_bench, figures, tmp_path).read_text())
    assert kept["figures"].keys() == figures.keys()
    assert {"commit", "device", "versions"} <= kept.keys()


@pytest.mark.parametrize(
    ("packaged", "torchvision"), [("tiny-res", ""), pytest.param("", "squeezenet1_1", marks=pytest.mark.slow)], ids=["packs", "torchvision"]
)
def test_networks_of_other_people_too(tiny_bench: Bench, monkeypatch: pytest.MonkeyPatch, packaged: str, torchvision: str) -> None:
    """With small ones in place of those of 224 pixels."""
    if torchvision:
        pytest.importorskip("torchvision")
    monkeypatch.setattr(network_figures, "PACKAGED", tuple(filter(None, [packaged])))
    monkeypatch.setattr(network_figures, "TORCHVISION", tuple(filter(None, [torchvision])))
    monkeypatch.setattr(network_figures, "IMAGENET", Preprocessing((32, 32)))
    monkeypatch.setattr(network_figures, "ROWS", (1, 2))
    models = catalog.load(tiny_bench.packs, tiny_bench.device, tiny_bench.prior, torch.float32, only=["tiny-prior"])
    monkeypatch.setattr(Bench, "models", lambda bench: models)  # and no others, which take seconds to load
    figures = program.measure(tiny_bench, ["networks"])
    assert all(math.isfinite(value) and (value > 0 or "_share_" in name) for name, value in figures.items()), figures
    works = {f"{method}_{rows}" for method in ("dgn-am", "lucid", "pyramid") for rows in (1, 2)}
    if packaged:
        works |= {"dgn-am_grpc_1", "dgn-am_grpc_2"}
    wanted = {f"{packaged or torchvision}_{work}_ms" for work in (*works, "dgn-am_plain", "pixels_plain", "dgn-am_limit")}
    assert wanted <= figures.keys()


@pytest.mark.slow
def test_a_process_is_not_charged_its_parents_memory(tiny_bench: Bench) -> None:
    ballast = torch.zeros(2**29)  # 2 GiB, more than the models take
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        peak = pool.submit(peak_mib, replace(tiny_bench, progress=print_nothing), 1).result()
    assert 50 < peak < 2048, f"MiB, beside {ballast.nbytes / 2**20:.0f} here"


@pytest.mark.slow
def test_looking_at_photographs_too(tiny_bench: Bench) -> None:
    figures = program.measure(tiny_bench, ["photographs"])
    assert all(value > 0 and math.isfinite(value) for value in figures.values())
    assert {"occlusion_times_plain_loop", "projections_times_captum", "indexing_times_plain_loop"} <= figures.keys()


@pytest.mark.slow
def test_jobs_too(tiny_bench: Bench) -> None:
    figures = program.measure(tiny_bench, ["jobs"])
    assert all(value > 0 and math.isfinite(value) for value in figures.values())
    assert {"job_of_lane", "job_times_interactive", "job_submit_ms", "job_claim_ms", "job_keep_ms"} <= figures.keys()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_replicas_too(tiny_bench: Bench) -> None:
    pytest.importorskip("ray")
    figures = program.measure(tiny_bench, ["cluster"])
    assert all(value > 0 and math.isfinite(value) for value in figures.values())
    assert {"two_replicas_times_one", "one_replica_of_server"} <= figures.keys()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_gallery_too(tiny_bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gallery_figures.PICTURES", 200)
    figures = program.measure(tiny_bench, ["gallery"])
    assert {f"gallery_{page}_{what}_s" for page in ("home", "layer", "unit") for what in ("first_paint", "pictures")} == figures.keys()
    assert all(value > 0 and math.isfinite(value) for value in figures.values())


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_parts_with_processes_of_their_own_too(tiny_bench: Bench) -> None:
    figures = program.measure(tiny_bench, ["step", "service", "inside"])
    assert all(math.isfinite(value) for value in figures.values()), figures
    for name in ("grpc_ms_per_row_step_2", "lone_first_progress_s", "client_import_s", "start_s", "peak_mib", "part_target_ms_per_row"):
        assert name in figures
    assert figures["service_share_2"] < 1


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_attacks_are_seen_from_another_client(tiny_bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of them: one that goes on for ever, and one whose results stay."""
    monkeypatch.setattr(attack_figures, "LEFT_S", 2.0)
    few = ("unknown_names", "unread_results")
    figures = program.measure(replace(tiny_bench, attacks=few), ["attacks"])
    turns = ("quiet", "burst", "loop", "control")
    kinds = (
        *(f"{turn}_ms" for turn in turns),
        "burst_ratio",
        "loop_ratio",
        "control_ratio",
        "added_ratio",
        "quiet_spread_ratio",
        "part",
        "mib",
    )
    assert figures.keys() == {f"attack_{name}_{kind}" for name in few for kind in kinds} | {"attack_limit_mib", "attack_left_mib"}
    assert all(math.isfinite(value) for value in figures.values()), figures
    assert all(value > 0 for name, value in figures.items() if name.endswith(("_ratio", "_ms")))
    assert all(figures[f"attack_{name}_quiet_spread_ratio"] >= 1 for name in few)
    assert set(few) < ATTACKS.keys()


def test_neither_a_machine_that_gets_slower_nor_one_bad_turn_makes_an_attack_look_worse() -> None:
    """The attack costs half as much again, and processes that take as much time a fifth."""
    rounds = [Round(quiet, 1.1 * quiet, 1.5 * quiet, 1.2 * quiet, 0.3) for quiet in (0.2, 0.6)]
    found = attack_figures.compared([*rounds, Round(0.3, 3.0, 0.33, 3.0, 0.3)])
    ratios = {name: value for name, value in found.items() if name.endswith("ratio")}
    assert ratios == pytest.approx({"burst_ratio": 1.1, "loop_ratio": 1.5, "control_ratio": 1.2, "added_ratio": 1.25})
    assert (found["quiet_ms"], found["part"]) == pytest.approx((300, 0.3))


@pytest.mark.parametrize("copied_mib", [0, 4])
def test_what_burns_takes_the_part_that_it_is_told(copied_mib: int) -> None:
    with side_processes.burning(0.2, copied_mib), side_processes.burning(0.0):
        pass
    with side_processes.beside("burner.py", 0.2, copied_mib) as burner:
        time.sleep(0.5)
        started, used = time.perf_counter(), side_processes.processor_s(burner)
        while (burnt := side_processes.processor_s(burner) - used) < 0.2:  # which takes a second, and on a busy machine longer
            time.sleep(0.05)
        part = burnt / (time.perf_counter() - started)
    assert part < 0.4


def test_the_table_has_ratios_where_there_is_something_to_compare_with() -> None:
    lines = program.table({"naive_ms_per_row_step": 20.0, "lane_ms_per_row_step_8": 5.0, "start_s": 3.0}).splitlines()
    assert lines[2].split() == ["lane_ms_per_row_step_8", "5.000", "4.00"]
    assert lines[3].split() == ["start_s", "3.000"]


def test_whole_batches_let_nobody_join_a_running_one() -> None:
    scheduler: WholeBatches[str] = WholeBatches()
    for job in (0, 1):
        scheduler.add(Demand(job, "", "key", rows=1, capacity=4))
        assert [waiting.job for waiting in scheduler.admit()] == [0][job:]
    scheduler.left(0, unread=False)
    assert [waiting.job for waiting in scheduler.admit()] == [1]


def test_arrivals_are_the_same_each_time_and_as_many_per_second_as_asked() -> None:
    times = arrival_times(2000, per_s=4.0)
    assert times == arrival_times(2000, per_s=4.0)
    assert times == sorted(times)
    assert times[-1] == pytest.approx(500, rel=0.1)
