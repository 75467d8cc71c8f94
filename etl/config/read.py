"""The configuration file to ``Settings``: YAML, the environment, rule files, and every mistake at once.

``load`` is for whoever wants settings or a refusal. ``read`` keeps the mistakes beside
what could be read, so that the rules' own mistakes can be named in the same answer.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import yaml

from etl.config import document, handing, sense, targets
from etl.config.alerting import RuleGroup
from etl.config.fixtures import Tests
from etl.config.mistake import Mistake, unrelated
from etl.config.settings import Settings
from etl.config.shape import S, Shaper
from etl.errors import ConfigError
from etl.timespan import parse_zone

# Names a configuration that is no file: the defaults.
DEFAULTS = "(defaults)"


class RuleFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file named by ``rule_files``."""

    groups: list[RuleGroup] = []
    """Groups of rules, as in the main file."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a configuration says, and what is wrong with it.

    ``origins`` has for each of ``settings.groups`` its file and its path in it.
    """

    settings: Settings
    file: str = DEFAULTS
    origins: tuple[tuple[str, str], ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    warnings: tuple[str, ...] = ()


def load(path: Path | None, *, environ: Mapping[str, str]) -> Settings:
    """Return the settings of the file ``path``, the default ones for null; ``ConfigError`` with all mistakes."""
    loaded = read(path, environ=environ)
    if loaded.mistakes:
        raise ConfigError([str(mistake) for mistake in loaded.mistakes])
    return loaded.settings


def read(path: Path | None, *, environ: Mapping[str, str]) -> Loaded:
    """Read the file ``path`` and its rule files; mistakes are returned, not raised."""
    if path is None:
        return Loaded(Settings())
    file = str(path)
    read_settings, shaper, found = _shaped(path, Settings, environ)
    settings = read_settings or Settings()
    origins = [(file, f"groups[{index}]") for index in range(len(settings.groups))]
    groups = list(settings.groups)
    warnings: list[str] = []
    for rule_file, mistake, warning in _rule_files(settings, path):
        found.extend(mistake)
        warnings.extend(warning)
        if rule_file is None:
            continue
        rules, _, more = _shaped(rule_file, RuleFile, environ, zone=shaper.zone)
        found.extend(more)
        for index, group in enumerate(rules.groups if rules else []):
            groups.append(group)
            origins.append((str(rule_file), f"groups[{index}]"))
    senseless = [Mistake(file, where, text) for where, text in sense.mistakes(settings)]
    found.extend(unrelated(found, senseless))
    written = [
        *targets.secrets_written_out(settings, shaper.expanded),
        *handing.secrets_written_out(settings.forward, shaper.expanded),
    ]
    if settings.allow_inline_secrets:
        warnings += [
            f"{file}: {where}: holds a secret that others may read here" for where in written
        ]
    else:
        refused = [Mistake(file, where, targets.advice(where)) for where in written]
        found.extend(unrelated(found, refused))
    for where, text in handing.warnings(settings.forward, settings.owners):
        warnings.append(f"{file}: {where}: {text}")
    # Whoever reads the settings need not know where the file stood.
    folders = [str(path.parent / folder) for folder in settings.report.folders]
    report = msgspec.structs.replace(settings.report, folders=folders)
    merged = msgspec.structs.replace(settings, groups=groups, report=report)
    return Loaded(merged, file, tuple(origins), tuple(found), tuple(warnings))


def rule_groups(path: Path) -> tuple[RuleGroup, ...]:
    """Return the groups of a rule file that eventlake brings; ``ConfigError`` if it is wrong."""
    rules, _, found = _shaped(path, RuleFile, {})
    if found or rules is None:
        raise ConfigError([str(mistake) for mistake in found])
    return tuple(rules.groups)


def rule_tests(path: Path) -> Tests:
    """Return the tests of rules in a file; ``ConfigError`` with all mistakes."""
    tests, _, found = _shaped(path, Tests, {})
    if found or tests is None:
        raise ConfigError([str(mistake) for mistake in found])
    return tests


def _shaped(
    path: Path, kind: type[S], environ: Mapping[str, str], *, zone: ZoneInfo | None = None
) -> tuple[S | None, Shaper, list[Mistake]]:
    """Read one file into ``kind``; an empty file is one that says nothing."""
    shaper = Shaper(environ, zone or parse_zone("UTC"))
    try:
        root = document.compose(path.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError, document.NotYamlError) as error:
        return None, shaper, [Mistake(str(path), "", _unread(error))]
    if root is None:
        return kind(), shaper, []
    if zone is None:
        shaper = Shaper(environ, _zone(root))
    shaped = shaper.struct(root, kind)
    return shaped, shaper, [Mistake(str(path), where, text) for where, text in shaper.mistakes]


def _unread(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, OSError):
        return f"cannot be read: {error.strerror}"
    if isinstance(error, UnicodeDecodeError):
        return f"is not UTF-8 text (byte {error.start})"
    return str(error)


def _zone(root: yaml.Node) -> ZoneInfo:
    """Find the timezone before the rest is read: dates without an offset are meant in it."""
    if isinstance(root, yaml.MappingNode):
        for entry in document.entries(root, lambda _key, _text: None):
            if entry.key == "timezone" and isinstance(entry.value, yaml.ScalarNode):
                try:
                    return parse_zone(entry.value.value)
                except ValueError:
                    # The mistake is noted with the others once the whole file is read.
                    break
    return parse_zone("UTC")


def _rule_files(
    settings: Settings, main: Path
) -> Iterator[tuple[Path | None, list[Mistake], list[str]]]:
    """Yield the files behind ``rule_files``, each once, and what is to be said about the patterns."""
    seen: set[Path] = set()
    for index, pattern in enumerate(settings.rule_files):
        where = f"rule_files[{index}]"
        # Path.glob takes no absolute pattern, and ConfigMaps are mounted at absolute ones.
        names = sorted(glob.glob(str(main.parent / pattern), recursive=True))  # noqa: PTH207
        if not names and glob.has_magic(pattern):
            yield None, [], [f"{main}: {where}: no file matches {pattern}"]
        elif not names:
            yield None, [Mistake(str(main), where, f"there is no file {pattern}")], []
        for name in names:
            if (path := Path(name)) not in seen and path.is_file():
                seen.add(path)
                yield path, [], []
