"""A client of gdb's remote protocol, to say what gdb itself would not."""
import re, socket, time


def frame(data):
    data = data.encode("latin-1") if isinstance(data, str) else data
    out = bytearray()
    for c in data:
        out += bytes([0x7D, c ^ 0x20]) if c in b"#$}*" else bytes([c])
    return b"$" + bytes(out) + b"#%02x" % (sum(out) & 0xFF)


class Client:
    def __init__(self, path, features="multiprocess+;swbreak+;hwbreak+;fork-events+;vfork-events+;exec-events+;no-resumed+", timeout=20):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(timeout)
        end = time.monotonic() + timeout
        while True:
            try:
                self.s.connect(str(path))
                break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)
        self.acks, self.buf = True, b""
        if features is not None:
            self.features = self.ask("qSupported:" + features)
            self.need("QStartNoAckMode", "OK")
            self.acks = False

    def send(self, data):
        self.s.sendall(frame(data))

    def raw(self, data):
        self.s.sendall(data)

    def byte(self):
        if not self.buf:
            self.buf = self.s.recv(65536)
            if not self.buf:
                raise EOFError("the server has closed the connection")
        c, self.buf = self.buf[:1], self.buf[1:]
        return c

    def reply(self):
        while (c := self.byte()) != b"$":
            if c not in b"+-":
                raise ValueError(f"{c} outside of a packet")
        data = bytearray()
        while (c := self.byte()) != b"#":
            data += bytes([self.byte()[0] ^ 0x20]) if c == b"}" else c
        self.byte(), self.byte()
        if self.acks:
            self.s.sendall(b"+")
        return data.decode("latin-1")

    def ask(self, data):
        self.send(data)
        return self.reply()

    def need(self, data, pattern):
        """The reply to a packet, all of which the pattern matches."""
        got = self.ask(data)
        m = re.fullmatch(pattern, got, re.S)
        if not m:
            raise ValueError(f"{data}: the answer is {got[:300]!r}, not {pattern}")
        return m

    def register(self, n):
        return int.from_bytes(bytes.fromhex(self.ask(f"p{n:x}")), "little")

    def close(self):
        self.s.close()
