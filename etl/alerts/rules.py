"""Settings to rules that can be evaluated: checked, with their switches applied, SQL and parameters ready.

eventlake's own rules come first; one of yours with the same name takes the place of one of
them. Every mistake is found here, before anything runs, and named with file, path and key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Literal, cast

from etl.alerts import holding, inhibition, matchers, routes, trial, written
from etl.alerts.model import Severity
from etl.alerts.threshold import Threshold
from etl.alerts.usual import Comparison
from etl.config import alerting, read
from etl.config.mistake import Mistake, unrelated
from etl.config.settings import Settings
from etl.config.shape import suggestion
from etl.errors import ConfigError
from etl.lake.query import Session
from etl.statements import statement

LABELS = ("cluster", "namespace", "reason", "type", "kind", "name", "node", "component")
ANNOTATIONS = ("summary", "summary_zh", "description", "description_zh", "runbook_url")
DEFAULT_RULES = "default_rules.yaml"


@dataclass(frozen=True, slots=True)
class Rule:
    """One question, ready to be asked: its statement, what is bound, and what makes a finding.

    ``origin`` is the file that it comes from. A rule that is not ``enabled`` is only counted,
    with ``comment`` and ``until`` of its switch. ``runs`` is in how many evaluations in a row a
    finding has to come back before it is told, ``keep_firing_for`` how long it is told after it
    was last found. ``window`` is the span that is counted, null for what was learned. ``compared``
    is what else has to hold of the baseline, null for nothing.
    """

    name: str
    kind: Literal["match", "sql"]
    statement: str
    parameters: Mapping[str, object]
    by: tuple[str, ...]
    threshold: Threshold
    limit: int
    severity: Severity
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    group: str
    origin: str
    runs: int = 1
    keep_firing_for: timedelta = timedelta(0)
    window: timedelta | None = None
    urgent: bool = False
    enabled: bool = True
    comment: str = ""
    until: datetime | None = None
    compared: Comparison | None = None

    def met(self, value: float, baseline: float | None) -> bool:
        """Say whether ``value`` beside what is usual is a finding."""
        return self.threshold.met(value) and (
            self.compared is None or self.compared.met(value, baseline)
        )

    @property
    def seeks_little(self) -> bool:
        """Whether a declarative rule asks for few or for none, which a gap looks like."""
        return self.kind == "match" and (
            self.threshold.seeks_little
            or (self.compared is not None and self.compared.seeks_little)
        )


@dataclass(frozen=True, slots=True)
class Configured:
    """A configuration without mistakes: settings, rules, and advice that stops nothing."""

    settings: Settings
    rules: tuple[Rule, ...]
    warnings: tuple[str, ...]


def configured(path: Path | None, *, environ: Mapping[str, str], now: datetime) -> Configured:
    """Read the configuration file ``path`` with its rules; ``ConfigError`` with all mistakes of both."""
    loaded = read.read(path, environ=environ)
    rules, found = _compiled(loaded, now)
    found += [
        Mistake(loaded.file, where, text)
        for where, text in (
            *holding.mistakes(loaded.settings),
            *routes.mistakes(loaded.settings),
        )
    ]
    wrong = [*loaded.mistakes, *unrelated(loaded.mistakes, found)]
    if wrong:
        raise ConfigError([str(mistake) for mistake in wrong])
    labels = {rule.name: {*rule.by, *rule.labels, "severity"} for rule in rules}
    advice = [
        f"{loaded.file}: {where}: {text}"
        for where, text in inhibition.lint(labels, loaded.settings.inhibit_rules)
    ]
    return Configured(loaded.settings, rules, (*loaded.warnings, *advice))


def compile_rules(settings: Settings, *, now: datetime) -> tuple[Rule, ...]:
    """Return the rules of ``settings``, switched-off ones too; ``ConfigError`` with all mistakes."""
    rules, found = _compiled(_loaded(settings), now)
    if found:
        raise ConfigError([str(mistake) for mistake in found])
    return rules


def check(settings: Settings, *, now: datetime) -> list[str]:
    """Return all mistakes of the rules of ``settings``, each with file, path and key."""
    return [str(mistake) for mistake in _compiled(_loaded(settings), now)[1]]


def default_groups() -> tuple[alerting.RuleGroup, ...]:
    """Return the rules that eventlake brings."""
    return read.rule_groups(Path(str(files("etl.alerts"))) / DEFAULT_RULES)


def _loaded(settings: Settings) -> read.Loaded:
    origins = tuple((read.DEFAULTS, f"groups[{i}]") for i in range(len(settings.groups)))
    return read.Loaded(settings, origins=origins)


@dataclass(frozen=True)
class _Compiler:
    """Compiles rules and collects their mistakes; ``session`` has the lake's columns and no row."""

    session: Session
    overrides: Mapping[str, alerting.RuleOverride]
    mistakes: list[Mistake] = field(default_factory=list)

    def rule(self, rule: alerting.Rule, group: alerting.RuleGroup, *, file: str, path: str) -> Rule:
        """Compile one rule; what is wrong with it is noted, and a stand-in takes its place."""

        def note(key: str, text: str) -> None:
            where, _, label = key.partition(".")
            of_group = where == "labels" and label not in rule.labels
            below = path.rpartition(".")[0] if of_group else path
            self.mistakes.append(Mistake(file, f"{below}.{key}" if key else below, text))

        labels = {**group.labels, **rule.labels}
        severity = labels.pop("severity", "warning")
        override = self.overrides.get(rule.alert, alerting.RuleOverride())
        asked = self._question(rule, note)
        written.check_names(rule, note)
        written.check_baseline(rule, note)
        written.check_labels(severity, labels, rule.by, note)
        for key, text in rule.annotations.items():
            if key not in ANNOTATIONS:
                note(f"annotations.{key}", "is not shown anywhere" + suggestion(key, ANNOTATIONS))
            elif asked is not None:
                for wrong in trial.template_mistakes(text, {*rule.by, *labels}, asked):
                    note(f"annotations.{key}", wrong)
        return Rule(
            name=rule.alert,
            kind="sql" if rule.expr else "match",
            statement=rule.expr or statement("rules/match").text,
            parameters={} if rule.expr else _bound(rule),
            by=tuple(rule.by),
            threshold=_threshold(override.threshold or rule.threshold),
            limit=rule.limit,
            severity=cast("Severity", override.severity or severity),
            labels=labels,
            annotations=rule.annotations,
            group=group.name,
            origin=file,
            runs=written.runs(rule.for_) or 1,
            keep_firing_for=rule.keep_firing_for,
            window=rule.window,
            urgent=rule.urgent,
            enabled=rule.enabled if override.enabled is None else override.enabled,
            comment=override.comment,
            until=override.until,
            compared=Comparison.of(rule.baseline) if rule.baseline else None,
        )

    def _question(self, rule: alerting.Rule, note: written.Note) -> trial.Asked | None:
        """Check what the rule asks; return the columns that its templates may name, null if unknown."""
        if (rule.match is None) == (not rule.expr):
            both = "match and expr" if rule.expr else "neither match nor expr"
            note("", f"has {both}; give one of them")
            return None
        if rule.match is not None:
            for key, text in matchers.mistakes(rule.match, self._regex_mistake):
                note(f"match.{key}", text)
            for index, label in enumerate(rule.by):
                if label not in LABELS:
                    note(f"by[{index}]", f"{label!r} is not a label" + suggestion(label, LABELS))
            return trial.MATCHED
        found, wrong = trial.columns(self.session, rule.expr)
        if wrong:
            note("expr", wrong)
            return None
        for key, text in trial.result_mistakes(found, rule.by):
            note(key, text)
        return trial.asked(found, rule.by)

    def _regex_mistake(self, pattern: str) -> str:
        return trial.regex_mistake(self.session, pattern)


def _compiled(loaded: read.Loaded, now: datetime) -> tuple[tuple[Rule, ...], list[Mistake]]:
    """Compile defaults and the user's rules; return them beside all mistakes."""
    settings = loaded.settings
    in_force = {
        name: override
        for name, override in settings.rule_overrides.items()
        if override.until is None or now < override.until
    }
    session = trial.blank_session()
    compiler = _Compiler(session, in_force)
    try:
        own = [
            (compiler.rule(rule, group, file=file, path=f"{path}.rules[{i}]"), f"{path}.rules[{i}]")
            for group, (file, path) in zip(settings.groups, loaded.origins, strict=True)
            for i, rule in enumerate(group.rules)
        ]
        taken = {rule.name for rule, _ in own}
        brought = [
            compiler.rule(rule, group, file=DEFAULT_RULES, path=f"groups[{g}].rules[{i}]")
            for g, group in enumerate(default_groups() if settings.default_rules else ())
            for i, rule in enumerate(group.rules)
            if rule.alert not in taken
        ]
    finally:
        session.close()
    names = [*taken, *(rule.name for rule in brought)]
    # A wrong label of a group is found once for each of its rules.
    found = [*dict.fromkeys(compiler.mistakes), *_twice(own), *_override_mistakes(loaded, names)]
    return (*brought, *(rule for rule, _ in own)), found


def _twice(own: list[tuple[Rule, str]]) -> Iterator[Mistake]:
    """Yield a mistake for each rule of the user's whose name was given before."""
    first: dict[str, str] = {}
    for rule, path in own:
        where = f"{path}.alert"
        if rule.name in first and rule.name:
            yield Mistake(
                rule.origin,
                where,
                f"{rule.name!r} is the name of another rule already ({first[rule.name]})",
            )
        first.setdefault(rule.name, f"{rule.origin}: {where}")


def _override_mistakes(loaded: read.Loaded, names: list[str]) -> Iterator[Mistake]:
    for name, override in loaded.settings.rule_overrides.items():
        path = f"rule_overrides.{name}"
        if name not in names:
            yield Mistake(
                loaded.file, path, "there is no rule of this name" + suggestion(name, names)
            )
        if override.threshold is not None and (wrong := Threshold.mistake(override.threshold)):
            yield Mistake(loaded.file, f"{path}.threshold", wrong)


def _threshold(text: str) -> Threshold:
    """Return the threshold, or for one that is noted as wrong a stand-in that is never used."""
    return Threshold(">", 0) if Threshold.mistake(text) else Threshold.parse(text)


def _bound(rule: alerting.Rule) -> dict[str, object]:
    return {
        **matchers.parameters(rule.match or alerting.Match()),
        "by": list(rule.by),
        "method": rule.baseline.method if rule.baseline else "mean",
    }
