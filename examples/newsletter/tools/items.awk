# Writes the items of an issue as Markdown. It reads the plain layout of data/issue.yaml, not any YAML.
/^  - title: / { printf "## %s\n\n", substr($0, 12) }
/^    text: / { print substr($0, 11) }
/^    where: / { printf "*%s*\n\n", substr($0, 12) }
