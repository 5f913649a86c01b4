# Writes one numbered file for each heading and what stands below it.
/^#/ { number += 1; file = sprintf("%s/%02d.txt", dir, number); sub(/^#+ /, "") }
file != "" { print > file }
