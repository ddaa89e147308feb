"""Whether a picture's bytes are whole, by the format's own structure: nothing may be missing at the end."""

import random
import struct
import zlib


def kind_of(data):
    """"png", "jpeg", "webp" or "mp4" of a whole file; ValueError says what is wrong."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return png(data)
    if data.startswith(b"\xff\xd8\xff"):
        if not data.rstrip(b"\0").endswith(b"\xff\xd9"):
            raise ValueError("the JPEG has no end")
        return "jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        if struct.unpack("<I", data[4:8])[0] + 8 != len(data):
            raise ValueError("the WebP is not as long as it says")
        return "webp"
    if data[4:8] == b"ftyp":
        return mp4(data)
    raise ValueError(f"no picture: {data[:16]!r}")


def make_png(size, seed=1):
    """A whole PNG of noise with about so many bytes."""
    width = 1000
    rows = max(1, size // (3 * width + 1))
    noise = random.Random(seed)
    lines = b"".join(b"\0" + noise.randbytes(3 * width) for _ in range(rows))
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, rows, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(lines, 0)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in parts)


def png(data):
    at, pixels = 8, b""
    while at + 12 <= len(data):
        length, name = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        check = data[at + 8 + length:at + 12 + length]
        if len(check) != 4 or zlib.crc32(name + body) != struct.unpack(">I", check)[0]:
            raise ValueError(f"the PNG's part {name!r} is damaged")
        if name == b"IDAT":
            pixels += body
        if name == b"IEND":
            zlib.decompress(pixels)
            return "png"
        at += 12 + length
    raise ValueError("the PNG has no end")


def mp4(data):
    at, names = 0, []
    while at < len(data):
        if at + 8 > len(data):
            raise ValueError("the MP4 ends inside a box")
        length, name = struct.unpack(">I4s", data[at:at + 8])
        if length < 8 or at + length > len(data):
            raise ValueError(f"the MP4's box {name!r} is not whole")
        names.append(name)
        at += length
    if b"moov" not in names or b"mdat" not in names:
        raise ValueError(f"the MP4 has only {names}")
    return "mp4"
