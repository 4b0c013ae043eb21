#!/usr/bin/env bash
# The wires measured: clean ones, ones that fail above a clock, ones that are bad at any.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/../cli/lib.sh"
need jq

run 0 "${sim[@]}" -O spi_clock=30MHz -O report=device.json bench && has out "no errors up to 30 MHz; 30 MHz is in use"
# nothing was written, nothing violated
json device.json '.programs == 0 and .erases == 0 and .status_writes == 0 and .violations == 0'
run 0 "${sim[@]}" bench && has out "no errors up to 6 MHz" && has err "-O spi_clock=30MHz tries more" && hasnt out "10 MHz"

# above 10 MHz the bits are wrong; the clock in use was chosen lower, and still is afterwards
run 0 "${sim[@]}" -O spi_clock=30MHz -O f_data=10MHz -O violations=ignore --json bench && tail -n 1 out >bad.json
json bad.json '.data | .highest_clean_hz == 10000000 and .in_use_hz == 6000000 and .failed'
json bad.json '.data.rows | map(select(.hz > 10000000)) | length == 2 and all(.wrong == .reads and .bit_error_rate > 0.1)'
json bad.json '.data.rows | map(select(.hz <= 10000000)) | length == 6 and all(.wrong == 0 and .bit_error_rate == 0 and .reads == 16)'
json bad.json '.data.rows | map(.hz) == ([.[].hz] | sort | unique)'
json bad.json '.data.rows | .[4].rate > 5 * .[0].rate'

# bad at any clock
run 31 "${sim[@]}" -O fault=flip=1e-4 bench && has err "even at 500000 Hz" && has err "check ground"
# nothing to see on a blank flash but zeros
run 0 "${sim[@]}" -O blank=yes bench && has err "reads the same value everywhere"
# no wires to measure
run 30 "${sim[@]}" -O transport=uart bench && has err "over uart"
run 21 "${sim[@]}" -O fault=unplug@90 bench && has err "unplugged"
finish
