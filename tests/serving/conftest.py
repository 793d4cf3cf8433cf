"""A bundle to damage: each test gets its own copy."""

import shutil

import pytest


@pytest.fixture
def own_bundle(digits_bundle, tmp_path):
    copy = tmp_path / "models" / "digits" / "1"
    shutil.copytree(digits_bundle, copy)
    return copy
