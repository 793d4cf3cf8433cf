"""A bundle that is not the published one is refused, by name."""

import json

import numpy as np
import pytest

from serving import bundle_json, integrity
from serving.errors import DamagedBundle, NotFound


def test_what_is_written_is_read_back(digits_bundle):
    manifest = bundle_json.read(digits_bundle)
    text = (digits_bundle / "bundle.json").read_text()
    assert bundle_json.to_text(manifest) == text
    assert integrity.differences(digits_bundle, manifest) == []


def test_every_flipped_bit_in_every_file_is_noticed(write_half_plus, tmp_path):
    folder = write_half_plus(tmp_path, 1, 2)
    manifest = bundle_json.read(folder)
    random = np.random.default_rng(0)
    for name in manifest.files:
        path = folder / name
        good = path.read_bytes()
        for position in random.integers(0, len(good), 2000 // len(manifest.files)):
            flipped = bytearray(good)
            flipped[position] ^= 1 << int(random.integers(8))
            path.write_bytes(flipped)
            assert integrity.differences(folder, manifest) == [f"{name} has changed"]
        path.write_bytes(good)


def test_missing_added_and_swapped_files_are_named(own_bundle):
    manifest = bundle_json.read(own_bundle)
    (own_bundle / "extra.txt").write_text("")
    (own_bundle / "README.md").unlink()
    assert integrity.differences(own_bundle, manifest) == [
        "README.md is missing",
        "extra.txt was added",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format": 1}',
        "\xff",
        "[" * 100_000,
        '{"format": 2, "signatures": 3}',
        '{"format": 2, "signatures": [{"name": "x"}]}',
    ],
)
def test_a_manifest_that_is_none_is_one_error(own_bundle, text):
    (own_bundle / "bundle.json").write_text(text)
    with pytest.raises(DamagedBundle, match=r"bundle\.json"):
        bundle_json.read(own_bundle)


def test_a_manifest_cannot_name_files_outside(own_bundle):
    content = json.loads((own_bundle / "bundle.json").read_text())
    outside = own_bundle.parent / "secret"
    outside.write_text("mine")
    content["files"]["../secret"] = {"bytes": 4, "sha256": integrity.describe(outside).sha256}
    (own_bundle / "bundle.json").write_text(json.dumps(content))
    with pytest.raises(DamagedBundle, match="not among the published files"):
        integrity.read_checked(own_bundle, bundle_json.read(own_bundle), "../secret")


def test_a_folder_without_a_manifest_is_no_bundle(tmp_path):
    with pytest.raises(NotFound, match="no bundle"):
        bundle_json.read(tmp_path)
