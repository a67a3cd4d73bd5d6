"""An option is declared once, as a field of a frozen dataclass, and all else about it follows from there.

    alpha: float = option(0.2, Number(0.001, 1000), help="λ ~ Beta(alpha, alpha); 0.2 to 0.4 is advised.")

Name, type and default are those of the field; its metadata say the rest. The command line, the checks,
the manifest's JSON Schema, the flex template's parameters and docs/commands.md are made from `options_of`. So adding an
option is adding one field, and the bounds in all these places cannot differ.
"""

from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from mixup_pipeline.config.kinds import Kind


@dataclass(frozen=True, kw_only=True)
class Option:
    """What is declared of an option.

    name, default: those of the field. The default is MISSING where there is none.
    kind: which values it takes. None is a value too where it is the default.
    help: what it does, as one or two sentences.
    metavar: what stands for the value in --help; None: the name of its type.
    without: what happens without it, in words, where the default is None.
    label: its name in words, for forms; None: made from the name.
    required: a command cannot go without it, although the field may.
    in_manifest: the values that a manifest holds, where a run settles what the user left open; None: those of `kind`.
    optional_in_manifest: manifests leave it out where it has its default.
    template_help: what the flex template says in place of help and default, where the cloud differs.
    not_in_template: why the flex template does not offer it; empty: it does.
    """

    name: str
    default: Any
    kind: Kind
    help: str
    metavar: str | None = None
    without: str = ""
    label: str | None = None
    required: bool = False
    in_manifest: Kind | None = None
    optional_in_manifest: bool = False
    template_help: str = ""
    not_in_template: str = ""

    @property
    def words(self) -> str:
        """The name as it is written on the command line and in messages: num-shards."""
        return self.name.replace("_", "-")

    @property
    def default_text(self) -> str:
        """The default as the user would write it, or what happens without the option; empty where there is nothing."""
        if self.default in (MISSING, None):
            return self.without
        if isinstance(self.default, bool):
            return str(self.default).lower()
        return str(self.default).removesuffix(".0")

    def check(self, value: Any) -> Any:
        """The value in the type that is kept. Raises UsageError naming the option, the values allowed and this one."""
        return value if value is None and self.default is None else self.kind.check(self.words, value)

    def json_schema(self) -> dict[str, Any]:
        """The values as a manifest holds them, as JSON Schema."""
        schema = (self.in_manifest or self.kind).schema()
        if self.default is None and self.in_manifest is None:
            schema = (
                {"enum": [*schema["enum"], None]} if "enum" in schema else schema | {"type": [schema["type"], "null"]}
            )
        return schema | {"description": self.help}


def declared(kind: Kind, *, help: str, **more: Any) -> dict[str, Any]:
    """The metadata of a field that has no default: `src: str = field(metadata=declared(Text(), help=...))`."""
    return {"kind": kind, "help": help, **more}


def option(default: Any, kind: Kind, *, help: str, **more: Any) -> Any:
    """A field with its declaration; `more` are further fields of `Option`."""
    return field(default=default, metadata=declared(kind, help=help, **more))


def options_of(declaration: type[Any]) -> dict[str, Option]:
    """The options that a dataclass declares, by their names, in the order of its fields. Every field is an option."""
    return {item.name: Option(name=item.name, default=item.default, **item.metadata) for item in fields(declaration)}


def check_declared(config: Any) -> None:
    """Check every option of a frozen dataclass, for its `__post_init__`. Raises UsageError for the first bad value."""
    for name, one in options_of(type(config)).items():
        object.__setattr__(config, name, one.check(getattr(config, name)))


def json_schema_of(declaration: type[Any]) -> dict[str, Any]:
    """A dataclass of options as a manifest holds it, as JSON Schema."""
    options = options_of(declaration)
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [name for name, one in options.items() if not one.optional_in_manifest],
        "properties": {name: one.json_schema() for name, one in options.items()},
    }
