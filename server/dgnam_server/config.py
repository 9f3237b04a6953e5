"""Configuration: defaults, then a TOML file, then the environment, then flags; the later wins.

A setting is one field of Config and nothing else: its TOML key is the field's name, its variable DGNAM_NAME, its flag --name; its help
and its check are the field's metadata.
"""

import argparse
import difflib
import ipaddress
import os
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from dgnam_server import __version__
from dgnam_server.synth.methods import METHODS

PREFIX = "DGNAM_"
_MOST_STEPS = int(max(method.option("steps").maximum for method in METHODS.values()))


class ConfigError(ValueError):
    """A configuration that cannot be used; `problems` lists everything wrong with it."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Kind:
    """What values a setting takes: `metavar` for --help, `parse` from a TOML value or a text, ValueError if it is none."""

    metavar: str
    parse: Callable[[Any], Any]


def _choice(*names: str) -> Kind:
    def parse(value: Any) -> str:
        if value not in names:
            raise ValueError(f"it must be one of {', '.join(names)}")
        return str(value)

    return Kind("|".join(names), parse)


def _whole(minimum: int, maximum: int) -> Kind:
    def parse(value: Any) -> int:
        try:
            number = int(value) if type(value) in (int, str) else minimum - 1
        except ValueError:
            number = minimum - 1
        if not minimum <= number <= maximum:
            raise ValueError(f"it must be a whole number from {minimum} to {maximum}")
        return number

    return Kind("N", parse)


def _seconds(maximum: float) -> Kind:
    def parse(value: Any) -> float:
        try:
            number = float(value) if type(value) in (int, float, str) else -1.0
        except ValueError:
            number = -1.0
        if not 0 <= number <= maximum:  # refuses a NaN too
            raise ValueError(f"it must be a number of seconds from 0 to {maximum:g}")
        return number

    return Kind("SECONDS", parse)


def _parse_text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("it must be a text that is not empty")
    return value


def _parse_path(value: Any) -> Path:
    return Path(_parse_text(value))


def _parse_paths(value: Any) -> tuple[Path, ...]:
    parts = value.split(os.pathsep) if isinstance(value, str) else value
    if not isinstance(parts, list) or not all(isinstance(part, str) and part for part in parts):
        raise ValueError("it must be a list of folders")
    return tuple(Path(part) for part in parts)


_TEXT, _FILE, _PACKS = Kind("TEXT", _parse_text), Kind("FILE", _parse_path), Kind("PACK", _parse_paths)


def _setting(default: Any, kind: Kind, explanation: str, *, environment_only: bool = False) -> Any:
    metadata = {"kind": kind, "help": explanation, "environment_only": environment_only}
    return field(default=default, repr=not environment_only, metadata=metadata)


@dataclass(frozen=True)
class Config:
    """Everything the server can be told. `load` makes one; None: not set."""

    host: str = _setting("127.0.0.1", _TEXT, "address to listen on; 0.0.0.0 for every IPv4 address of this machine")
    port: int = _setting(7433, _whole(0, 65535), "port to listen on; 0: any free one (see port_file)")
    port_file: Path | None = _setting(None, _FILE, "file that holds the port's number while the server serves")
    models: tuple[Path, ...] = _setting((), _PACKS, "packs of models (folders with cards/ and weights/) beside the bundled ones")
    device: str = _setting("auto", _choice("auto", "cpu", "cuda"), "where networks run; auto: the GPU if there is one")
    precision: str = _setting("auto", _choice("auto", "float32", "bfloat16"), "what networks compute in")
    threads: int = _setting(0, _whole(0, 1024), "processor threads for networks; 0: one per core")
    default_prior: str | None = _setting(None, _TEXT, "prior of requests that name none")
    max_steps: int = _setting(_MOST_STEPS, _whole(1, _MOST_STEPS), "most steps a request may ask for")
    max_terms: int = _setting(16, _whole(1, 256), "most terms of a target")
    max_variants: int = _setting(64, _whole(1, 4096), "most variants of a request")
    queue_capacity: int = _setting(256, _whole(1, 1_000_000), "jobs that may wait; one more is refused")
    max_batch_rows: int = _setting(64, _whole(1, 4096), "most rows that share a batch")
    max_start_image_pixels: int = _setting(16_000_000, _whole(256, 80_000_000), "most pixels of a start image")
    max_pixels: int = _setting(512 * 512, _whole(256, 80_000_000), "most pixels of a picture that is optimized without a prior")
    max_batch_mib: int = _setting(2048, _whole(16, 2**20), "most memory that a batch of such pictures may take")
    drain_timeout_s: float = _setting(30.0, _seconds(3600), "how long running work may still take after a stop signal")
    tls_cert: Path | None = _setting(None, _FILE, "PEM file of the server's certificate chain; with tls_key it turns TLS on")
    tls_key: Path | None = _setting(None, _FILE, "PEM file of the certificate's private key")
    tls_client_ca: Path | None = _setting(None, _FILE, "PEM file of authorities; clients must then show a certificate of theirs")
    token_file: Path | None = _setting(None, _FILE, "file with the token that clients must send")
    token: str | None = _setting(None, _TEXT, "the token itself", environment_only=True)
    log_level: str = _setting("info", _choice("debug", "info", "warning", "error"), "least severe messages to log")

    @property
    def exposed(self) -> bool:
        """Whether other machines can reach the address it listens on."""
        try:
            return not ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return self.host != "localhost"


def load(arguments: Sequence[str], environment: Mapping[str, str]) -> Config:
    """Return the configuration that flags, environment and configuration file make together.

    Raises:
        ConfigError: with every problem found, of all sources.
        SystemExit: `--help` or `--version` was asked for and printed.
    """
    problems: list[str] = []
    flags = _read_flags(arguments, problems)
    variables = {f.name: environment[PREFIX + f.name.upper()] for f in fields(Config) if environment.get(PREFIX + f.name.upper())}
    path = flags.pop("config", None) or environment.get(PREFIX + "CONFIG")
    layers = [(f"in {path}", _read_file(Path(path), problems) if path else {}), ("in the environment", variables), ("as a flag", flags)]
    values: dict[str, Any] = {}
    for where, layer in layers:
        for setting in fields(Config):
            if setting.name in layer:
                try:
                    values[setting.name] = setting.metadata["kind"].parse(layer[setting.name])
                except ValueError as error:
                    problems.append(f"{_shown(setting, layer[setting.name])} {where}: {error}")
    config = _with_token(Config(**values), problems)
    problems += _contradictions(config)
    if problems:
        raise ConfigError(problems)
    return config


def _shown(setting: Field[Any], value: Any) -> str:
    return setting.name if setting.metadata["environment_only"] else f"{setting.name} = {value!r}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dgnam-server",
        description="Serves the synthesis of pictures that units of neural networks prefer.",
        epilog=f"Each setting is also a key of the configuration file (max_steps) and a variable ({PREFIX}MAX_STEPS). "
        f"Flags win over variables, variables over the file. A token is read from token_file or {PREFIX}TOKEN.",
        allow_abbrev=False,
        exit_on_error=False,
    )
    parser.add_argument("--version", action="version", version=f"dgnam-server {__version__}")
    parser.add_argument("--config", metavar="FILE", help="TOML file with settings")
    for setting in fields(Config):
        if setting.metadata["environment_only"]:
            continue
        kind, default = setting.metadata["kind"], setting.default
        several: dict[str, Any] = {"nargs": "+", "action": "extend"} if kind is _PACKS else {}
        explanation = setting.metadata["help"] + ("" if default in (None, ()) else f" (default: {default})")
        parser.add_argument("--" + setting.name.replace("_", "-"), dest=setting.name, metavar=kind.metavar, help=explanation, **several)
    return parser


def _read_flags(arguments: Sequence[str], problems: list[str]) -> dict[str, Any]:
    parser = _parser()
    try:
        known, unknown = parser.parse_known_args(arguments)
    except argparse.ArgumentError as error:
        problems.append(str(error))
        return {}
    flags = [option for action in parser._actions for option in action.option_strings]
    problems += [f"unknown argument {text}{_nearest(text.split('=')[0], flags)}" for text in unknown]
    return {name: value for name, value in vars(known).items() if value is not None}


def _read_file(path: Path, problems: list[str]) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        problems.append(f"{path} cannot be read: {error.strerror}")
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.append(f"{path} is not a TOML file: {error}")
        return {}
    settings = {setting.name: setting for setting in fields(Config)}
    for name in [name for name in values if name not in settings]:
        problems.append(f"unknown setting {name} in {path}{_nearest(name, list(settings))}")
    if "token" in values:
        problems.append(f"token in {path}: settings get copied about, so write token_file or set {PREFIX}TOKEN")
        del values["token"]
    return values


def _nearest(name: str, names: Sequence[str]) -> str:
    found = difflib.get_close_matches(name, names, 1)
    return f"; did you mean {found[0]}?" if found else ""


def _with_token(config: Config, problems: list[str]) -> Config:
    if config.token_file is not None:
        if config.token is not None:
            problems.append(f"both token_file and {PREFIX}TOKEN are set; which one counts?")
        try:
            config = replace(config, token=config.token_file.read_text(encoding="utf-8").strip())
        except (OSError, UnicodeDecodeError):
            problems.append(f"token_file: {config.token_file} cannot be read")
            return config
    if config.token is not None and not (config.token and config.token.isascii() and config.token.isprintable()):
        problems.append("the token must be of printable ASCII characters, at least one")
    return config


def _contradictions(config: Config) -> list[str]:
    problems = []
    if (config.tls_cert is None) != (config.tls_key is None):
        problems.append("tls_cert and tls_key belong together: set both or neither")
    if config.tls_client_ca is not None and config.tls_cert is None:
        problems.append("tls_client_ca needs tls_cert and tls_key")
    for name in ("tls_cert", "tls_key", "tls_client_ca"):
        path = getattr(config, name)
        if path is not None and not path.is_file():
            problems.append(f"{name}: {path} is not a file")
    if config.port_file is not None and not config.port_file.absolute().parent.is_dir():
        problems.append(f"port_file: the folder of {config.port_file} does not exist")
    problems += [f"models: {pack} is not a folder" for pack in config.models if not pack.is_dir()]
    return problems
