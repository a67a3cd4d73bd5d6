"""The census: merging and counting beside brute force, the one shape, and what is said where there is none."""

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixup_pipeline.errors import SizesError, SourceError
from mixup_pipeline.records.facts import Facts, ImageFacts
from mixup_pipeline.records.resize import drawn_from
from mixup_pipeline.sources.census import Census, Seen, one_shape, summary_of
from mixup_pipeline.spec import ExampleSpec, ImageOptions

SPEC = ExampleSpec(input_key="image", label_key="label", encoding="encoded", shape=(None,) * 3, num_classes=3)
VECTORS = replace(SPEC, encoding="vector", shape=(None,))
COLOURS = ("grey", "grey with alpha", "RGB", "RGBA", "palette", "palette with alpha", "CMYK")

some_facts = st.builds(
    ImageFacts,
    st.sampled_from(["JPEG", "PNG"]),
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from(COLOURS),
    st.sampled_from([8, 16]),
    st.integers(1, 8),
    st.booleans(),
)
some_options = st.builds(
    ImageOptions,
    size=st.none() | st.tuples(st.integers(1, 400), st.integers(1, 400)),
    resize=st.sampled_from(["crop", "pad", "stretch"]),
    channels=st.sampled_from([None, 1, 3, 4]),
    exif=st.sampled_from(["apply", "ignore"]),
)


def census_of(found: list[ImageFacts], file: str = "a") -> Census:
    rows: dict[Facts, Seen] = {}
    for record, facts in enumerate(found):
        rows.setdefault(facts, Seen(0, file, record)).count += 1
    return Census(rows)


@given(st.lists(st.lists(some_facts, max_size=8), max_size=4))
def test_the_census_of_files_is_that_of_all_their_images(files: list[list[ImageFacts]]) -> None:
    merged = Census.of(census_of(found, f"file-{number}") for number, found in enumerate(files))
    everything = [(facts, number, record) for number, found in enumerate(files) for record, facts in enumerate(found)]
    assert {facts: seen.count for facts, seen in merged.rows.items()} == Counter(facts for facts, _, _ in everything)
    assert merged.total == len(everything)
    for facts, seen in merged.rows.items():
        first = next(where for where in everything if where[0] == facts)
        assert (seen.file, seen.record) == (f"file-{first[1]}", first[2])


@given(st.lists(some_facts, max_size=8))
def test_a_census_survives_json(found: list[ImageFacts]) -> None:
    census = census_of(found)
    again = Census.from_rows(json.loads(json.dumps(census.to_rows())))
    assert again == census
    assert all(isinstance(facts, ImageFacts) for facts in again.rows)


def test_a_census_of_vectors_survives_json() -> None:
    census = Census({(7,): Seen(3, "a", 0)})
    assert Census.from_rows(json.loads(json.dumps(census.to_rows()))) == census


@given(st.lists(some_facts, min_size=1, max_size=8), some_options)
def test_the_summary_counts_what_a_plain_count_counts(found: list[ImageFacts], options: ImageOptions) -> None:
    spec = replace(SPEC, images=options)
    shape = None if options.size is None else (*options.size, 3)
    summary = summary_of(census_of(found), spec, shape)
    assert summary is not None
    sizes = [(h, w) for h, w, _ in (facts.shape(turned=options.turned) for facts in found)]
    assert summary.images == len(found)
    assert summary.formats == Counter(facts.format for facts in found)
    assert summary.colours == Counter(facts.colours for facts in found)
    assert summary.bits == Counter(str(facts.depth) for facts in found)
    assert summary.sizes == len(set(sizes))
    assert summary.smallest in sizes
    assert summary.smallest[0] * summary.smallest[1] == min(height * width for height, width in sizes)
    assert summary.largest[0] * summary.largest[1] == max(height * width for height, width in sizes)
    assert summary.turned == sum(facts.orientation != 1 for facts in found)
    assert summary.with_alpha == sum("alpha" in facts.colours or facts.colours == "RGBA" for facts in found)
    assert summary.animated == sum(facts.animated for facts in found)
    assert summary.aspects == Counter("square" if h == w else "landscape" if w > h else "portrait" for h, w in sizes)
    if options.size is None:
        assert (summary.resized, summary.cropped, summary.enlarged) == (0, 0, 0)
        return
    changed = [(size, *drawn_from(size, options.size, options.resize)) for size in sizes if size != options.size]
    assert summary.resized == len(changed)
    assert summary.cropped == (sum(used != size for size, used, _ in changed) if options.resize == "crop" else 0)
    assert summary.enlarged == sum(to[0] > 8 * used[0] or to[1] > 8 * used[1] for _, used, to in changed)


@pytest.mark.parametrize(
    ("colours", "channels", "schema", "expected"),
    [
        (["grey", "grey"], None, None, 1),
        (["grey", "grey with alpha"], None, None, 1),
        (["grey", "RGB"], None, None, 3),
        (["grey", "palette"], None, None, 3),
        (["RGBA", "RGBA"], None, None, 3),
        (["RGB", "CMYK"], None, 1, 1),
        (["grey"], None, 4, 4),
        (["RGBA"], 4, 3, 4),
    ],
)
def test_channels_are_those_asked_for_or_described_or_of_any_colour(
    colours: list[str], channels: int | None, schema: int | None, expected: int
) -> None:
    census = census_of([ImageFacts("PNG", 5, 6, kind) for kind in colours])
    spec = replace(SPEC, shape=(None, None, schema), images=ImageOptions(channels=channels))
    assert one_shape(census, spec) == (5, 6, expected)


def test_upright_sizes_count() -> None:
    turned = [ImageFacts("JPEG", 5, 6, "RGB"), ImageFacts("JPEG", 6, 5, "RGB", 8, 6)]
    assert one_shape(census_of(turned), SPEC) == (5, 6, 3)
    with pytest.raises(SizesError):
        one_shape(census_of(turned), replace(SPEC, images=ImageOptions(exif="ignore")))


def test_nothing_has_no_shape() -> None:
    assert one_shape(Census(), SPEC) is None
    assert summary_of(Census(), SPEC, None) is None


def test_sizes_that_differ_are_counted_and_the_option_is_named() -> None:
    found = [ImageFacts("JPEG", 500, 375, "RGB")] * 7 + [
        ImageFacts("PNG", 100, 90, "grey"),
        ImageFacts("JPEG", 9, 9, "RGB"),
    ]
    with pytest.raises(SizesError) as caught:
        one_shape(census_of(found, "photos.tfrecord"), SPEC)
    assert str(caught.value) == (
        "images differ in size: 3 sizes from 9x9 (photos.tfrecord record 8) to 500x375 (photos.tfrecord record 0), "
        "most often 7 of 500x375: add --image-size 224 to bring all 9 to one size, with --resize "
        "crop, pad or stretch"
    )
    assert caught.value.census.sizes == 3


def test_a_size_is_proposed_that_half_of_the_images_have() -> None:
    small = [ImageFacts("JPEG", 70 + number, 90, "RGB") for number in range(10)]
    with pytest.raises(SizesError, match="add --image-size 64 to bring all 10"):
        one_shape(census_of(small), SPEC)


def test_an_output_that_is_too_large_is_refused() -> None:
    spec = replace(SPEC, images=ImageOptions(size=(8192, 8192)))
    with pytest.raises(
        SourceError, match=r"^--image-size 8192x8192: the example .* 8192x8192x3: .*: use a smaller one$"
    ):
        one_shape(census_of([ImageFacts("JPEG", 5, 5, "RGB")]), spec)


@pytest.mark.parametrize(("channels", "colours"), [(4, ["grey"]), (None, ["grey", "RGB"])])
def test_images_that_are_too_large_with_all_channels_are_refused(channels: int | None, colours: list[str]) -> None:
    """In grey alone they are not."""
    census = census_of([ImageFacts("PNG", 9000, 5000, kind) for kind in colours])
    spec = replace(SPEC, images=ImageOptions(channels=channels))
    shape = f"9000x5000x{channels or 3}"
    with pytest.raises(SourceError, match=f"^the example claims to be {shape}: .* 64 MiB decoded: add --image-size$"):
        one_shape(census, spec)
    assert one_shape(census, replace(SPEC, images=ImageOptions(channels=1))) == (9000, 5000, 1)


def test_sizes_beyond_three_are_counted_and_named_upright() -> None:
    found = [ImageFacts("JPEG", 10, number, "RGB", 8, 6) for number in range(1, 7)]
    with pytest.raises(SizesError, match=r"6 sizes from 1x10 \(a record 0\) to 6x10 \(a record 5\): add"):
        one_shape(census_of(found), SPEC)
    with pytest.raises(SizesError, match=r"6 sizes from 10x1 \(a record 0\) to 10x6 \(a record 5\)"):
        one_shape(census_of(found), replace(SPEC, images=ImageOptions(exif="ignore")))


@given(st.lists(st.lists(some_facts, max_size=8), max_size=4), some_options)
def test_the_one_shape_of_files_is_that_of_their_images(files: list[list[ImageFacts]], options: ImageOptions) -> None:
    """Whatever file an image lies in: all have the size asked for, or all have one, or it is refused."""
    spec, everything = replace(SPEC, images=options), [facts for found in files for facts in found]
    census = Census.of(census_of(found, f"file-{number}") for number, found in enumerate(files))
    sizes = {facts.shape(turned=options.turned)[:2] for facts in everything}
    if options.size is None and len(sizes) > 1:
        with pytest.raises(SizesError, match=f"{len(sizes)} sizes from .* all {len(everything)} to one size"):
            one_shape(census, spec)
        return
    colour = any(not facts.colours.startswith("grey") for facts in everything)
    channels = options.channels or (3 if colour else 1)
    assert one_shape(census, spec) == ((*(options.size or sizes.pop()), channels) if everything else None)


@pytest.mark.parametrize("rows", [[[[1, 2], 3]], [[None, 1, "a", 0]], [3], [[["PNG", 1], 1, "a", 0]]])
def test_rows_of_another_form_are_refused(rows: list[Any]) -> None:
    with pytest.raises((TypeError, ValueError)):
        Census.from_rows(rows)


def test_vectors_that_differ_are_named() -> None:
    census = Census({(7,): Seen(3, "a", 0), (8,): Seen(1, "b", 2)})
    with pytest.raises(SourceError, match="a record 0 is 7, b record 2 is 8: make them equally long first"):
        one_shape(census, VECTORS)
    assert one_shape(Census({(7,): Seen(3, "a", 0)}), VECTORS) == (7,)
