"""The census of a source: which inputs it has, how many of each, and what one shape they are brought to.

The pass that indexes a source reads the header of each image anyway, so the census costs no read.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from mixup_pipeline.errors import SizesError, SourceError
from mixup_pipeline.records.facts import UPRIGHT, Facts, ImageFacts
from mixup_pipeline.records.resize import drawn_from
from mixup_pipeline.spec import ExampleSpec, Shape, check_size, shape_text

LARGE_ENLARGEMENT = 8
"""Images that are enlarged more than this are counted: little of what is mixed was in them."""
_SHOWN_SIZES = 3
_USUAL_SIDES = (224, 160, 128, 96, 64, 32)


@dataclass
class Seen:
    """How often something was seen, and where first: the name of a file and the index of a record in it."""

    count: int
    file: str
    record: int

    @property
    def text(self) -> str:
        return f"{self.file} record {self.record}"


@dataclass(frozen=True)
class Census:
    """The inputs of a source by their facts, in the order in which they were seen first."""

    rows: dict[Facts, Seen] = field(default_factory=dict)

    @classmethod
    def of(cls, parts: Iterable["Census"]) -> "Census":
        """The census of several files, in their order."""
        rows: dict[Facts, Seen] = {}
        for part in parts:
            for facts, seen in part.rows.items():
                known = rows.get(facts)
                if known is None:
                    rows[facts] = Seen(seen.count, seen.file, seen.record)
                else:
                    known.count += seen.count
        return cls(rows)

    @property
    def total(self) -> int:
        return sum(seen.count for seen in self.rows.values())

    def images(self) -> Iterator[tuple[ImageFacts, int]]:
        """The facts of image files and how many have them."""
        for facts, seen in self.rows.items():
            if isinstance(facts, ImageFacts):
                yield facts, seen.count

    def to_rows(self) -> list[list[Any]]:
        """As JSON takes it."""
        return [[list(facts), seen.count, seen.file, seen.record] for facts, seen in self.rows.items()]

    @classmethod
    def from_rows(cls, rows: Iterable[list[Any]]) -> "Census":
        """From what `to_rows` gave. Raises TypeError or ValueError for anything else."""
        return cls(
            {
                (ImageFacts(*facts) if facts and isinstance(facts[0], str) else tuple(facts)): Seen(count, file, record)
                for facts, count, file, record in rows
            }
        )


def one_shape(census: Census, spec: ExampleSpec) -> Shape | None:
    """The shape that all inputs are brought to; None if there are none.

    Raises SourceError if they differ and no option brings them to one.
    """
    if not census.rows:
        return None
    if any(True for _ in census.images()):
        return _image_shape(census, spec)
    (first, seen), *others = ((facts, seen) for facts, seen in census.rows.items())
    for other, at in others:
        raise shape_mismatch(first, seen, other, at)
    return tuple(first)  # type: ignore[arg-type]  # a Shape, since there are no image files


def _image_shape(census: Census, spec: ExampleSpec) -> Shape:
    options = spec.images
    sizes = sizes_of(census, turned=options.turned)
    if options.size is None and len(sizes) > 1:
        raise SizesError(_mixed_sizes(sizes, census, turned=options.turned), summary_of(census, spec, None))
    shape = (*(options.size or next(iter(sizes))), channels_of(census, spec))
    try:
        check_size(shape, 1)
    except ValueError as error:
        asked = "" if options.size is None else f"--image-size {shape_text(options.size)}: "
        remedy = "add --image-size" if options.size is None else "use a smaller one"
        raise SourceError(f"{asked}{error}: {remedy}") from error
    return shape


def channels_of(census: Census, spec: ExampleSpec) -> int:
    """The channels that all images are brought to: 1 (grey), 3 (RGB) or 4 (RGBA)."""
    any_colour = any(facts.has_colour for facts, _ in census.images())
    return spec.images.channels or spec.shape[2] or (3 if any_colour else 1)


def sizes_of(census: Census, *, turned: bool) -> Counter[tuple[int, int]]:
    """How many images have each (height, width). turned: as they are once they stand upright."""
    sizes: Counter[tuple[int, int]] = Counter()
    for facts, count in census.images():
        height, width, _ = facts.shape(turned=turned)
        sizes[height, width] += count
    return sizes


def _mixed_sizes(sizes: Counter[tuple[int, int]], census: Census, *, turned: bool) -> str:
    """What is said where images differ in size."""
    by_area = sorted(sizes, key=lambda size: (size[0] * size[1], size))
    most = ", ".join(f"{count:,} of {shape_text(size)}" for size, count in sizes.most_common(_SHOWN_SIZES) if count > 1)
    most = f", most often {most}" if most else ""
    seen: dict[Shape, Seen] = {}
    for facts, at in census.rows.items():
        if isinstance(facts, ImageFacts):
            seen.setdefault(facts.shape(turned=turned)[:2], at)
    smallest, largest = by_area[0], by_area[-1]
    return (
        f"images differ in size: {len(sizes):,} sizes from {shape_text(smallest)} ({seen[smallest].text}) to "
        f"{shape_text(largest)} ({seen[largest].text}){most}: add --image-size {_suggested(sizes)} to bring "
        f"all {sizes.total():,} to one size, with --resize crop, pad or stretch"
    )


def _suggested(sizes: Counter[tuple[int, int]]) -> int:
    """A usual size that at least half of the images are not enlarged to."""
    half, below = sizes.total() / 2, 0
    for size in sorted(sizes, key=min):
        below += sizes[size]
        if below >= half:
            return next((side for side in _USUAL_SIDES if side <= min(size)), _USUAL_SIDES[-1])
    raise ValueError("there are no sizes")


def shape_mismatch(first: Facts, at: Seen, other: Facts, other_at: Seen) -> SourceError:
    """The error for inputs that are no image files and differ in shape. It names two of them."""
    found = f"{at.text} is {shape_text(first)}, {other_at.text} is {shape_text(other)}"  # type: ignore[arg-type]
    return SourceError(f"examples differ in length: {found}: make them equally long first")


@dataclass(frozen=True, kw_only=True)
class CensusSummary:
    """What the census of image files says in few numbers, all of them counts of images but where it says otherwise.

    formats, colours, bits, aspects: by format, kind of colours, bits of a channel, and aspect (landscape, portrait or
    square). sizes: how many sizes there are.
    smallest, largest: (height, width) of the smallest and the largest image by area. resized: those that do not have
    the size of the output. cropped: those of which a part is left out. enlarged: those enlarged more than 8 times along
    a side. turned: those whose EXIF says that they are not upright. with_alpha: those with transparency. animated:
    those with more pictures than one. channels: of the output: 1, 3 or 4.
    """

    images: int
    formats: dict[str, int]
    colours: dict[str, int]
    bits: dict[str, int]
    aspects: dict[str, int]
    sizes: int
    smallest: tuple[int, int]
    largest: tuple[int, int]
    resized: int
    cropped: int
    enlarged: int
    turned: int
    with_alpha: int
    animated: int
    channels: int


def summary_of(census: Census, spec: ExampleSpec, shape: Shape | None) -> CensusSummary | None:
    """The summary of a census; None if there are no image files.

    shape: what they are brought to; None if that is not known, so that none counts as resized.
    """
    if not any(True for _ in census.images()):
        return None
    turned, how = spec.images.turned, spec.images.resize
    sizes = sizes_of(census, turned=turned)
    by_area = sorted(sizes, key=lambda size: (size[0] * size[1], size))
    target = by_area[0] if shape is None else (shape[0], shape[1])
    resized = {size: count for size, count in sizes.items() if size != target} if shape is not None else {}
    uses = {size: drawn_from(size, target, how) for size in resized}

    def images_where(is_so: Callable[[ImageFacts], bool]) -> int:
        return sum(count for facts, count in census.images() if is_so(facts))

    return CensusSummary(
        images=sizes.total(),
        formats=_counts(census, lambda facts: facts.format),
        colours=_counts(census, lambda facts: facts.colours),
        bits=_counts(census, lambda facts: str(facts.depth)),
        aspects=_counts(census, lambda facts: _aspect(*facts.shape(turned=turned)[:2])),
        sizes=len(sizes),
        smallest=by_area[0],
        largest=by_area[-1],
        resized=sum(resized.values()),
        cropped=sum(count for size, count in resized.items() if uses[size][0] != size),
        enlarged=sum(
            count
            for size, count in resized.items()
            if any(to > LARGE_ENLARGEMENT * used for used, to in zip(*uses[size], strict=True))
        ),
        turned=images_where(lambda facts: facts.orientation != UPRIGHT),
        with_alpha=images_where(lambda facts: facts.has_alpha),
        animated=images_where(lambda facts: facts.animated),
        channels=channels_of(census, spec),
    )


def _aspect(height: int, width: int) -> str:
    return "square" if height == width else "landscape" if width > height else "portrait"


def _counts(census: Census, key: Callable[[ImageFacts], str]) -> dict[str, int]:
    """How many images have each value, the most frequent first."""
    counts: Counter[str] = Counter()
    for facts, count in census.images():
        counts[key(facts)] += count
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
