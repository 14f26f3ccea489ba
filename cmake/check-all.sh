#!/bin/sh
# Builds and tests every preset, one after the other, and ends with a table. Names as arguments restrict it.
# Logs are in build/check-all/.
cd "$(dirname "$0")/.." || exit 1
presets=${*:-test avx512 avx2 baseline clang debug no-openmp portable asan tsan demo bench}
logs=build/check-all
mkdir -p $logs
failed=0
table=$(printf '%-10s %-8s %8s  %s' preset result seconds tests)

available() {
    case $1 in
    avx512) grep -qw avx512vl /proc/cpuinfo ;;
    avx2) grep -qw avx2 /proc/cpuinfo ;;
    clang | tsan) command -v clang++-19 >/dev/null ;;
    bench) echo '#include <benchmark/benchmark.h>' | c++ -E -x c++ - >/dev/null 2>&1 ;;
    esac
}

for preset in $presets; do
    start=$(date +%s)
    if ! available "$preset"; then
        result=skipped tests="this machine lacks it"
    else
        echo "== $preset"
        if cmake --workflow --preset "$preset" >$logs/$preset.txt 2>&1; then
            result=passed
        else
            result=FAILED failed=1
            tail -n 40 $logs/$preset.txt
        fi
        tests=$(grep 'tests passed' $logs/$preset.txt || grep '^result: ' $logs/$preset.txt || echo "see $logs/$preset.txt")
        skipped=$(grep -c '\*\*\*Skipped' $logs/$preset.txt)
        [ "$skipped" -eq 0 ] || tests="$tests, $skipped skipped"
    fi
    table="$table
$(printf '%-10s %-8s %8d  %s' "$preset" $result $(($(date +%s) - start)) "$tests")"
done
echo
echo "$table"
exit $failed
