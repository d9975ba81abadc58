"""Files to work on, the same on every machine: a pseudo-random generator of our own, no text of others."""
import pathlib

WORDS = """time year people way day man thing woman life child world school state family student group country problem
hand part place case week company system program question work government number night point home water room mother
area money story fact month lot right study book eye job word business issue side kind head house service friend
father power hour game line end member law car city community name president team minute idea body information back
parent face others level office door health person art war history party result change morning reason research girl
guy moment air teacher force education register emulator kernel thread signal memory page cache branch vector""".split()


class Random:
    """splitmix64"""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        m = (1 << 64) - 1
        self.state = (self.state + 0x9E3779B97F4A7C15) & m
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & m
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & m
        return z ^ (z >> 31)

    def below(self, n):
        return self.next() % n

    def pick(self, seq):
        return seq[self.below(len(seq))]


def prose(rnd, paragraphs):
    out = []
    for _ in range(paragraphs):
        line = ""
        for _ in range(40 + rnd.below(80)):
            word = rnd.pick(WORDS)
            if rnd.below(9) == 0:
                word = word.capitalize()
            if rnd.below(12) == 0:
                word += rnd.pick(",.;:!?")
            if len(line) + len(word) > 78:
                out.append(line)
                line = ""
            line += (" " if line else "") + word
        out += [line, ""]
    return "\n".join(out) + "\n"


def log(rnd, lines):
    out = []
    for i in range(lines):
        host = f"10.{rnd.below(4)}.{rnd.below(8)}.{rnd.below(250)}"
        path = "/" + "/".join(rnd.pick(WORDS) for _ in range(1 + rnd.below(3)))
        out.append(f'{host} - - [{1 + i // 200:02d}/Mar/2024:{i % 24:02d}:{rnd.below(60):02d}:{rnd.below(60):02d}] '
                   f'"{rnd.pick(["GET", "GET", "GET", "POST", "HEAD"])} {path} HTTP/1.1" '
                   f'{rnd.pick([200, 200, 200, 200, 304, 404, 500])} {rnd.below(90000)}')
    return "\n".join(out) + "\n"


def table(rnd, rows):
    out = ["id,name,group,price,count"]
    for i in range(rows):
        out.append(f"{i},{rnd.pick(WORDS)}-{rnd.below(1000)},{rnd.pick('abcdef')},{rnd.below(100000) / 100:.2f},{rnd.below(50)}")
    return "\n".join(out) + "\n"


def blob(rnd, size):
    """Bytes that compress by about a half."""
    out = bytearray()
    while len(out) < size:
        if rnd.below(2):
            out += rnd.next().to_bytes(8, "little") * (1 + rnd.below(3))
        else:
            out += rnd.pick(WORDS).encode() * (1 + rnd.below(4))
    return bytes(out[:size])


def make(folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    rnd = Random(2)
    files = {
        "prose.txt": prose(rnd, 120).encode(),
        "access.log": log(rnd, 4000).encode(),
        "table.csv": table(rnd, 1500).encode(),
        "words.txt": "".join(f"{rnd.pick(WORDS)}{rnd.below(1000)}\n" for _ in range(4000)).encode(),
        "numbers.txt": "".join(f"{rnd.below(1 << 40) - (1 << 39)}\n" for _ in range(2000)).encode(),
        "blob.bin": blob(rnd, 300000),
        "empty": b"",
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    tree = folder / "tree"
    for i in range(40):
        path = tree / rnd.pick("abc") / rnd.pick("xyz") / f"{rnd.pick(WORDS)}{i}.{rnd.pick(['txt', 'c', 'dat'])}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(prose(rnd, 1 + rnd.below(4)).encode() if rnd.below(4) else blob(rnd, rnd.below(5000)))
        path.chmod(rnd.pick([0o644, 0o600, 0o755]))
    return files
