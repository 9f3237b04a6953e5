"""The report of `evaluate`: the figures with the values that they ought to reach, as a table and as JSON.

The targets are here to be read beside the figures; no test and no program depends on their being met.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

Measures = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Line:
    """A line of the table: one number per judge, and the value that it ought to reach."""

    title: str
    measure: str
    key: str
    percent: bool = False
    at_least: float | None = None
    at_most: float | None = None

    def text(self, value: float) -> str:
        """The value as the table shows it."""
        return f"{100 * value:.1f} %" if self.percent else f"{value:.2f}"

    @property
    def target(self) -> str:
        """The value to reach, in words; empty if there is none."""
        if self.at_least is not None:
            return f"at least {self.text(self.at_least)}"
        return "" if self.at_most is None else f"at most {self.text(self.at_most)}"

    def met(self, values: Iterable[float]) -> bool:
        """Whether every value reaches the target."""
        least = float("-inf") if self.at_least is None else self.at_least
        most = float("inf") if self.at_most is None else self.at_most
        return all(least <= value <= most for value in values)


LINES = (
    Line("named right, first guess", "agreement", "top1", percent=True, at_least=0.75),
    Line("  photographs", "agreement", "real_top1", percent=True),
    Line("named right, first five", "agreement", "top5", percent=True, at_least=0.97),
    Line("  photographs", "agreement", "real_top5", percent=True),
    Line("reconstructions named right", "reconstruction", "top1", percent=True),
    Line("  over photographs named right", "reconstruction", "share", percent=True, at_least=0.5),
    Line("Frechet distance over real sets'", "naturalness", "frechet_ratio", at_most=2.0),
    Line("precision", "naturalness", "precision", at_least=0.8),
    Line("  a second real set", "naturalness", "real_precision"),
    Line("recall", "naturalness", "recall"),
    Line("  a second real set", "naturalness", "real_recall"),
    Line("diversity over photographs'", "diversity", "ratio", at_least=0.75),
)
# Units that the bundled prior's photographs hardly hold, and what is wanted of them.
RARE = Path(__file__).parent / "units" / "rare100.txt"
RARE_TARGETS = {"top1": 0.55, "top5": 0.85}


def lines_for(units: Sequence[str]) -> tuple[Line, ...]:
    """The table's lines where these units were drawn, by label or number; none: all."""
    if not units or not set(units) <= set(RARE.read_text(encoding="utf-8").splitlines()):
        return LINES
    return tuple(replace(line, at_least=RARE_TARGETS.get(line.key, line.at_least)) for line in LINES)


def table(report: Mapping[str, Any]) -> str:
    """The report as text: a line per figure, its value by each judge beside the target, then what no judge is needed for."""
    lines = []
    for name, measures in report["contestants"].items():
        judges = list(measures["agreement"])
        lines += [
            f"{name}: {report['settings']['seeds']} pictures of each of the {report['units']} units of {report['settings']['target']}"
        ]
        lines += [" " * 34 + "".join(f"{judge:>14}" for judge in judges) + "    target"]
        for line in lines_for(report["settings"]["units"]):
            values = _values(measures, line)
            if values:
                verdict = f"    {line.target:<18}{'met' if line.met(values.values()) else 'NOT MET'}" if line.target else ""
                lines.append(f"{line.title:<34}" + "".join(f"{line.text(values[judge]):>14}" for judge in judges) + verdict)
        lines += [*_further(measures), ""]
    return "\n".join(lines[:-1])


def _further(measures: Measures) -> list[str]:
    lines = []
    if found := measures.get("activation"):
        above = f"{100 * found['share_above_half']:.0f} % of pictures lie above half of the photographs"
        lines.append(f"activation among the class's photographs: median percentile {found['median_percentile']:.0f}; {above}")
    if found := measures.get("feature_error"):
        lines.append("relative feature error of reconstructions: " + ", ".join(f"{tap} {error:.2f}" for tap, error in found.items()))
    for space, closeness in measures.get("memorization", {}).items():
        figures = f"median {closeness['median_ratio']:.2f}, least {closeness['least_ratio']:.2f}"
        lines.append(f"distance to the nearest training image, over held-out photographs', in {space}: {figures}")
        figures = f"{closeness['over_pairs']:.2f}, of held-out photographs {closeness['real_over_pairs']:.2f}"
        lines.append(f"  over that between two photographs of the class, median: {figures}")
    return lines


def _values(measures: Measures, line: Line) -> dict[str, float]:
    """A figure's value by each judge; empty where it was not measured."""
    return {judge: found[line.key] for judge, found in measures.get(line.measure, {}).items() if line.key in found}


def verdicts(measures: Mapping[str, Measures], units: Sequence[str]) -> list[dict[str, Any]]:
    """Which targets each contestant's `measures` of these units meet, by every judge."""
    found = []
    for name, own in measures.items():
        for line in lines_for(units):
            if line.target and (values := _values(own, line)):
                met = line.met(values.values())
                found.append({"contestant": name, "figure": f"{line.measure}.{line.key}", "target": line.target, "met": met})
    return found


def write(report: Mapping[str, Any], path: Path) -> None:
    """Write the report as JSON."""
    path.write_text(json.dumps(_plain(report), indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    """What JSON can hold: numbers with five digits that count, paths as text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return float(f"{value:.5g}")
    return str(value) if isinstance(value, Path) else value
