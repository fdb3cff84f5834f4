#!/usr/bin/env python3
"""usage: plot.py DIRECTORY <LINES: draws the growth that bench_scale printed as two small SVG files."""
import json
import sys

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 640, 300, 60, 40, 190, 45
COLOURS = ["#1b6ca8", "#c2571a", "#3a7d44"]
PLOTS = {
    "growth-merge": ("CPU of merging, us an entry", {
        "scale_merge": "further entries",
        "scale_merge_first": "the whole at a first sync",
        "scale_merge_scattered": "further, amending any visit",
    }),
    "growth-save": ("CPU of saving a visit with its twin, us", {
        "scale_save_durable": "one a commit, FULL",
        "scale_save": "ten a commit",
        "scale_seal": "sealing an entry of ten",
    }),
}


def read(lines):
    series = {}
    for line in lines:
        figure = json.loads(line) if line.startswith("{") else {}
        if "field_versions" in figure:
            series.setdefault(figure["figure"], []).append((figure["field_versions"], figure["value"]))
    return series


def ceiling_of(highest):
    step = 50
    while highest / step > 8:
        step *= 2
    return step * (int(highest / step) + 1), step


def spread(heights):
    """The same heights, so far apart that a line of text fits between."""
    placed = {}
    last = None
    for index in sorted(range(len(heights)), key=heights.__getitem__):
        last = heights[index] if last is None else max(heights[index], last + 13)
        placed[index] = last
    return [placed[index] for index in range(len(heights))]


def draw(title, names, series):
    shown = [(label, sorted(series[name])) for name, label in names.items() if name in series]
    sizes = [size for size, _ in shown[0][1]]
    top, step = ceiling_of(max(value for _, points in shown for _, value in points))

    def x(size):  # the sizes double: equal steps
        return LEFT + (WIDTH - LEFT - RIGHT) * sizes.index(size) / max(len(sizes) - 1, 1)

    def y(value):
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="11">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/><text x="{LEFT}" y="20" font-size="13">{title}</text>']
    for value in range(0, top + 1, step):
        out.append(f'<path d="M{LEFT} {y(value):.0f}H{WIDTH - RIGHT}" stroke="#ddd"/>'
                   f'<text x="{LEFT - 6}" y="{y(value) + 4:.0f}" text-anchor="end">{value}</text>')
    for size in sizes:
        out.append(f'<text x="{x(size):.0f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{size:,}</text>')
    out.append(f'<text x="{LEFT}" y="{HEIGHT - 8}">field versions in the store</text>')
    at = spread([y(points[-1][1]) for _, points in shown])
    for (label, points), colour, label_y in zip(shown, COLOURS, at):
        first = points[0][1]
        band = f"{x(sizes[0]):.0f} {y(first * 1.2):.0f}H{x(sizes[-1]):.0f}V{y(first * 0.8):.0f}H{x(sizes[0]):.0f}Z"
        out.append(f'<path d="M{band}" fill="{colour}" opacity="0.1"/>')
        path = "L".join(f"{x(size):.0f} {y(value):.1f}" for size, value in points)
        out.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{x(size):.0f}" cy="{y(value):.1f}" r="3" fill="{colour}"/>' for size, value in points]
        out.append(f'<text x="{x(sizes[-1]) + 8:.0f}" y="{label_y + 4:.0f}" fill="{colour}">{label}</text>')
    out.append(f'<text x="{WIDTH - RIGHT + 8}" y="{HEIGHT - 8}" fill="#777">shaded: 20 % of the first</text></svg>')
    return "\n".join(out) + "\n"


def main():
    series = read(sys.stdin)
    for name, (title, names) in PLOTS.items():
        if not any(key in series for key in names):
            sys.exit("plot.py: no lines of bench_scale")
        with open(f"{sys.argv[1]}/{name}.svg", "w", encoding="utf-8") as file:
            file.write(draw(title, names, series))


main()
