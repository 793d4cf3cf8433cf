"""Drawing on the page at `/`, as a person does: for tests, and for pictures of it."""

SEVEN = [[(0.2, 0.1), (0.8, 0.1), (0.4, 0.92)], [(0.25, 0.5), (0.8, 0.5)]]
"""Strokes, in shares of the square that is drawn on."""


def draw(page, canvas, strokes):
    """Draws strokes on a canvas with the mouse."""
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    for stroke in strokes:
        first, *further = [
            (box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in stroke
        ]
        page.mouse.move(*first)
        page.mouse.down()
        for place in further:
            page.mouse.move(*place)
        page.mouse.up()
