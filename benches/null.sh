#!/usr/bin/env bash
# Times storygen, ninja and make side by side on N stages that each copy one small file.
#
#   STORYGEN=target/release/storygen benches/null.sh [N] [ROUNDS]
#
# Phases: cold (nothing there) · null (nothing changed) · leaf (one source changed) · touch (every source's time changed,
# no content) · restore (the outputs are gone). In each round every tool runs once, so that noise hits all alike. Printed are medians:
# wall and CPU (user + system, children included) in milliseconds, and how many outputs were written.
# NINJA and MAKE name the other programs; one that is not there is left out. Works in a temporary folder (TMPDIR).
set -euo pipefail
stages=${1:-1000}
rounds=${2:-5}
storygen=$(realpath "${STORYGEN:-target/release/storygen}")
ninja=${NINJA:-$(command -v ninja || true)}
make=${MAKE:-$(command -v make || true)}
jobs=$(nproc)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

generate() {
    local dir=$work/$1
    mkdir -p "$dir/src" "$dir/out"
    for i in $(seq "$stages"); do echo "text $i" > "$dir/src/$i.txt"; done
    case $1 in
    storygen)
        {
            echo 'storygen: 1'
            echo 'stages:'
            for i in $(seq "$stages"); do
                echo "  s$i: { inputs: src/$i.txt, outputs: out/$i.txt, run: 'cp \${inputs[0]} \${outputs[0]}' }"
            done
        } > "$dir/Storyfile.yaml" ;;
    ninja)
        {
            echo 'rule cp'
            echo '  command = cp $in $out'
            for i in $(seq "$stages"); do echo "build out/$i.txt: cp src/$i.txt"; done
        } > "$dir/build.ninja" ;;
    make)
        {
            echo "all: $(seq -s ' ' -f 'out/%g.txt' "$stages")"
            printf 'out/%%.txt: src/%%.txt\n\tcp $< $@\n'
        } > "$dir/Makefile" ;;
    esac
}

build() {
    cd "$work/$1"
    case $1 in
    storygen) "$storygen" build -q -j "$jobs" ;;
    ninja) "$ninja" -j "$jobs" --quiet ;;
    make) "$make" -s -j "$jobs" ;;
    esac
}

# Appends "TOOL PHASE wall_ms cpu_ms written" to the results.
measure() {
    local tool=$1 phase=$2 mark=$work/mark
    touch "$mark"
    local TIMEFORMAT='%R %U %S'
    local times
    times=$( { time build "$tool" > /dev/null; } 2>&1 | tail -1)
    local written
    written=$(find "$work/$tool/out" -name '*.txt' -newer "$mark" | wc -l)
    echo "$tool $phase $times $written" | awk '{ print $1, $2, $3 * 1000, ($4 + $5) * 1000, $6 }' >> "$work/results"
}

tools='storygen'
[ -z "$ninja" ] || tools="$tools ninja"
[ -z "$make" ] || tools="$tools make"

for round in $(seq "$rounds"); do
    for tool in $tools; do
        rm -rf "${work:?}/$tool"
        generate "$tool"
    done
    # Stamps of files that were written in the last moment prove nothing; every tool starts from settled ones.
    sleep 0.1
    for phase in cold null leaf touch restore; do
        for tool in $tools; do
            case $phase in
            null) sleep 0.1; (build "$tool" > /dev/null) ;;
            leaf) echo "another text $round" > "$work/$tool/src/7.txt" ;;
            touch) find "$work/$tool/src" -name '*.txt' -exec touch {} + ;;
            restore) (build "$tool" > /dev/null); rm -r "$work/$tool/out"; mkdir "$work/$tool/out" ;;
            esac
            [ "$phase" = null ] || sleep 0.1
            measure "$tool" "$phase"
        done
    done
done

echo "$stages stages, $rounds rounds, -j $jobs, load $(cut -d' ' -f1 /proc/loadavg) at the end"
echo '| phase | tool | wall ms | CPU ms | written |'
echo '|---|---|---|---|---|'
for phase in cold null leaf touch restore; do
    for tool in $tools; do
        median() { awk -v t="$tool" -v p="$phase" -v c="$1" '$1 == t && $2 == p { print $c }' "$work/results" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
        echo "| $phase | $tool | $(median 3) | $(median 4) | $(median 5) |"
    done
done
