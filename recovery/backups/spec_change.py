"""A change of the backup configuration: from wishes or edited YAML to a diff and a patch.

Pure: what it makes is shown, agreed to and sent elsewhere. Fields that are not understood here
stay as they are.
"""

from __future__ import annotations

import copy
import difflib
from collections.abc import Mapping
from dataclasses import dataclass

from recovery.backups.configuration import BackupSpec, S3Storage, parse_spec
from recovery.backups.outside_text import one_line
from recovery.backups.spec_fields import spec_problems, unknown_fields
from recovery.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class SpecWishes:
    """What a person wants otherwise; None leaves a field alone."""

    schedule: str | None = None
    paused: bool | None = None
    path: str | None = None
    ttl: str | None = None
    """Seconds, as text; empty takes the retention away."""
    endpoint: str | None = None
    region: str | None = None
    bucket: str | None = None
    dir: str | None = None
    skip_tls_verify: bool | None = None
    secret_ref: str | None = None
    without_s3: bool = False


@dataclass(frozen=True, slots=True)
class SpecChange:
    """The spec before and after. `problems` forbid it."""

    before: Mapping[str, object]
    after: Mapping[str, object]
    problems: tuple[ConfigurationError, ...] = ()

    @property
    def is_none(self) -> bool:
        """Whether nothing would change."""
        return self.before == self.after

    @property
    def patch(self) -> dict[str, object]:
        """The JSON merge patch (RFC 7386) from the one to the other."""
        return merge_patch(self.before, self.after)

    @property
    def diff(self) -> str:
        """The change as a unified diff of YAML."""
        return "\n".join(
            difflib.unified_diff(
                spec_yaml(self.before).splitlines(),
                spec_yaml(self.after).splitlines(),
                "as it is",
                "as it would be",
                lineterm="",
            )
        )

    @property
    def spec(self) -> BackupSpec:
        """The spec afterwards. Raises ConfigurationError where that cannot be meant."""
        return parse_spec(self.after)

    @property
    def s3_changes(self) -> bool:
        """Whether where the bucket lies, or how it is reached, would be another one."""
        return _s3_of(self.before) != _s3_of(self.after)

    @property
    def s3(self) -> S3Storage | None:
        """The bucket afterwards."""
        return self.spec.s3


def wished(before: Mapping[str, object], wishes: SpecWishes) -> SpecChange:
    """The change that the wishes make, with everything that is wrong with it."""
    after = copy.deepcopy(dict(before))
    _put(after, "schedule", wishes.schedule)
    _put(after, "paused", wishes.paused)
    if wishes.path is not None or wishes.ttl is not None:
        local = _section(after, "localStorage")
        _put(local, "path", wishes.path)
        _put(local, "ttl", wishes.ttl)
        if not local.get("ttl", True):
            del local["ttl"]
    if wishes.without_s3:
        remote = _section(after, "remoteStorage")
        remote.pop("s3", None)
        if not remote:
            del after["remoteStorage"]
    elif any(value is not None for value in _s3_wishes(wishes).values()):
        s3 = _section(_section(after, "remoteStorage"), "s3")
        for name, value in _s3_wishes(wishes).items():
            _put(s3, name, value)
        if wishes.secret_ref is not None:
            _put_secret(s3, before, wishes.secret_ref)
    return _change(before, after)


def edited(before: Mapping[str, object], text: str) -> SpecChange:
    """The change that an edited YAML text of the spec makes.

    Raises ConfigurationError, with line and column, where it is no YAML of an object.
    """
    import yaml

    try:
        after = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = (
            f"line {mark.line + 1}, column {mark.column + 1}" if mark is not None else "the text"
        )
        raise ConfigurationError(
            f"this is no YAML: {one_line(getattr(error, 'problem', None) or error, 120)}",
            where=place,
            remedy="see to the indentation, and quote what is text",
        ) from error
    if isinstance(after, dict) and set(after) == {"spec"}:
        after = after["spec"]
    if not isinstance(after, dict):
        raise ConfigurationError(
            "this is no spec: an object is wanted",
            where="the text",
            remedy='give fields and values, for example schedule: "0 0 * * *"',
        )
    return _change(before, after)


def spec_yaml(spec: Mapping[str, object]) -> str:
    """The spec as YAML, its fields in their order."""
    import yaml

    return yaml.safe_dump(dict(spec), sort_keys=False, allow_unicode=True, width=200)


def merge_patch(before: Mapping[str, object], after: Mapping[str, object]) -> dict[str, object]:
    """A JSON merge patch (RFC 7386): null takes a field away."""
    patch: dict[str, object] = {name: None for name in before if name not in after}
    for name, value in after.items():
        earlier = before.get(name)
        if name in before and earlier == value and type(earlier) is type(value):
            continue
        if isinstance(value, Mapping) and isinstance(earlier, Mapping):
            patch[name] = merge_patch(earlier, value)
        else:
            patch[name] = value
    return patch


def patched(before: object, patch: object) -> object:
    """What a JSON merge patch makes of a document (RFC 7386, section 2)."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(before) if isinstance(before, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = patched(result.get(name), value)
    return result


def made_anew(change: SpecChange, before: Mapping[str, object]) -> SpecChange:
    """The same change on top of a spec that became another one meanwhile."""
    after = patched(before, change.patch)
    return _change(before, after if isinstance(after, Mapping) else before)


def _change(before: Mapping[str, object], after: Mapping[str, object]) -> SpecChange:
    """What is wrong already is no reason against a change that has nothing to do with it."""
    old = {(error.where, error.what) for error in spec_problems(before)}
    problems = (*spec_problems(after), *unknown_fields(after, before))
    return SpecChange(
        before, after, tuple(one for one in problems if (one.where, one.what) not in old)
    )


def _s3_wishes(wishes: SpecWishes) -> dict[str, object]:
    return {
        "endpoint": wishes.endpoint,
        "region": wishes.region,
        "bucket": wishes.bucket,
        "dir": wishes.dir,
        "skipTLSVerify": wishes.skip_tls_verify,
        "secretRef": wishes.secret_ref,
    }


def _put(section: dict[str, object], name: str, value: object) -> None:
    if value is not None:
        section[name] = value


def _put_secret(s3: dict[str, object], before: Mapping[str, object], name: str) -> None:
    """A reference keeps the form that it has: a name, or an object with one."""
    held = _s3_of(before).get("secretRef")
    s3["secretRef"] = {**held, "name": name} if isinstance(held, Mapping) else name


def _section(parent: dict[str, object], name: str) -> dict[str, object]:
    held = parent.get(name)
    section = held if isinstance(held, dict) else {}
    parent[name] = section
    return section


def _s3_of(spec: Mapping[str, object]) -> Mapping[str, object]:
    remote = spec.get("remoteStorage")
    s3 = remote.get("s3") if isinstance(remote, Mapping) else None
    return s3 if isinstance(s3, Mapping) else {}
