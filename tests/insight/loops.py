"""scripts/bench --parts loops: the hot loop of a program whose loop is known, in its three forms."""
import pathlib, re, shutil, sys

import tap

BENCH = pathlib.Path(__file__).resolve().parents[2] / "scripts/bench"


def add(suite):
    def hot_loop():
        missing = [t for t in ("valgrind", "riscv64-linux-gnu-objdump", "riscv64-linux-gnu-g++") if not shutil.which(t)]
        if missing:
            raise tap.Skip(f"no {missing[0]}")
        status, out, err = tap.run([sys.executable, BENCH, "--parts", "loops", "--quick", "--kitemu", suite.kitemu,
                                    "--work", suite.work / "bench", "matint"])
        if status:
            raise tap.Fail(f"status {status}: {tap.text(err)}")
        columns = list(zip(*(line.split(" | ") for line in tap.text(out).splitlines() if line.count(" | ") == 2)))
        for title, mnemonic, share, column in zip(("guest", "kitemu", "native"), ("mulw", "i?mul|madd", "p?i?mul|madd"),
                                                  (80, 5, 60), columns or [()] * 3):
            text = "\n".join(column)
            if not re.search(rf"\b{title}: ", text) or not re.search(rf"  ({mnemonic})", text):
                raise tap.Fail(f"not the loop of {title}:\n{tap.text(out)}")
            if int(re.search(r"(\d+) %", text)[1]) < share:
                raise tap.Fail(f"{title} has less than {share} %:\n{tap.text(out)}")

    suite.add("bench loops", hot_loop)
