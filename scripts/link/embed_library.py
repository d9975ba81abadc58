#!/usr/bin/env python3
"""Makes libkitemu.a, for programs that embed kitemu, of the layers' libraries: one object whose only symbols are kit.h's.

usage: embed_library.py OUT.a LD OBJCOPY AR LIBRARY...
"""
import pathlib, subprocess, sys

out, ld, objcopy, ar, *libraries = sys.argv[1:]
whole = pathlib.Path(out).with_suffix(".o")
subprocess.run([ld, "-r", "-o", whole, "--whole-archive", *libraries], check=True)
subprocess.run([objcopy, "--wildcard", "--keep-global-symbol=kit_machine_*", whole], check=True)
pathlib.Path(out).unlink(missing_ok=True)
subprocess.run([ar, "rcs", out, whole], check=True)
whole.unlink()
