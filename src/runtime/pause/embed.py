#!/usr/bin/env python3
"""A file as an array of C.

    embed.py NAME INPUT OUTPUT
"""

import sys

name, source, target = sys.argv[1:]
with open(source, "rb") as file:
    data = file.read()
with open(target, "w", encoding="utf-8") as out:
    out.write(f'#include "runtime/pause_image.h"\n\nconst unsigned char {name}[] = {{\n')
    for at in range(0, len(data), 20):
        out.write("".join(f"{byte}," for byte in data[at:at + 20]) + "\n")
    out.write(f"}};\nconst size_t {name}_n = sizeof {name};\n")
