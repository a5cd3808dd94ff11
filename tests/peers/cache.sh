# What install.sh and more.sh share: where they keep what is not the system's, and how it comes there. Both source it,
# and set `here` to this directory.

dir=${FTPSIM_PEERS_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/ftpsim-peers}
mkdir -p "$dir"

# unpack PACKAGE FILE: Debian's package, which has FILE, into $dir/PACKAGE, nothing configured, nothing started.
unpack() {
    [ -e "$dir/$1/$2" ] && return
    local scratch
    scratch=$(mktemp -d "$dir/download.XXXXXX")
    if ! (cd "$scratch" && apt-get download -qq "$1" >/dev/null 2>&1); then
        apt-get update -qq
        (cd "$scratch" && apt-get download -qq "$1" >/dev/null)
    fi
    dpkg -x "$scratch"/*.deb "$scratch/root"
    rm -rf "${dir:?}/$1"
    mv "$scratch/root" "$dir/$1"
    rm -rf "$scratch"
}

# Some packages of Node.js bring npm, Debian's does not.
needs_npm() {
    command -v npm >/dev/null || apt-get install -y -qq --no-install-recommends npm </dev/null >/dev/null
}

# build NAME PROGRAM: a program of ours, $here/NAME, into $dir/NAME, once for each version of it.
build() {
    local source=$here/$1 sum scratch
    sum=$(cat "$source"/Cargo.toml "$source"/Cargo.lock "$source"/src/main.rs | sha256sum)
    [ "$(cat "$dir/$1/sum" 2>/dev/null)" = "$sum" ] && return
    scratch=$(mktemp -d "$dir/build.XXXXXX")
    cargo build --quiet --locked --manifest-path "$source/Cargo.toml" --target-dir "$scratch/target"
    mv "$scratch/target/debug/$2" "$scratch"
    rm -rf "$scratch/target"
    echo "$sum" >"$scratch/sum"
    rm -rf "${dir:?}/$1"
    mv "$scratch" "$dir/$1"
}
