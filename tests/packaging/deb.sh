#!/usr/bin/env bash
# Installs the Debian package in a clean root, starts its server there as its unit does, and asks it by curl:
#
#   tests/packaging/deb.sh PACKAGE.deb
#
# As root, on Debian. Nothing is left behind; it takes a minute and ends by itself after five.
set -euo pipefail

if [ -z "${FTPSIM_DEB_BOUNDED:-}" ]; then
    FTPSIM_DEB_BOUNDED=1 exec timeout --kill-after 20 300 bash "$0" "$@"
fi

package=$(realpath "$1")
here=$(cd "$(dirname "$0")/../.." && pwd)
scratch=$(mktemp -d)
root=$scratch/root
server=
end() {
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf --one-file-system "$scratch"
}
trap end EXIT
say() { printf 'deb: %s\n' "$*"; }
fail() {
    say "$@" >&2
    exit 1
}

if ! command -v debootstrap >/dev/null || ! command -v curl >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends debootstrap curl ca-certificates </dev/null >/dev/null
fi

say 'what is in it'
dpkg-deb --contents "$package" | awk '{ print $6 }' >"$scratch/contents"
for file in \
    usr/bin/ftpsim \
    etc/ftpsim/server.toml \
    lib/systemd/system/ftpsim.service \
    usr/share/man/man1/ftpsim.1.gz \
    usr/share/man/man1/ftpsim-serve.1.gz \
    usr/share/bash-completion/completions/ftpsim \
    usr/share/zsh/vendor-completions/_ftpsim \
    usr/share/fish/vendor_completions.d/ftpsim.fish \
    usr/share/doc/ftpsim/copyright \
    usr/share/doc/ftpsim/docs/serve.md; do
    grep -qE "^\./(usr/)?$file\$" "$scratch/contents" || fail "$file is missing"
done

# The release of the machine that has built it: its glibc is the oldest that will do.
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
mirror=$(sed -nE 's/^(deb (\[.*\] )?|URIs: )(https?:[^ ]+).*/\3/p' /etc/apt/sources.list \
    /etc/apt/sources.list.d/*.{list,sources} 2>/dev/null | head -1 || true)
say "a clean root of $suite"
debootstrap --variant=minbase "$suite" "$root" "${mirror:-http://deb.debian.org/debian}" >"$scratch/log" 2>&1 || {
    tail -20 "$scratch/log" >&2
    fail 'no clean root'
}

say 'installing'
clean=(chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive)
inside() { "${clean[@]}" "$@"; }
cp "$package" "$root/tmp/ftpsim.deb"
inside dpkg --install /tmp/ftpsim.deb >"$scratch/log" 2>&1 || {
    cat "$scratch/log" >&2
    fail 'it does not install: is what it depends on not in a minimal system?'
}
inside dpkg --verify ftpsim
inside ftpsim --version
inside bash -n /usr/share/bash-completion/completions/ftpsim
inside dpkg-query --show --showformat '${Conffiles}' ftpsim | grep -q '^ /etc/ftpsim/server.toml ' ||
    fail 'the configuration is no conffile'
[ "$(inside stat -c '%a %U:%G' /etc/ftpsim/server.toml)" = '640 root:ftpsim-config' ] ||
    fail 'the configuration, which holds password hashes, is not for its group alone'
inside ftpsim compare tiny --seeds 0..2 --out /tmp/tiny >/dev/null

unit=$root/lib/systemd/system/ftpsim.service
if command -v systemd-analyze >/dev/null; then
    say 'the unit'
    # What is wrong in a line of it; of the programs and units that it names a minimal system has not all.
    said=$(systemd-analyze verify --root "$root" ftpsim.service 2>&1 | grep -E 'ftpsim.service:[0-9]+:' || true)
    [ -z "$said" ] || fail "$said"
    # Of 10, where 10 is unconfined. What is left: the network, a port below 1024, its own files.
    systemd-analyze security --offline=yes --root "$root" --threshold=20 ftpsim.service >"$scratch/log" || {
        cat "$scratch/log" >&2
        fail 'the unit is less confined than it was'
    }
    tail -1 "$scratch/log"
fi

say 'its server'
# What systemd would make; and a user without rights, as DynamicUser gives one.
inside useradd --system --no-create-home --groups ftpsim-config ftpsim
inside install -d -o ftpsim -m 750 /var/lib/ftpsim /var/log/ftpsim
hash=$(echo s3cret | inside ftpsim hash-password)
printf '\n[[user]]\nname = "station"\npassword-hash = "%s"\n' "$hash" >>"$root/etc/ftpsim/server.toml"
read -ra command < <(sed -n 's/^ExecStart=//p' "$unit")
# Whatever port is free, with all else as it is installed. What it asks of the kernel is written down, where strace is.
watched=()
if command -v strace >/dev/null && command -v systemd-analyze >/dev/null; then
    watched=(strace -D -f -qq -e signal=none -o "$scratch/calls")
fi
"${watched[@]}" "${clean[@]}" setpriv --reuid ftpsim --regid ftpsim --init-groups --no-new-privs --inh-caps=-all --bounding-set=-all \
    "${command[@]}" --listen 127.0.0.1:0 >"$scratch/said" 2>"$scratch/log" &
server=$!
for _ in $(seq 100); do
    port=$(sed -n 's/^listening on 127\.0\.0\.1://p' "$scratch/said")
    [ -n "$port" ] && break
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
done
[ -n "$port" ] || {
    cat "$scratch/log" >&2
    fail 'the server does not start'
}
url=ftp://127.0.0.1:$port
ask() { curl --silent --show-error --max-time 20 "$@"; }
ask --user station:s3cret -T "$here/README.md" "$url/README.md"
ask --user station:s3cret "$url/README.md" | cmp - "$here/README.md"
cmp "$root/var/lib/ftpsim/README.md" "$here/README.md"
ask --user station:wrong "$url/" >/dev/null 2>&1 && fail 'a wrong password is let in'
grep -q README.md "$root/var/log/ftpsim/transfers.log" || fail 'the transfer is not in the log'
kill -HUP "$server"
ask --user station:s3cret --list-only "$url/" | grep -qx README.md || fail 'it does not serve after SIGHUP'
kill "$server"
wait "$server" || fail "it ended with $?"
server=

# members SET: the system calls of one of systemd's sets, with those of the sets in it.
members() {
    local name
    systemd-analyze syscall-filter "$1" </dev/null | sed -n 's/^    \([-@a-z_0-9]*\)$/\1/p' | while read -r name; do
        case $name in
        @*) members "$name" ;;
        *) echo "$name" ;;
        esac
    done
}
if [ ${#watched[@]} -gt 0 ]; then
    say 'what the unit lets it ask of the kernel'
    for _ in $(seq 50); do
        grep -q ' +++ exited' "$scratch/calls" && break
        sleep 0.1
    done
    sed '1,/execve("\/usr\/bin\/ftpsim"/d' "$scratch/calls" | sed -nE 's/^[0-9]+ +([a-z_0-9]+)\(.*/\1/p' |
        sort -u >"$scratch/asked"
    [ "$(wc -l <"$scratch/asked")" -gt 30 ] || fail 'strace has seen too little'
    for word in $(sed -n 's/^SystemCallFilter=//p' "$unit"); do
        case $word in
        ~@*) members "${word#\~}" >>"$scratch/refused" ;;
        @*) members "$word" >>"$scratch/allowed" ;;
        *) echo "$word" >>"$scratch/allowed" ;;
        esac
    done
    sort -u "$scratch/refused" -o "$scratch/refused"
    sort -u "$scratch/allowed" | comm -23 - "$scratch/refused" >"$scratch/filter"
    missing=$(comm -23 "$scratch/asked" "$scratch/filter" | tr '\n' ' ')
    [ -z "$missing" ] || fail "the unit's SystemCallFilter refuses what the server asks for: $missing"
fi

say 'again, and away'
inside dpkg --install /tmp/ftpsim.deb >/dev/null 2>&1
grep -q station "$root/etc/ftpsim/server.toml" || fail "an upgrade takes the administrator's configuration"
[ "$(inside stat -c '%a' /etc/ftpsim/server.toml)" = 640 ] || fail 'an upgrade opens the configuration'
inside dpkg --purge ftpsim >/dev/null 2>&1
for left in /usr/bin/ftpsim /etc/ftpsim /lib/systemd/system/ftpsim.service /usr/share/doc/ftpsim; do
    [ ! -e "$root$left" ] || fail "purged, and $left is still there"
done
[ -e "$root/var/lib/ftpsim/README.md" ] || fail 'a purge takes what was delivered'
say 'done'
