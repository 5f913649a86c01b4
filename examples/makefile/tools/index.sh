#!/bin/sh
# Usage: index.sh TITLE HEAD WORDS PAGE…
set -eu
title=$1 head=$2 words=$3
shift 3
cat "$head"
printf '<title>%s</title>\n<h1>%s</h1>\n<ul>\n' "$title" "$title"
for page in "$@"; do
    name=$(sed -n 's/^<h1>\(.*\)<\/h1>$/\1/p' "$page")
    printf '<li><a href="pages/%s">%s</a></li>\n' "$(basename "$page")" "$name"
done
printf '</ul>\n<p>%s words in all</p>\n' "$(awk 'END { print $1 }' "$words")"
