"""The page at `/` in a real browser: drawn to, given files, asked for pictures and texts."""

import json
import re
import shutil

import numpy as np
import pytest
from playwright.sync_api import sync_playwright

import serving
from tests.serving.drawing import SEVEN, draw

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PIXELS = """image => {
  const canvas = document.createElement('canvas');
  canvas.width = image.naturalWidth; canvas.height = image.naturalHeight;
  canvas.getContext('2d').drawImage(image, 0, 0);
  return [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data]
    .filter((_, index) => index % 4 === 0);
}"""


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def families(start_server, digits_bundle, gan_bundle, text_bundle, tmp_path_factory):
    """A server on a bundle of every family, as `make demo` leaves them."""
    folder = tmp_path_factory.mktemp("families")
    for bundle in (digits_bundle, gan_bundle, text_bundle):
        shutil.copytree(bundle, folder / bundle.parent.name / "1")
    return start_server(folder, "--workers", "2", "--queue-ms", "6e5", "--timeout", "600")


@pytest.fixture
def open_page(browser):
    """A function that opens a server's page; nothing may fail on it or be asked elsewhere."""
    opened, faults = [], []

    def open_page(server, **settings):
        page = browser.new_page(**settings)
        opened.append(page)
        page.set_default_timeout(120_000)
        page.on("pageerror", lambda error: faults.append(str(error)))
        home = f"http://127.0.0.1:{server.port}/"
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((home, "blob:", "data:"))
                else faults.append(request.url)
            ),
        )
        page.goto(home)
        return page

    yield open_page
    for page in opened:
        page.close()
    assert faults == []


def until_changed(page, picture, before):
    """Waits until a picture is another one, and returns its address."""
    page.wait_for_function(
        "([image, before]) => image.src !== before && image.complete && image.naturalWidth",
        arg=[picture.element_handle(), before],
    )
    return picture.get_attribute("src")


def test_every_model_is_there_with_its_versions(open_page, server):
    page = open_page(server)
    for name in ("half_plus", "pixels", "sums"):
        page.get_by_role("region", name=name).get_by_text("Card", exact=True).wait_for()
    text = page.get_by_role("region", name="half_plus").inner_text()
    assert "version 124 ready" in text
    assert "version 123 ready" in text
    assert "Asked by program alone: serving_default" in text


def test_a_seven_that_is_drawn_is_read(open_page, families):
    model = open_page(families).get_by_role("region", name="digits")
    draw(model.page, model.locator("canvas"), SEVEN)
    model.locator(".bar span", has_text=re.compile("^7$")).first.wait_for()
    model.page.wait_for_function(
        "document.querySelector('section[aria-label=digits] .bar span').textContent === '7'"
    )
    model.get_by_role("button", name="Clear").click()
    assert model.locator(".bar").count() == 0


def test_keys_draw_as_a_pointer_does(open_page, server):
    page = open_page(server)
    model = page.get_by_role("region", name="pixels")
    model.locator("canvas").focus()
    for key, times in (("ArrowUp", 6), ("Space", 1), ("ArrowRight", 9), ("Space", 1)):
        for _ in range(times):
            page.keyboard.press(key)
    model.locator(".bar").first.wait_for()
    assert model.locator(".bar span").first.inner_text() == "east"


def test_a_file_that_is_no_picture_is_said_to_be_none(open_page, server):
    model = open_page(server).get_by_role("region", name="pixels")
    content = {"name": "a.png", "mimeType": "image/png", "buffer": b"no picture"}
    model.locator("input[type=file]").set_input_files(content)
    model.get_by_text("no PNG or JPEG").wait_for()


def test_pictures_are_made_of_a_seed_and_a_class(open_page, families, gan_bundle):
    model = open_page(families).get_by_role("region", name="gan")
    grid = model.locator("img.grid")
    until_changed(model.page, grid, None)
    before = grid.get_attribute("src")
    model.get_by_label("seed").fill("9")
    model.get_by_role("button", name="Make 16").click()
    before = until_changed(model.page, grid, before)
    model.locator("form").get_by_label("class").select_option("3")
    until_changed(model.page, grid, before)
    made = serving.load(gan_bundle).predict("sample", seed=9, count=16, label=3)["image"]
    shown = np.array(grid.evaluate(PIXELS)).reshape(32, 32)
    np.testing.assert_array_equal(shown[:8, 8:16], made[1, ..., 0])


def test_a_slider_walks_between_two_latents(open_page, families):
    model = open_page(families).get_by_role("region", name="gan")
    picture = model.locator("img.walked")
    slider = model.get_by_label("way between the two")
    pictures, address = [], None
    for share in ("0", "0.5", "1"):
        if address:
            slider.fill(share)
        address = until_changed(model.page, picture, address)
        pictures.append(picture.evaluate(PIXELS))
    assert len(pictures[0]) == 64
    assert pictures[0] != pictures[1] != pictures[2] != pictures[0]
    model.get_by_label("from", exact=True).fill("2")  # now both ends are the same seed
    until_changed(model.page, picture, address)
    assert picture.evaluate(PIXELS) == pictures[2]


def test_a_text_is_written_as_it_comes(open_page, families, text_bundle):
    model = open_page(families).get_by_role("region", name="python")
    model.get_by_label("Prompt").fill("The ")
    model.get_by_label("length").fill("60")
    model.get_by_label("temperature").fill("0.5")
    model.get_by_role("button", name="Go on").click()
    expected = "The " + "".join(
        serving.load(text_bundle).stream("The ", length=60, temperature=0.5, seed=1)
    )
    model.page.wait_for_function(
        "expected => document.querySelector('pre').textContent === expected", arg=expected
    )


def test_a_card_tells_signatures_figures_and_the_proof(open_page, families, digits_bundle):
    model = open_page(families).get_by_role("region", name="digits")
    model.get_by_text("Card", exact=True).click()
    card = model.locator("details").inner_text()
    manifest = json.loads((digits_bundle / "bundle.json").read_text())
    assert manifest["source"]["metrics"]["headline"] in card
    assert "uint8 [batch, 8, 8, 1]" in card
    agreeing = sum(p["decisions_agreeing"] for p in manifest["proof"] if p["runtime"] == "onnx")
    assert f"{agreeing:,} of {agreeing:,}" in card


def test_a_card_tells_nothing_of_where_the_run_lay(families, digits_run):
    status, card = families.get("/v1/models/digits/versions/1/card")
    assert status == 200
    assert card["signatures"][0]["inputs"][0]["name"] == "image"
    assert str(digits_run.parent) not in json.dumps(card)
    assert families.get("/v1/models/nothing/card")[0] == 404


def test_requests_a_second_and_latency_are_shown_as_they_come(open_page, families):
    page = open_page(families)
    traffic = page.get_by_role("region", name="gan").locator(".traffic")
    page.get_by_role("region", name="gan").locator("img.grid").wait_for()
    traffic.get_by_text("requests/s").wait_for()  # the page has looked once before
    families.post(
        "/v1/models/gan:predict",
        {"signature_name": "sample", "inputs": {"seed": 1, "count": 1, "label": 0}},
    )
    traffic.get_by_text(re.compile(r"[1-9].* requests/s, half in .* ms, 99 % in .* ms")).wait_for()


def test_a_phone_shows_all_of_it_in_the_dark(open_page, families):
    phone = {"width": 360, "height": 740}
    page = open_page(families, viewport=phone, color_scheme="dark", has_touch=True)
    page.locator("img.walked").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    red = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]")
    assert int(red) < 64
