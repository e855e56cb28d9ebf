"""The page of ``demo`` in a real browser: what one sees after drawing, walking, attacking and looking inside."""

import re
from pathlib import Path

import pytest
from PIL import Image
from playwright_scripts import CONTRAST, CUT_OFF, UNCLEAR_FOCUS

pytest_plugins = ("browser",)
pytestmark = pytest.mark.page

TABS = ("Draw", "Walk", "Attack", "Look inside")


def draw_seven(page) -> None:
    """Draw a 7 by the mouse."""
    box = page.locator(".pad canvas").bounding_box()
    places = [
        (box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in ((0.3, 0.2), (0.7, 0.2), (0.5, 0.8))
    ]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=8)
    page.mouse.up()


def take_test_image(page, number: int) -> None:
    """Choose a test image by its number."""
    page.get_by_label("Test image, 0–").fill(str(number))


def show_tab(page, name: str) -> None:
    """Change to a tab."""
    page.get_by_role("tab", name=name).click()


def save_bmp(path: Path, side: int) -> Path:
    """Write a picture of a black 1 on white paper, of 3 side * side bytes."""
    picture = Image.new("RGB", (side, side), "white")
    picture.paste("black", (side * 9 // 20, side // 8, side * 11 // 20, side * 7 // 8))
    picture.save(path)
    return path


def first_right(lab) -> int:
    """Return the first test image that all models read rightly."""
    for number, (image, label) in enumerate(zip(lab.test.x, lab.test.y, strict=True)):
        if all(answer.argmax() == label for answer in lab.read(image).values()):
            return number
    raise AssertionError


def test_a_drawn_seven_is_read_as_seven_and_clearing_forgets_it(visit):
    page = visit()
    draw_seven(page)
    page.get_by_role("heading", name="All 2 models read 7").wait_for()
    assert page.locator(".answers .reads b").all_inner_texts() == ["7", "7"]
    assert page.locator(".answers .winner").count() == 2
    assert page.get_by_alt_text("The digit as the autoencoder decodes it").count() == 1
    page.get_by_role("button", name="Clear").click()
    page.get_by_text("Draw a digit, or take a test image").wait_for()
    assert set(page.locator(".answers .bar").evaluate_all("bars => bars.map((bar) => bar.style.width)")) == {"0%"}
    assert page.locator(".answers .reads b").all_inner_texts() == ["–", "–"]
    assert page.locator(".answers .winner").count() == 0


def test_a_finger_draws_too_and_adds_to_a_test_image(visit, lab):
    page = visit(360, 740)
    take_test_image(page, 0)
    page.get_by_text(f"The answers to test image 0, whose label is {lab.test.y[0]}.").wait_for()
    page.locator(".pad canvas").evaluate(
        """canvas => {
            const box = canvas.getBoundingClientRect();
            canvas.setPointerCapture = () => {};
            for (const [type, x] of [["pointerdown", 0.3], ["pointermove", 0.6], ["pointerup", 0.6]])
                canvas.dispatchEvent(new PointerEvent(type, { pointerType: "touch", bubbles: true,
                    clientX: box.left + x * box.width, clientY: box.top + 0.9 * box.height }));
        }"""
    )
    page.get_by_text("The answers to your drawing.").wait_for()
    assert page.get_by_label("Test image, 0–").input_value() == ""
    assert page.locator(".pad canvas").evaluate("canvas => getComputedStyle(canvas).touchAction") == "none"


def test_the_plane_is_walked_by_mouse_and_by_keys(visit):
    page = visit()
    show_tab(page, "Walk")
    image = page.get_by_alt_text("The image that the decoder makes of the point")
    image.wait_for()
    assert page.locator(".nearest img").count() == 10
    seen = [image.get_attribute("src")]
    box = page.get_by_role("slider", name="Point in the plane").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 0.3 * box["height"], steps=5)
    page.mouse.up()
    wait_for_another(page, image, seen)
    page.get_by_role("slider", name="Point in the plane").focus()
    page.keyboard.press("Shift+ArrowRight")
    wait_for_another(page, image, seen)


def wait_for_another(page, image, seen: list[str]) -> None:
    """Wait until a picture is none of those seen, and remember it."""
    for _ in range(200):
        if (now := image.get_attribute("src")) not in seen:
            seen.append(now)
            return
        page.wait_for_timeout(50)
    raise AssertionError("the picture stays as it is")


def test_epsilon_decides_whether_the_convnet_is_fooled(visit, lab):
    number = first_right(lab)
    label = lab.test.y[number]
    page = visit()
    take_test_image(page, number)
    show_tab(page, "Attack")
    epsilon = page.get_by_role("slider", name="Epsilon")
    epsilon.focus()
    page.keyboard.press("Home")
    page.get_by_role("heading", name=f"Attacked, the convnet still reads {label}").wait_for()
    page.keyboard.press("End")
    page.get_by_role("heading", name=re.compile(rf"Attacked, the convnet reads \d instead of {label}")).wait_for()
    assert page.locator(".pictures img").count() == 4
    assert page.locator(".answers").first.locator(".reads .fooled").count() >= 1
    page.locator(".least").wait_for()
    assert page.locator(".least .passed").count() == 2


def test_the_inside_of_the_convnet_shows_filters_and_maps_of_the_drawing(visit):
    page = visit()
    show_tab(page, "Look inside")
    page.get_by_alt_text("Map of filter 16").wait_for()
    empty = page.get_by_alt_text("Map of filter 16").get_attribute("src")
    filters = page.get_by_alt_text("Filter 1", exact=True).get_attribute("src")
    draw_seven(page)
    page.get_by_role("heading", name="look at your drawing").wait_for()
    maps = page.locator(".layer .pair img:nth-child(2)").evaluate_all("images => images.map((image) => image.src)")
    assert len(maps) == 16
    assert len(set(maps) - {empty}) > 8
    assert page.get_by_alt_text("Filter 1", exact=True).get_attribute("src") == filters


def test_a_picture_of_ten_megabytes_is_read_and_a_text_is_refused(visit, tmp_path):
    page = visit()
    large = save_bmp(tmp_path / "one.bmp", 1900)
    assert large.stat().st_size > 10_000_000
    page.get_by_label("Open a picture of a digit").set_input_files(large)
    page.get_by_text("The answers to your drawing.").wait_for()
    assert page.locator(".answers .reads b").nth(1).inner_text() == "1"
    (tmp_path / "words.png").write_text("no picture")
    page.get_by_label("Open a picture of a digit").set_input_files(tmp_path / "words.png")
    page.get_by_text("This file is no picture that the browser can read.").wait_for()


def test_ten_visitors_have_ten_images(visit, lab):
    pages = [visit() for _ in range(10)]
    for number, page in enumerate(pages):
        take_test_image(page, number)
    for number, page in enumerate(pages):
        page.get_by_text(f"The answers to test image {number}, whose label is {lab.test.y[number]}.").wait_for()


def test_a_model_that_comes_later_appears(visit, lab):
    page = visit()
    before = lab.classifiers
    try:
        lab.status = "training the robust network: 40 %"
        page.get_by_text("In the background: training the robust network: 40 %").wait_for()
        lab.add_classifier("robust", lab.classifiers["convnet"])
        page.locator(".answers").get_by_text("robust").wait_for()
    finally:
        lab.classifiers, lab.status = before, ""


@pytest.mark.parametrize("width", [360, 768])
def test_narrow_screens_need_no_scrolling_sideways_and_all_text_has_contrast(visit, width):
    page = visit(width, 740)
    draw_seven(page)
    for tab in TABS:
        show_tab(page, tab)
        page.wait_for_timeout(500)
        assert page.evaluate("document.documentElement.scrollWidth") == width, tab
        assert page.evaluate(CUT_OFF) == [], tab
        texts = page.evaluate(CONTRAST)
        assert len(texts) > 5
        assert {text: ratio for text, ratio in texts if ratio < 4.5} == {}


def test_every_control_has_a_name_and_is_reached_by_keys_with_a_visible_focus(visit):
    page = visit()
    devtools = page.context.new_cdp_session(page)
    draw_seven(page)
    for tab in TABS:
        show_tab(page, tab)
        page.wait_for_timeout(500)
        nodes = [node for node in devtools.send("Accessibility.getFullAXTree")["nodes"] if not node["ignored"]]
        focusable = [node for node in nodes if is_focusable(node)]
        names = {node["name"]["value"] for node in focusable}
        assert "" not in names, [node["role"]["value"] for node in focusable if not node["name"]["value"]]
        assert len(names) >= 5
        page.mouse.click(2, 2)
        reached = set()
        for _ in focusable:
            page.keyboard.press("Tab")
            assert page.evaluate(UNCLEAR_FOCUS) == "", tab
            reached.add(page.evaluate("document.activeElement.outerHTML"))
        assert len(reached) >= len(names) - len(TABS)  # arrow keys go from tab to tab


def is_focusable(node: dict) -> bool:
    """Tell whether a node of the accessibility tree is a control: it takes the focus, and is not there for looks."""
    properties = {one["name"]: one["value"].get("value") for one in node.get("properties", [])}
    return bool(properties.get("focusable")) and node["role"]["value"] not in ("RootWebArea", "generic")


def test_pictures_are_not_blurred(visit):
    page = visit()
    take_test_image(page, 3)
    page.get_by_alt_text("The digit as the networks get it").wait_for()
    style = page.locator(".digit").evaluate_all(
        "images => images.map((image) => getComputedStyle(image).imageRendering)"
    )
    assert set(style) == {"pixelated"}
    shown = page.locator(".pad canvas").evaluate(
        "canvas => Array.from(canvas.getContext('2d').getImageData(0, 270, 560, 1).data).filter((_, i) => i % 4 == 0)"
    )
    blocks = [set(shown[start : start + 20]) for start in range(0, 560, 20)]  # 28 pixels in 560
    assert [len(block) for block in blocks] == [1] * 28
    assert len(set.union(*blocks)) > 2
