"""Input for the real programs, the same bytes on every machine. Written once into the work folder."""
import array, pathlib, random, wave

TEXT_BYTES = 6_000_000
SECONDS = 20
RATE = 44100


def words(r, count):
    starts, ends = "b ch d f gr k l m n p qu r s st t v w".split(), "a e i o u ea ou er in an".split()
    syllables = [a + b for a in starts for b in ends]
    return ["".join(r.choices(syllables, k=r.randint(1, 4))) for _ in range(count)]


def text(size):
    """Prose with some words much commoner than others, log lines, tables of numbers, and a little noise."""
    r = random.Random(1)
    vocabulary = words(r, 4000)
    weights = [1 / (i + 3) for i in range(len(vocabulary))]
    out, used = [], 0
    while used < size:
        kind = r.random()
        if kind < 0.6:
            part = " ".join(r.choices(vocabulary, weights, k=r.randint(40, 200))).capitalize() + ".\n"
        elif kind < 0.8:
            part = "".join(f"2026-{r.randint(1, 12):02}-{r.randint(1, 28):02} host{r.randint(1, 9)} "
                           f"{r.choice(vocabulary)}[{r.randint(1, 9999)}]: "
                           f"{' '.join(r.choices(vocabulary, weights, k=6))}\n" for _ in range(12))
        elif kind < 0.95:
            rows = ([str(r.randint(0, 10 ** r.randint(1, 6))) for _ in range(8)] for _ in range(12))
            part = "".join(",".join(row) + "\n" for row in rows)
        else:
            part = r.randbytes(300).decode("latin-1") + "\n"
        out.append(part)
        used += len(part)
    return "".join(out).encode("latin-1")[:size]


def wave_table():
    """A quarter period of a sine, found with integers only, mirrored to a whole: 1024 samples of 15 bits."""
    # sin(x) by its Taylor series in units of 2^-40; 2 pi / 1024 rounded to those units.
    one, step = 1 << 40, 6746518852
    quarter = []
    for i in range(257):
        x = i * step
        term, total = x, x
        for k in (6, 20, 42, 72, 110, 156):
            term = -(term * x // one) * x // one // k
            total += term
        quarter.append(min(32767, total * 32767 // one))
    half = quarter + quarter[255:0:-1]
    return half + [-v for v in half]


def sound(path, seconds):
    """Chords that fade, with noise: four voices on a table of a sine."""
    r, table = random.Random(2), wave_table()
    pitches = (110, 131, 165, 196, 220, 262, 330, 440, 659, 880)
    samples = array.array("h")
    noise = [r.randint(-600, 600) for _ in range(4096)]
    for beat in range(seconds * 4):
        length = RATE // 4
        voices = [(r.choice(pitches) * 1024 * 64 // RATE, r.randint(0, 65535)) for _ in range(4)]
        for n in range(length):
            fade = length - n // 2
            a, b, c, d = (table[(phase + n * pace >> 6) & 1023] for pace, phase in voices)
            hiss = noise[(n * 5 + beat * 77) & 4095]
            samples.append((a + b + c) * fade // (length * 5) + hiss)
            samples.append((b + c + d) * fade // (length * 5) - hiss // 2)
    with wave.open(str(path), "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(samples.tobytes())


def make(folder, quick):
    """The folder with text and sound.wav in it."""
    folder = pathlib.Path(folder) / ("quick" if quick else "full")
    done = folder / "complete"
    if done.exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "text").write_bytes(text(TEXT_BYTES // (20 if quick else 1)))
    sound(folder / "sound.wav", 1 if quick else SECONDS)
    done.touch()
    return folder
