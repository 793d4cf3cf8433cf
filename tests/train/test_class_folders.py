"""Any folder of class folders becomes a data set, or is refused with the way out."""

import shutil
import struct
import tarfile
import zlib

import numpy as np
import pytest
from PIL import Image

from keras_models.errors import BadInput
from serving.codecs import decode_image
from train import class_folders, datasets
from train.images import split


@pytest.fixture
def photographs(tmp_path):
    """Two classes of five colour pictures of differing sizes, PNG and JPEG."""
    random = np.random.default_rng(0)
    folder = tmp_path / "photographs"
    for label, name in enumerate(("cats", "dogs")):
        (folder / name).mkdir(parents=True)
        for index in range(5):
            pixels = random.integers(0, 120, (20 + index, 30, 3)) + 100 * label
            suffix, kind = ("png", "PNG") if index % 2 else ("JPG", "JPEG")
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{index}.{suffix}", kind)
    return folder


def save(path, mode="L", size=(8, 8), shade=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, shade).save(path)


def count(data):
    return len(data.training) + len(data.validation) + len(data.test)


def load(folder, image_size=16, skip_bad=False):
    return datasets.load(str(folder), image_size=image_size, skip_bad=skip_bad)


def test_a_folder_is_resized_to_the_size_that_was_asked_for(photographs):
    data = load(photographs)
    assert data.classes == ("cats", "dogs")
    assert (data.spec.height, data.spec.width, data.spec.channels) == (16, 16, 3)
    assert count(data) == 10


def test_the_pixels_are_those_that_serving_will_see(photographs):
    data = load(photographs)
    settings = {"height": 16, "width": 16, "channels": 3}
    served = np.stack([decode_image(path, settings) for path in sorted(photographs.glob("*/*"))])
    for part in (data.training, data.validation, data.test):
        for image in part.pixels.astype(int):
            # Resizing may round to the other side: see keras_models/image_bytes.py.
            assert np.abs(served - image).max(axis=(1, 2, 3)).min() <= 1


def test_differing_sizes_need_a_size_and_two_files_are_named(photographs):
    with pytest.raises(BadInput, match=r"cats/0\.JPG is 30 × 20.*cats/1\.png is 30 × 21.*--image"):
        load(photographs, image_size=None)


def test_equal_sizes_need_none_and_grey_pictures_stay_grey(tmp_path):
    for name in "ab":
        for index in range(4):
            save(tmp_path / name / f"{index}.png", size=(9, 7), shade=index * 20)
    data = load(tmp_path, image_size=None)
    assert (data.spec.height, data.spec.width, data.spec.channels) == (7, 9, 1)


def test_one_coloured_picture_makes_all_of_them_coloured(tmp_path):
    for name in "ab":
        for index in range(4):
            save(tmp_path / name / f"{index}.png", "RGB" if name + str(index) == "b3" else "L")
    assert load(tmp_path, image_size=None).spec.channels == 3


def test_corrupt_images_among_good_ones_are_named_and_can_be_skipped(photographs):
    truncated = photographs / "dogs" / "0.JPG"
    truncated.write_bytes(truncated.read_bytes()[:-200])
    (photographs / "cats" / "3.png").write_bytes(b"no image")
    with pytest.raises(BadInput, match=r"2 of 10 files cannot be read") as refused:
        load(photographs)
    message = str(refused.value)
    assert "cats/3.png (no PNG or JPEG)" in message
    assert "dogs/0.JPG (damaged)" in message
    assert "--skip-bad" in message
    data = load(photographs, skip_bad=True)
    assert data.skipped == 2
    assert count(data) == 8


def test_many_corrupt_images_are_counted(photographs):
    for path in photographs.glob("dogs/*"):
        path.write_bytes(b"")
    with pytest.raises(BadInput, match=r"5 of 10 files cannot be read.*and 2 more"):
        load(photographs)


def test_a_class_that_skipping_leaves_empty_is_named(photographs):
    for path in photographs.glob("dogs/*"):
        path.write_bytes(b"")
    with pytest.raises(BadInput, match="class 'dogs' has 0 images"):
        load(photographs, skip_bad=True)


def test_skipping_cannot_make_something_of_nothing(photographs):
    for path in photographs.glob("*/*"):
        path.write_bytes(b"")
    with pytest.raises(BadInput, match="none is left"):
        load(photographs, skip_bad=True)


def test_an_image_that_would_fill_the_memory_is_not_decoded(photographs):
    def chunk(kind, content):
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", 9000, 9000, 8, 0, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 9))
    (photographs / "cats" / "bomb.png").write_bytes(bomb + chunk(b"IEND", b""))
    with pytest.raises(BadInput, match=r"bomb\.png \(more than 64,000,000 pixels\)"):
        load(photographs)


def test_another_format_under_a_name_of_ours_is_refused(photographs):
    Image.new("RGB", (8, 8)).save(photographs / "cats" / "moving.png", "GIF")
    with pytest.raises(BadInput, match=r"moving\.png \(no PNG or JPEG\)"):
        load(photographs)


def test_hidden_and_other_files_are_left_out_and_the_others_are_mentioned(photographs, capsys):
    (photographs / "cats" / ".DS_Store").write_bytes(b"")
    (photographs / "cats" / "._1.png").write_bytes(b"")
    (photographs / ".git").mkdir()
    (photographs / "README.txt").write_text("ours")
    (photographs / "cats" / "notes.txt").write_text("")
    (photographs / "dogs" / "more").mkdir()
    assert count(load(photographs)) == 10
    noted = capsys.readouterr().err
    assert "2 other files or folders" in noted
    assert "cats/notes.txt" in noted


def test_names_need_not_be_ascii_nor_even_utf_8(tmp_path):
    for name in ("Bäume", "花"):
        for index in range(4):
            save(tmp_path / name / f"{index}.png", shade=index)
    odd = tmp_path / "Bäume" / b"\xff.png".decode(errors="surrogateescape")
    shutil.copyfile(tmp_path / "花" / "0.png", odd)
    data = load(tmp_path, image_size=None)
    assert data.classes == ("Bäume", "花")
    assert count(data) == 9


def test_a_class_name_that_cannot_be_written_down_is_refused(photographs):
    (photographs / b"\xff".decode(errors="surrogateescape")).mkdir()
    with pytest.raises(BadInput, match="readable name"):
        load(photographs)


def test_links_that_lead_in_circles_are_no_classes_and_no_images(photographs):
    (photographs / "loop").symlink_to(photographs / "loop")
    (photographs / "cats" / "loop.png").symlink_to(photographs / "cats" / "loop.png")
    (photographs / "cats" / "up").symlink_to(photographs)
    assert count(load(photographs)) == 10


def test_train_and_test_folders_are_kept_apart(photographs, tmp_path):
    whole = tmp_path / "set"
    shutil.copytree(photographs, whole / "train")
    shutil.copytree(photographs, whole / "test")
    for path in (whole / "test").glob("*/0.JPG"):
        path.unlink()
    data = load(whole)
    assert len(data.test) == 8
    assert len(data.training) + len(data.validation) == 10


def test_train_alone_gives_all_three_parts_and_says_what_it_leaves(photographs, tmp_path, capsys):
    whole = tmp_path / "set"
    shutil.copytree(photographs, whole / "train")
    shutil.copytree(photographs, whole / "val")
    data = load(whole)
    assert data.classes == ("cats", "dogs")
    assert count(data) == 10
    assert "val beside them is not used" in capsys.readouterr().err


def test_a_class_may_be_called_train(tmp_path):
    for name in ("plane", "train", "test"):
        for index in range(4):
            save(tmp_path / name / f"{index}.png", shade=index)
    assert load(tmp_path).classes == ("plane", "test", "train")


def test_a_class_that_only_the_test_part_has_is_refused(photographs, tmp_path):
    whole = tmp_path / "set"
    shutil.copytree(photographs, whole / "train")
    shutil.copytree(photographs, whole / "test")
    save(whole / "test" / "horses" / "1.png")
    with pytest.raises(BadInput, match=r"horses is a class that .*train does not have"):
        load(whole)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(BadInput, match="has no class folders"):
        load(tmp_path)


def test_a_class_folder_without_images_is_named(photographs):
    (photographs / "horses").mkdir()
    (photographs / "horses" / ".hidden.png").write_bytes(b"")
    with pytest.raises(BadInput, match="horses has no images"):
        load(photographs)


def test_one_class_alone_is_data_for_a_generator(photographs):
    shutil.rmtree(photographs / "dogs")
    assert load(photographs).classes == ("cats",)


def test_a_folder_that_may_not_be_read_is_named(photographs):
    (photographs / "dogs").chmod(0)
    try:
        if any((photographs / "dogs").glob("*")):
            pytest.skip("whoever runs this may read everything")
        with pytest.raises(BadInput, match=r"cannot read .*dogs: Permission denied"):
            load(photographs)
    finally:
        (photographs / "dogs").chmod(0o700)


@pytest.mark.parametrize("size", [-1, 0, 4097])
def test_a_size_that_no_image_can_have_is_refused(photographs, size):
    with pytest.raises(BadInput, match=f"--image-size {size}"):
        load(photographs, image_size=size)


def test_the_order_in_which_the_disk_lists_files_does_not_matter(photographs, tmp_path):
    again = tmp_path / "again"
    for path in sorted(photographs.glob("*/*"), reverse=True):
        (again / path.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, again / path.parent.name / path.name)
    assert load(again).fingerprint == load(photographs).fingerprint


def test_one_changed_image_changes_the_fingerprint(photographs, monkeypatch):
    before = load(photographs).fingerprint
    monkeypatch.setattr(class_folders, "LARGEST_BYTES", 0)
    before_in_files = load(photographs).fingerprint
    Image.new("RGB", (30, 21)).save(photographs / "cats" / "1.png")
    assert load(photographs).fingerprint != before_in_files
    monkeypatch.undo()
    assert load(photographs).fingerprint != before


def test_skipping_works_where_the_images_stay_in_their_files(photographs, monkeypatch):
    monkeypatch.setattr(class_folders, "LARGEST_BYTES", 0)
    truncated = photographs / "dogs" / "0.JPG"
    truncated.write_bytes(truncated.read_bytes()[:-200])
    data = load(photographs, skip_bad=True)
    assert data.skipped == 1
    assert count(data) == 9
    assert split(data.training, data.classes, test=data.test).spec.height == 16


def test_real_photographs_of_flowers_load(shared_data, tmp_path):
    with tarfile.open(shared_data / "flowers-jpeg.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    data = load(tmp_path / "flowers", image_size=32)
    assert len(data.classes) == 5
    assert len(data.training) + len(data.validation) == 1250
    assert len(data.test) == 250
