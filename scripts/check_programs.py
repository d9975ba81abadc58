#!/usr/bin/env python3
"""Fail when a linked program would stand in a guest's way: usage check_programs.py BUILD

Static, not relocated at start, nothing loaded below the chosen address, no writable code.
"""
import pathlib, re, subprocess, sys

LOWEST = 0x610000000000
bad, seen = 0, 0
for path in (pathlib.Path(sys.argv[1]) / n for n in ("kitemu", "kit-ir")):
    if not path.exists():
        continue
    seen += 1
    out = subprocess.run(["readelf", "-hlW", path], capture_output=True, text=True, check=True).stdout
    faults = []
    if not re.search(r"Type:\s+EXEC", out):
        faults.append("is not ET_EXEC")
    if re.search(r"^\s+(INTERP|DYNAMIC)\s", out, re.M):
        faults.append("is linked dynamically")
    for m in re.finditer(r"^\s+LOAD\s+\S+ 0x(\S+) \S+ \S+ \S+ (...)", out, re.M):
        if int(m[1], 16) < LOWEST:
            faults.append(f"loads at {m[1]}")
        if "W" in m[2] and "E" in m[2]:
            faults.append("has writable code")
    for f in faults:
        print(f"{path.name}: {f}")
    bad += len(faults)
print(f"programs: {bad} faults in {seen} programs")
sys.exit(bad != 0)
