#!/bin/sh
# Says each line in a style, with pauses behind it.
pauses=$(printf '%*s' "$2" '' | tr ' ' '.')
sed "s/^/$(cat "$1"): /; s/\$/$pauses/"
