"""`dgnam models`."""

from __future__ import annotations

from .._client import Client
from .parser import Arguments
from .printing import print_json, print_table


def run(client: Client, arguments: Arguments) -> int:
    """List the models, or tell all about one."""
    if arguments.name is None:
        models = client.models(timeout=arguments.timeout)
        if arguments.json:
            return print_json(models)
        sized = [
            (
                model.name,
                model.role,
                "{} x {}".format(*model.image_size),
                model.output_tap or "-",
                f"{model.description}; nothing can be drawn for it" if model.forward_only else model.description,
            )
            for model in models
        ]
        return print_table(("MODEL", "ROLE", "PIXELS", "TAP", ""), sized)
    model = client.model(arguments.name, timeout=arguments.timeout)
    if arguments.json:
        return print_json(model)
    facts = [("model", model.name), ("role", model.role), ("", model.description), ("architecture", model.architecture)]
    facts += [("pixels", "{} x {}".format(*model.image_size)), ("licence", model.licence), ("sha256", model.digest)]
    if model.forward_only:
        facts.append(("no pictures", f"its gradients cannot be used: {model.forward_only}"))
    facts += [("projection", model.default_projection)] if model.default_projection else []
    facts += [("index", f"{name}: photographs that `dgnam exemplars` shows") for name in model.indices]
    if model.code is not None:
        facts.append(("code", f"{model.code.size} numbers: inverts {model.code.encoder} {model.code.tap}"))
        for method, values in sorted(model.code.option_defaults.items()):
            facts.append((method, "its defaults here: " + ", ".join(f"{name} {value:g}" for name, value in sorted(values.items()))))
    facts += [("tap", f"{tap.name} ({' x '.join(map(str, tap.shape))})") for tap in model.taps]
    if model.labels:
        facts.append(("labels", f"{len(model.labels)}, of {model.output_tap}: `dgnam units {model.name}` lists them"))
    facts += [("training", f"{name}: {value}") for name, value in (model.training or {}).items()]
    return print_table((), facts)
