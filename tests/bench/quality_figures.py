"""What speed costs: the pictures of the path that serves against those of the float32 reference, from the same seeds."""

import torch
from dgnam_server.synth import ascent
from dgnam_server.synth.rows import concat
from load_figures import draw_spec
from measuring import Bench, Figures
from step_figures import lane_of, target_of
from torch import Tensor

PICTURES = 16


def measure(bench: Bench) -> Figures:
    """How the activation of served pictures compares with the reference's, and how many of each the judges name right.

    Both kinds of pictures are looked at by the same float32 networks. A ratio of 1 is equal; below 0.98 speed has cost quality.
    """
    fast, reference = bench.models(), bench.reference()
    target = reference.networks[target_of(reference).name]
    labels = list(target.card.labels)
    found: dict[str, Tensor] = {}
    for name, models in (("fast", fast), ("reference", reference)):
        bench.progress(f"{name} pictures")
        specs = [draw_spec(models, number, bench.steps) for number in range(min(PICTURES, len(labels)))]
        problem = lane_of(models, 1).problem
        if name == "fast":  # together, as they would be served
            found[name] = ascent.run(problem, concat([ascent.init(problem, spec, 0) for spec in specs]))[1].image
        else:
            found[name] = torch.cat([ascent.run(problem, ascent.init(problem, spec, 0))[1].image for spec in specs])
    units = torch.arange(len(found["fast"]), device=bench.device)
    activation = {name: float(target.logits(image.clamp(0, 1)).gather(1, units[:, None]).mean()) for name, image in found.items()}
    figures = {"quality_activation_ratio": activation["fast"] / activation["reference"]}
    for judge_name in bench.judges:
        judge = reference.networks[judge_name]
        names = [labels[unit] for unit in units.tolist()]
        for name, image in found.items():
            called = [judge.card.labels[index] for index in judge.logits(image.clamp(0, 1)).argmax(1).tolist()]
            figures[f"quality_{name}_named_by_{judge_name}"] = sum(a == b for a, b in zip(called, names, strict=True)) / len(names)
    return figures
