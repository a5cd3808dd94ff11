"""Block and compressed mode, written by hand from RFC 959 sections 3.4.2 and 3.4.3.

Deliberately plain, and deliberately unlike the program under test: the encoders
choose among the legal forms at random (seeded), so that a decoder has to take
all of them, and the decoders check each byte.
"""

import random

EOR, EOF, SUSPECT, MARKER = 128, 64, 32, 16


class Reader:
    """Reads exact counts from a socket and keeps what was read ahead."""

    def __init__(self, sock):
        self.sock = sock
        self.buffer = b""
        self.taken = 0

    def take(self, count):
        while len(self.buffer) < count:
            more = self.sock.recv(65536)
            if not more:
                raise EOFError("the data connection ended inside a file, %d bytes in" % self.taken)
            self.buffer += more
        piece, self.buffer = self.buffer[:count], self.buffer[count:]
        self.taken += count
        return piece


def encode_block(data, rng=None):
    """3-byte headers: descriptor, 16-bit count. The EOF flag is on the last block."""
    rng = rng or random.Random(0)
    out = bytearray()
    at = 0
    while True:
        if rng.random() < 0.1:
            marker = b"%d" % at
            out += bytes([MARKER]) + len(marker).to_bytes(2, "big") + marker
        if rng.random() < 0.1:
            out += bytes([0, 0, 0])  # an empty block that ends nothing
        count = min(len(data) - at, rng.choice([1, 7, 100, 4096, 65535]))
        piece = data[at : at + count]
        at += count
        last = at == len(data)
        separate = last and rng.random() < 0.3  # EOF may come alone
        flags = EOF if last and not separate else 0
        out += bytes([flags]) + count.to_bytes(2, "big") + piece
        if separate:
            out += bytes([EOF, 0, 0])
        if last:
            return bytes(out)


def decode_block(reader):
    """Reads one file; gives its data and the number of blocks."""
    data, blocks = bytearray(), 0
    while True:
        header = reader.take(3)
        flags, count = header[0], int.from_bytes(header[1:], "big")
        assert flags & 0x0F == 0, "undefined descriptor bits in %s" % header.hex()
        body = reader.take(count)
        blocks += 1
        if flags & MARKER:
            continue
        data += body
        if flags & EOF:
            return bytes(data), blocks


def runs(data):
    """(byte, length) of each maximal run."""
    at = 0
    while at < len(data):
        end = at
        while end < len(data) and data[end] == data[at]:
            end += 1
        yield data[at], end - at
        at = end


def encode_compressed(data, rng=None, filler=0):
    """Regular strings 0nnnnnnn, replicated 10nnnnnn d, filler 11nnnnnn, escape 00 descriptor."""
    rng = rng or random.Random(0)
    out, plain = bytearray(), bytearray()

    def flush():
        at = 0
        while at < len(plain):
            count = min(len(plain) - at, rng.randint(1, 127))
            out.append(count)
            out.extend(plain[at : at + count])
            at += count
        plain.clear()

    for byte, length in runs(data):
        while length:
            count = min(length, rng.randint(1, 63))
            if length == 1 or rng.random() < 0.2:
                plain.extend(bytes([byte]) * count)
            else:
                flush()
                if byte == filler and rng.random() < 0.9:
                    out.append(0xC0 | count)
                else:
                    out.extend([0x80 | count, byte])
            length -= count
    flush()
    if rng.random() < 0.5:
        marker = b"m1"
        out[0:0] = bytes([0, MARKER, len(marker)]) + marker
    out += bytes([0, EOF, 0xC0])  # the code applies to the string that follows: a filler of none
    return bytes(out)


def decode_compressed(reader, filler=0):
    data, strings, flags = bytearray(), 0, 0
    while True:
        first = reader.take(1)[0]
        if first == 0:
            flags = reader.take(1)[0]
            assert flags & 0x0F == 0, "undefined descriptor bits %#x" % flags
            continue
        kind, count = first >> 6, first & 0x3F
        if kind < 2:
            string = reader.take(first)
        elif kind == 2:
            assert count, "a replicated string of nothing"
            string = reader.take(1) * count
        else:
            string = bytes([filler]) * count
        strings += 1
        if not flags & MARKER:
            data += string
        if flags & EOF:
            return bytes(data), strings
        flags = 0


ENCODE = {"B": encode_block, "C": encode_compressed}
DECODE = {"B": decode_block, "C": decode_compressed}


def samples():
    """Names and contents that meet the edges of both modes."""
    rng = random.Random(959)
    return {
        "empty": b"",
        "one": b"x",
        "ff": b"\xff" * 300 + b"\xff\x01\xff\x02",
        "zeros": bytes(100000),
        "random": rng.randbytes(200001),
        "mixed": b"".join(rng.randbytes(rng.randint(0, 200)) + bytes(rng.randint(0, 200)) for _ in range(300)),
        "block-minus": rng.randbytes(65534),
        "block": rng.randbytes(65535),
        "block-plus": rng.randbytes(65536),
        "run63": b"a" * 63 + b"b" * 64 + b"c" * 126 + b"d" * 127 + b"e" * 128,
        "lines": b"a line of text   \r\n" * 500,
    }
