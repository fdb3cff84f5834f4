"""Reads the QR code of an SVG without any of Baken's code or a library: ISO/IEC 18004, versions 3 and 4 at level Q.

usage: /usr/bin/python3 qr.py FILE     prints the text
Nothing is corrected: a square that is wrong makes the text wrong.
"""
import re
import sys

DATA_CODEWORDS = {3: (17, 17), 4: (24, 24)}  # of each block, level Q
MASKS = [lambda y, x: (y + x) % 2, lambda y, x: y % 2, lambda y, x: x % 3, lambda y, x: (y + x) % 3,
         lambda y, x: (y // 2 + x // 3) % 2, lambda y, x: y * x % 2 + y * x % 3,
         lambda y, x: (y * x % 2 + y * x % 3) % 2, lambda y, x: ((y + x) % 2 + y * x % 3) % 2]
LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"


def squares(svg):
    side = int(re.search(r'viewBox="0 0 (\d+) ', svg).group(1))
    dark = [[0] * side for _ in range(side)]
    for x, y, run in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\d+z", svg):
        for at in range(int(x), int(x) + int(run)):
            dark[int(y)][at] = 1
    assert not any(dark[y][x] for y in range(side) for x in range(side)
                   if min(x, y) < 4 or max(x, y) >= side - 4), "the quiet zone is light"
    return [row[4:-4] for row in dark[4:-4]]


def is_function(size, y, x):
    near = size - 9 <= y <= size - 5 and size - 9 <= x <= size - 5  # the one alignment pattern
    return (y < 9 and (x < 9 or x >= size - 8)) or (y >= size - 8 and x < 9) or y == 6 or x == 6 or near


def codewords(dark):
    size = len(dark)
    form = [dark[8][x] for x in (0, 1, 2, 3, 4, 5, 7, 8)] + [dark[y][8] for y in (7, 5, 4, 3, 2, 1, 0)]
    value = int("".join(map(str, form)), 2) ^ 0b101010000010010
    assert value >> 13 == 0b11, "level Q"
    mask = MASKS[value >> 10 & 7]
    bits, upwards = [], True
    for right in [x for x in range(size - 1, 0, -2) if x > 6] + [5, 3, 1]:
        for y in range(size - 1, -1, -1) if upwards else range(size):
            for x in (right, right - 1):
                if not is_function(size, y, x):
                    bits.append(dark[y][x] ^ (mask(y, x) == 0))
        upwards = not upwards
    return [int("".join(map(str, bits[i:i + 8])), 2) for i in range(0, len(bits) - 7, 8)]


def text_of(words, blocks):
    order = [(i, b) for i in range(max(blocks)) for b in range(len(blocks)) if i < blocks[b]]
    data = {place: words[n] for n, place in enumerate(order)}
    bits = "".join("{:08b}".format(data[i, b]) for b in range(len(blocks)) for i in range(blocks[b]))
    at, text = 0, ""

    def take(count):
        nonlocal at
        at += count
        return int(bits[at - count:at] or "0", 2)

    while len(bits) - at >= 4:
        mode = take(4)
        if mode == 0:
            break
        if mode == 1:
            count = take(10)
            for left in range(count, 0, -3):
                digits = min(left, 3)
                text += str(take(digits * 3 + 1)).zfill(digits)
        elif mode == 2:
            count = take(9)
            for _ in range(count // 2):
                pair = take(11)
                text += LETTERS[pair // 45] + LETTERS[pair % 45]
            if count % 2:
                text += LETTERS[take(6)]
        else:
            assert mode == 4, "a mode that is not expected"
            text += "".join(chr(take(8)) for _ in range(take(8)))
    return text


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        dark = squares(file.read())
    version = (len(dark) - 17) // 4
    print(text_of(codewords(dark), DATA_CODEWORDS[version]))


main()
