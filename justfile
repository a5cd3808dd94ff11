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

# Makes the pages of the reference anew of schemas and help; read the difference before it is committed.
reference:
    FTPSIM_UPDATE_DOCS=1 cargo test --test reference

# docs/ as target/book/docs/index.html; needs mdbook.
book:
    bash .ci/book

# The Debian package, target/debian; needs cargo-deb.
package:
    cargo build --release --locked
    bash .ci/package

# Makes the committed results anew that .ci/run compares; read the difference before it is committed.
golden:
    #!/usr/bin/env bash
    set -euo pipefail
    cargo build --release
    rm -rf target/golden
    for scenario in sims/*.toml; do
        name=$(basename "$scenario" .toml)
        case $name in
        round-trips | truth-table) continue ;; # small-files brings them along.
        esac
        if [ -d "results/$name" ]; then
            target/release/ftpsim compare "$scenario" --out "target/golden/$name"
        fi
    done
    for file in results/*/*.csv; do
        made=target/golden/${file#results/}
        [ -e "$made" ] || made=target/golden/small-files/${file#results/}
        cp "$made" "$file"
    done

bench name *words:
    cargo bench --bench {{name}} -- {{words}}

fuzz target *words:
    cargo +nightly fuzz run {{target}} -- {{words}}

miri:
    cargo +nightly miri test --package ftp-proto --lib mode

# Licences, bans and sources of the dependencies; needs cargo-deny.
deny:
    cargo deny check licenses bans sources
