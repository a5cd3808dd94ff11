"""What run.py needs for TLS: a network of its own, settings of the clients, and who looks at the handshakes.

Everybody has the same certificate's kind, version and cipher suite; each resumes sessions as it does by
itself. What was agreed on is not asked of anybody: a socket hears every segment of the loopback and reads
each ServerHello, which is in clear.
"""

import contextlib
import ctypes
import select
import socket
import struct
import subprocess
import threading

VERSION, CIPHER = "TLS 1.3", "TLS_AES_256_GCM_SHA384"
# RFC 8446 sections 4.1.3, 4.2 and B.4.
TLS13, CIPHER_CODE = 0x0304, 0x1302
NAMES = {(TLS13, CIPHER_CODE): (VERSION, CIPHER), (0x0303, 0xc030): ("TLS 1.2", "ECDHE-RSA-AES256-GCM-SHA384")}
HANDSHAKE, SERVER_HELLO, CERTIFICATE = 22, 2, 11
PRE_SHARED_KEY, SUPPORTED_VERSIONS = 41, 43
# A ServerHello of this random asks for another ClientHello, and is none.
RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
LFTP_SETTINGS = (
    "set ftp:ssl-force yes; set ftp:ssl-protect-data yes; set ssl:ca-file {certificate}; "
    "set ssl:priority NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-256-GCM; ")
# vsftpd and proftpd want each data connection to resume, and ftplib resumes nothing.
CANNOT = {("vsftpd", "ftplib"), ("proftpd", "ftplib")}
# proftpd wants it, too, and gives no tickets where files are put; our client uses each once (RFC 8446 appendix
# C.4), and when it has none left goes on under TLS 1.2.
FALLS_BACK = {("put", "proftpd", "ftpsim")}
COLUMNS = ["tls", "cipher", "probe_files", "full_handshakes", "resumed_handshakes"]
CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3
PACKET_OUTGOING = 4
SO_RCVBUFFORCE = 33


def own_network():
    """From here on this process and its children have a loopback that nobody else uses: the handshakes on it
    are theirs."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


class Handshakes:
    """Of the connections that were opened while this was entered."""

    def __init__(self):
        self.full = self.resumed = 0
        self.agreed = set()

    def take(self, payload):
        """A segment's: a ServerHello begins one."""
        if len(payload) < 44 or payload[0] != HANDSHAKE or payload[5] != SERVER_HELLO or payload[11:43] == RETRY:
            return
        at = 44 + payload[43]
        cipher, (end,) = int.from_bytes(payload[at:at + 2], "big"), struct.unpack_from(">H", payload, at + 3)
        at, end, version, resumed = at + 5, at + 5 + end, int.from_bytes(payload[9:11], "big"), False
        while at + 4 <= end:
            kind, length = struct.unpack_from(">HH", payload, at)
            if kind == SUPPORTED_VERSIONS:
                version = int.from_bytes(payload[at + 4:at + 6], "big")
            resumed |= kind == PRE_SHARED_KEY
            at += 4 + length
        self.agreed.add((version, cipher))
        if version < TLS13:
            # A full handshake goes on with the certificate, in this record or the next one (RFC 5246 section 7.3).
            message = payload[9 + int.from_bytes(payload[6:9], "big"):]
            in_record = 5 + int.from_bytes(payload[3:5], "big") > len(payload) - len(message)
            resumed = len(message) > 5 and message[0 if in_record else 5] != CERTIFICATE
        if resumed:
            self.resumed += 1
        else:
            self.full += 1

    def is_as_pinned(self):
        return self.agreed == {(TLS13, CIPHER_CODE)}

    def columns(self, probe_files):
        """Of COLUMNS."""
        names = [NAMES.get(agreed, agreed) for agreed in sorted(self.agreed, reverse=True)]
        version, cipher = (" + ".join(str(name[index]) for name in names) for index in (0, 1))
        return dict(zip(COLUMNS, [version, cipher, probe_files, self.full, self.resumed]))


def segment(packet):
    """The payload of a TCP segment over IPv4, behind an Ethernet header."""
    if len(packet) < 54 or packet[12:14] != b"\x08\x00" or packet[23] != socket.IPPROTO_TCP:
        return b""
    tcp = 14 + (packet[14] & 15) * 4
    end = 14 + int.from_bytes(packet[16:18], "big")
    return packet[tcp + (packet[tcp + 12] >> 4) * 4:end]


@contextlib.contextmanager
def handshakes():
    """Listens on the loopback until it is left; then all are counted."""
    seen, over = Handshakes(), threading.Event()

    def listen():
        # What was sent before the end was put into the queue before it.
        while True:
            last = over.is_set()
            while select.select([heard], [], [], 0 if last else 0.05)[0]:
                packet, address = heard.recvfrom(1 << 16)
                if address[2] == PACKET_OUTGOING:
                    seen.take(segment(packet))
            if last:
                return

    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)) as heard:
        heard.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        heard.bind(("lo", 0))
        listener = threading.Thread(target=listen)
        listener.start()
        try:
            yield seen
        finally:
            over.set()
            listener.join()
