# SPDX-License-Identifier: MIT
"""Two kinds of plots as SVG: lines over a logarithmic axis, and groups of bars."""

from xml.sax.saxutils import escape

WIDTH, HEIGHT = 820, 440
LEFT, RIGHT, TOP, BOTTOM = 70, 170, 50, 60
# Told apart also without colours: the dashes differ.
COLOURS = ["#0060a8", "#00a0c0", "#c04000", "#e0a000", "#606060"]
DASHES = ["", "8 3", "2 3", "10 3 2 3", "5 5"]


class Drawing:
    def __init__(self, title):
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif"'
            ' font-size="12">',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        ]
        self.text(LEFT, 24, title, size=15)

    def text(self, x, y, text, anchor="start", size=12, turn=0):
        turned = f' transform="rotate({turn} {x:.1f} {y:.1f})"' if turn else ""
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"{turned}>'
                          f'{escape(text)}</text>')

    def line(self, x1, y1, x2, y2, colour="#d0d0d0", dash="", width=1):
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"'
                          f' stroke-width="{width}" stroke-dasharray="{dash}"/>')

    def path(self, points, colour, dash):
        where = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polyline points="{where}" fill="none" stroke="{colour}" stroke-width="2"'
                          f' stroke-dasharray="{dash}"/>')

    def bar(self, x, y, width, height, colour):
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{max(height, 0.5):.1f}"'
                          f' fill="{colour}"/>')

    def legend(self, names, lines):
        x = WIDTH - RIGHT + 20
        for i, name in enumerate(names):
            y = TOP + 12 + 20 * i
            if lines:
                self.line(x, y - 4, x + 24, y - 4, COLOURS[i], DASHES[i], 2)
            else:
                self.bar(x, y - 10, 24, 12, COLOURS[i])
            self.text(x + 30, y, name)

    def save(self, path):
        with open(path, "w") as file:
            file.write("\n".join([*self.parts, "</svg>", ""]))


def vertical(drawing, label, bottom, top, ticks):
    """The axis on the left; returns how a value becomes a height."""
    def at(value):
        return HEIGHT - BOTTOM - (value - bottom) / (top - bottom) * (HEIGHT - TOP - BOTTOM)
    for tick in ticks:
        drawing.line(LEFT, at(tick), WIDTH - RIGHT, at(tick))
        drawing.text(LEFT - 6, at(tick) + 4, f"{tick:g}", "end")
    drawing.text(18, HEIGHT / 2, label, "middle", turn=-90)
    return at


def distributions(path, title, label, curves):
    """curves: name -> rising values at even steps of their share; those below the axis lie on it."""
    import math
    drawing = Drawing(title)
    values = [value for curve in curves.values() for value in curve if value > 0]
    low = math.floor(math.log10(min(values)))
    high = max(math.ceil(math.log10(max(values))), low + 1)
    y = vertical(drawing, "share of frames, %", 0, 100, range(0, 101, 20))

    def x(value):
        log = math.log10(max(value, 10 ** low))
        return LEFT + (log - low) / (high - low) * (WIDTH - LEFT - RIGHT)
    for power in range(low, high + 1):
        drawing.line(x(10 ** power), TOP, x(10 ** power), HEIGHT - BOTTOM)
        drawing.text(x(10 ** power), HEIGHT - BOTTOM + 18, f"{10 ** power:g}", "middle")
    drawing.text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 16, label, "middle")
    for i, curve in enumerate(curves.values()):
        share = [100 * k / (len(curve) - 1) for k in range(len(curve))]
        drawing.path([(x(value), y(part)) for value, part in zip(curve, share)], COLOURS[i], DASHES[i])
    drawing.legend(list(curves), True)
    drawing.save(path)


def bars(path, title, label, groups, names):
    """groups: (caption of two lines, name -> percent)."""
    drawing = Drawing(title)
    y = vertical(drawing, label, 0, 100, range(0, 101, 20))
    room = (WIDTH - LEFT - RIGHT) / len(groups)
    width = room * 0.8 / len(names)
    for g, (caption, values) in enumerate(groups):
        left = LEFT + room * (g + 0.1)
        for i, name in enumerate(names):
            if name in values:
                drawing.bar(left + width * i, y(values[name]), width * 0.9, y(0) - y(values[name]), COLOURS[i])
        for k, text in enumerate(caption):
            drawing.text(left + room * 0.4, HEIGHT - BOTTOM + 16 + 14 * k, text, "middle", 10)
    drawing.legend(names, False)
    drawing.save(path)
