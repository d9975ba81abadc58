#!/usr/bin/env python3
"""Write a C file that stands for the architectures of a static Capstone which kitemu does not need: half of its size.

usage: capstone_archs.py OUT LIBCAPSTONE KEEP...

Capstone's table of architectures refers to ARCH_global_init and ARCH_option of each. What is defined here is not taken from the
library, and with it nothing else of that architecture; cs_open then says that there is no such one.
"""
import re, subprocess, sys


def main(out, lib, keep):
    text = subprocess.run(["nm", "-u", lib], capture_output=True, text=True).stdout
    names = sorted(set(re.findall(r"^ +U ((\w+)_(?:global_init|option))$", text, re.M)))
    with open(out, "w") as f:
        f.write("/* Architectures that are left out; made by capstone_archs.py. 2 is CS_ERR_ARCH. */\n")
        for name, arch in names:
            if arch not in keep:
                f.write(f"int {name}(void);\nint {name}(void) {{ return 2; }}\n")


main(sys.argv[1], sys.argv[2], sys.argv[3:])
