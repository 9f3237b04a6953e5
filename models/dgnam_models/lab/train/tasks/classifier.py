"""What one training step does for a classifier."""

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from dgnam_models import nets
from dgnam_models.card import ModelCard
from dgnam_models.lab.train import export
from dgnam_models.lab.train.config import Recipe
from dgnam_models.lab.train.data import training_batch
from dgnam_models.lab.train.export import Export
from dgnam_models.lab.train.optimization import autocast, decayed, learning_rate, set_learning_rate, take_over
from dgnam_models.lab.train.run import Run
from dgnam_models.photographs import Photographs, as_float, batches
from dgnam_models.preprocess import Preprocess


def assemble(recipe: Recipe, run: Run, training: Photographs) -> "ClassifierTask":
    """A classifier of the photographs' classes."""
    return ClassifierTask(recipe, len(training.names), run.device, run.compiled)


class ClassifierTask:
    """Cross-entropy with label smoothing, AdamW."""

    def __init__(self, recipe: Recipe, classes: int, device: torch.device, compiled: bool) -> None:
        self.recipe, self.device = recipe, device
        self.module = nets.build(recipe.architecture, {**recipe.parameters, "classes": classes, "normalized": True})
        self.module.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.preprocess = Preprocess(recipe.preprocessing).to(device)
        self.optimizer = torch.optim.AdamW(decayed(self.module, recipe.weight_decay), lr=0.0, betas=recipe.betas)
        self._forward = torch.compile(self.module) if compiled else self.module

    def step(self, training: Photographs, step: int) -> dict[str, Tensor]:
        images, labels = training_batch(self.recipe, training, step, self.device)
        set_learning_rate(self.optimizer, learning_rate(self.recipe, step))
        self.module.train()
        with autocast(self.device):
            logits = self._forward(self.preprocess.encode(images))
        loss = cross_entropy(logits.float(), labels, label_smoothing=self.recipe.label_smoothing)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return {"loss": loss.detach(), "top1": (logits.argmax(1) == labels).float().mean()}

    @torch.no_grad()
    def evaluate(self, held_out: Photographs) -> dict[str, float]:
        self.module.eval()
        top1 = top5 = 0
        for images, labels in batches(held_out, self.device):
            ranked = self.module(self.preprocess.encode(images)).topk(min(5, len(held_out.names))).indices
            hits = ranked == labels[:, None]
            top1 += int(hits[:, 0].sum())
            top5 += int(hits.any(1).sum())
        return {"val_top1": top1 / len(held_out), "val_top5": top5 / len(held_out)}

    @torch.no_grad()
    def grid(self, held_out: Photographs) -> Tensor:
        """Per row of eight: the held-out photographs it is surest of, for the first eight classes."""
        self.module.eval()
        scores = torch.cat([self.module(self.preprocess.encode(images)).softmax(1).cpu() for images, _ in batches(held_out, self.device)])
        columns = min(8, len(held_out))
        picked = torch.cat([scores[:, unit].topk(columns).indices for unit in range(min(8, scores.shape[1]))])
        return as_float(held_out.pixels[picked])

    def export(self, training: Photographs, held_out: Photographs, to: Export) -> ModelCard:
        return export.classifier(self.recipe, nets.fold_(copy.deepcopy(self.module).eval()), training.names, to)

    def state(self) -> dict[str, Any]:
        return {"module": self.module.state_dict(), "optimizer": self.optimizer.state_dict()}

    def fine_tune(self, module: nn.Module, training: Photographs) -> None:
        take_over(self.module, module.state_dict())
        images, _ = training_batch(self.recipe, training, 0, self.device)
        nets.unfold_(self.module, self.preprocess.encode(images))

    def start_from(self, state: dict[str, Any]) -> list[str]:
        return take_over(self.module, state["module"])

    def restore(self, state: dict[str, Any]) -> None:
        self.module.load_state_dict(state["module"])
        self.optimizer.load_state_dict(state["optimizer"])
