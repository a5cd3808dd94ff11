# The words for what CONTRIBUTING.md tells; each is one or two commands that can be typed as well.

# Formatting, lints, features, tests, examples, documentation.
check:
    bash .ci/check

# Everything, as root on Debian, with other people's programs and the committed results.
all:
    bash .ci/run

# What takes hours: mutants, fuzz, sweep, or all three.
weekly *parts:
    bash .ci/weekly {{parts}}

test *words:
    cargo test {{words}}

# Takes the snapshots of the tests anew; read the difference before it is committed.
snapshots:
    INSTA_UPDATE=always cargo test

# Makes the results anew that .ci/run compares; read the difference before it is committed.
golden:
    cargo build --release
    rm -rf target/golden
    target/release/ftpsim compare --out target/golden/small-files
    target/release/ftpsim compare habits --out target/golden/habits
    target/release/ftpsim compare all-faults --out target/golden/all-faults
    cp target/golden/small-files/summary.csv results/small-files/
    cp target/golden/small-files/round-trips/grid.csv results/round-trips/
    cp target/golden/small-files/truth-table/truth-table.csv results/truth-table/
    cp target/golden/habits/summary.csv results/habits/
    cp target/golden/all-faults/summary.csv results/all-faults/

bench name *words:
    cargo bench --bench {{name}} -- {{words}}

fuzz target *words:
    cargo +nightly fuzz run {{target}} -- {{words}}

miri:
    cargo +nightly miri test --package ftp-proto --lib mode
