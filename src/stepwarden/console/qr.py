"""QR codes as SVG elements: black on white whatever the page's colours are, for a camera reads nothing else well."""

import segno


def draw_code(text: str) -> str:
    """The SVG element of a QR code for ``text``, four modules of margin around it."""
    return str(segno.make(text, error="m").svg_inline(scale=4, border=4, dark="#000", light="#fff"))
