"""Where a program's settings come from: a TOML file, then the environment, then flags; the later wins."""

import argparse
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import EnvSettingsSource, TomlConfigSettingsSource

from dgnam_server import __version__
from dgnam_server.faults import Fault, SettingsError, bounds, choices, is_text, nearest
from dgnam_server.settings import PREFIX, RAY_HERE, Settings, contradictions

CONFIG = PREFIX + "CONFIG"
CLIENTS = PREFIX + "SERVER"  # where the client finds a server; Kubernetes sets DGNAM_SERVER_... for a service called dgnam-server
ALONE = {"ray": RAY_HERE}  # the settings whose flag may stand alone, and what it means then
LISTS = ("models", "indices", "only")  # the settings that are lists
DOWNLOADS = PREFIX + "CACHE"  # where dgnam-models keeps what it downloads
_OPEN_TOKEN = Fault("token", f"others can read it there; set {PREFIX}TOKEN or token_file", "flag --token")


@dataclass(frozen=True)
class Source:
    """What one source says: its values by setting, known or not, and where each came from; `faults`: what else is wrong with it."""

    values: Mapping[str, Any] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()

    def check(self) -> list[Fault]:
        """Everything wrong with it, taken alone."""
        try:
            Settings(**self.values)
        except SettingsError as error:
            together = contradictions(self.values)  # another source may resolve these
            return [*self.faults, *(replace(one, origin=self.origins[one.setting]) for one in error.faults if one not in together)]
        return [*self.faults]


def load(arguments: Sequence[str]) -> Settings:
    """Return the settings that flags, environment and configuration file make together.

    Raises:
        SettingsError: with every fault of every source.
        SystemExit: `--help` or `--version` was asked for and printed.
    """
    flags, path = _flags(arguments)
    sources = [_file(path), _environment(), flags]
    values = {name: value for source in sources for name, value in source.values.items()}
    origins = {name: origin for source in sources for name, origin in source.origins.items()}
    faults = [fault for source in sources for fault in source.check()]
    faults += [replace(fault, origin=origins[fault.setting]) for fault in contradictions(values)]
    if faults:
        raise SettingsError(faults)
    return Settings(**values)


def _file(named: str | None) -> Source:
    """What the configuration file says: the one that a flag named, else the one of the environment."""
    path, origin = named or os.environ.get(CONFIG), "flag --config" if named else f"environment {CONFIG}"
    if not path:
        return Source()
    try:
        Path(path).open("rb").close()  # a file that is not there says nothing to pydantic-settings
        values = dict(TomlConfigSettingsSource(Settings, Path(path))())
    except OSError as error:
        return Source(faults=(Fault("config", f"{path} cannot be read: {error.strerror}", origin),))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return Source(faults=(Fault("config", f"{path} is not a TOML file: {error}", origin),))
    origins = dict.fromkeys(values, f"file {path}")
    if "token" not in values:
        return Source(values, origins)
    del values["token"]
    return Source(values, origins, (replace(_OPEN_TOKEN, origin=origins["token"]),))


def _environment() -> Source:
    known = EnvSettingsSource(Settings)()
    others = [name for name, value in os.environ.items() if value and name.startswith(PREFIX) and not _belongs_to_others(name)]
    values = {**{name.removeprefix(PREFIX).lower(): None for name in others}, **known}
    return Source(values, {name: f"environment {PREFIX}{name.upper()}" for name in values})


def _belongs_to_others(name: str) -> bool:
    return name in (CONFIG, CLIENTS, DOWNLOADS) or name.startswith(f"{CLIENTS}_")


def _flags(arguments: Sequence[str]) -> tuple[Source, str | None]:
    """What the flags say, and the configuration file they name."""
    parser = _parser()
    try:
        known, unknown = parser.parse_known_args(arguments)
    except argparse.ArgumentError as error:
        return Source(faults=(Fault(error.argument_name or "", error.message),)), None
    values = {name: value for name, value in vars(known).items() if value is not None}
    path = values.pop("config", None)
    origins = {name: f"flag {_flag(name)}" for name in values}
    return Source(values, origins, tuple(_unknown(unknown, list(parser._option_string_actions)))), path


def _unknown(arguments: Sequence[str], flags: Sequence[str]) -> Iterator[Fault]:
    for before, argument in pairwise(["", *arguments]):
        flag = argument.partition("=")[0]
        if flag == "--token":
            yield _OPEN_TOKEN
        elif flag.startswith("-"):
            yield Fault(flag, f"no such flag{nearest(flag, flags)}")
        elif not before.startswith("-") or "=" in before:  # else it is the value of the unknown flag before it
            yield Fault(argument, "it belongs to no flag")


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _parser() -> argparse.ArgumentParser:
    # Not pydantic-settings' own: that one stops at the first wrong flag, and shows types and defaults as Python has them.
    parser = argparse.ArgumentParser(
        prog="dgnam-server",
        description="Serves the synthesis of pictures that units of neural networks prefer.",
        epilog=f"Each setting is also a key of the configuration file (max_steps) and a variable ({PREFIX}MAX_STEPS). "
        f"Flags win over variables, variables over the file. The file is --config or {CONFIG}. "
        f"The token is {PREFIX}TOKEN or in token_file.",
        allow_abbrev=False,
        exit_on_error=False,
    )
    parser.add_argument("--version", action="version", version=f"dgnam-server {__version__}")
    parser.add_argument("--config", metavar="FILE", help="TOML file with settings")
    for name, setting in Settings.model_fields.items():
        if name != "token":
            how: dict[str, Any] = {"nargs": "+", "action": "extend"} if name in LISTS else {}
            if name in ALONE:
                how = {"nargs": "?", "const": ALONE[name]}
            parser.add_argument(_flag(name), dest=name, metavar=_metavar(name, setting), help=_help(setting), **how)
    return parser


def _metavar(name: str, setting: FieldInfo) -> str:
    if is_text(setting):
        return name.split("_")[-1].upper()
    kinds: dict[object, str] = {int: "N", int | None: "N", float: "SECONDS", float | None: "SECONDS"}
    return "|".join(choices(setting)) or kinds.get(setting.annotation, _paths(name))


def _paths(name: str) -> str:
    kinds = {"models": "PACK", "only": "MODEL", "indices": "FOLDER"}
    return kinds[name] if name in kinds else "FOLDER" if name.endswith("_dir") else "FILE"


def _help(setting: FieldInfo) -> str:
    notes = [f"default: {setting.default}"] if setting.default not in (None, ()) else []
    limits = bounds(setting)
    notes += [f"{limits[0]:.10g} to {limits[1]:.10g}"] if limits else []
    return f"{setting.description}" + (f" ({'; '.join(notes)})" if notes else "")
