"""Glob patterns as regular expressions. tests/real_stores/test_places.py compares them with `glob` on local files."""

import re

import pytest

from mixup_pipeline.storage.patterns import WILDCARD, regex_of


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("train-*", ["train-", "train-00000-of-00002"], ["train-a/b", "test-0"]),
        ("a?c", ["abc"], ["ac", "a/c", "abbc"]),
        ("**/c", ["c", "a/c", "a/b/c"], ["ac", "c/d"]),
        ("a/**", ["a/b", "a/b/c"], ["b/a"]),
        ("[ab]", ["a", "b"], ["c", "ab", "[ab]"]),
        ("[!ab]", ["c", "!"], ["a", "b"]),
        ("[^a]", ["^", "a"], ["b"]),
        ("[[]1]", ["[1]"], ["1", "[]1]"]),
        ("a.b+(c)", ["a.b+(c)"], ["a-b+(c)", "a.bb(c)"]),
    ],
)
def test_what_a_pattern_matches(pattern: str, matching: list[str], others: list[str]) -> None:
    regex = re.compile(regex_of(pattern))
    assert [name for name in (*matching, *others) if regex.fullmatch(name)] == matching


@pytest.mark.parametrize(("text", "head"), [("a/b-*.c", "a/b-"), ("a?", "a"), ("a[0]", "a"), ("plain", "plain")])
def test_the_literal_head_of_a_pattern(text: str, head: str) -> None:
    assert WILDCARD.split(text)[0] == head
