#!/usr/bin/env bash
# Installs the FTP software that the interoperability tests and benches/peers talk to, and the
# programs that look at reports and captures. As root, on
# Debian. Idempotent; quick when everything is there. Two places change:
#
# - the system: Debian's vsftpd, the clients and the libraries of the daemons below; a user
#   `ftpsim-peer` without a shell, with a random password, and a PAM service of that name (vsftpd
#   knows no users but the system's);
# - a cache directory ($FTPSIM_PEERS_DIR, by default ~/.cache/ftpsim-peers): proftpd and pure-ftpd,
#   unpacked only, because Debian lets no two FTP daemons be installed together, a Python
#   environment with pyftpdlib, its TLS, the schemas of Kubernetes' API and pycurl (Debian 12's own libcurl, 7.88, waits 1 s before some data
#   connections), basic-ftp, a client of Node.js, which has no dependencies, axe-core, which finds what pages keep from
#   some readers, and suppaftp, a client in Rust, in a program of ours that cargo builds.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
. "$here/cache.sh"
user=ftpsim-peer
packages=(
    curl lftp ncftp tnftp nmap wget nodejs openssl vsftpd python3 python3-venv strace
    # Whom benches/peers and benches/link have beside.
    globus-gridftp-server-progs globus-gass-copy-progs
    # Who counts instructions (benches/instructions.rs).
    valgrind
    # Who sets manual pages.
    groff-base
    # Who looks at what ftpsim draws and captures.
    chromium fonts-dejavu-core tshark
    # Who runs sweeps on many machines.
    munge slurm-wlm
    # What proftpd and pure-ftpd load.
    libcap2 libhiredis0.14 libidn2-0 libmemcached11 libmemcachedutil2 libpcre2-posix3 libsodium23
)

missing=()
for package in "${packages[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # A service started by vsftpd's installation would hold port 21 for nothing.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod +x $policy
        trap 'rm -f $policy' EXIT
    fi
    # Whoever has changed a configuration file keeps it, unasked: vsftpd brings an /etc/ftpusers of its own.
    apt-get install -y -qq --no-install-recommends -o Dpkg::Options::=--force-confdef \
        -o Dpkg::Options::=--force-confold "${missing[@]}" </dev/null >/dev/null
fi

unpack proftpd-core usr/sbin/proftpd
# proftpd's TLS.
unpack proftpd-mod-crypto usr/lib/proftpd/mod_tls.so
unpack pure-ftpd usr/sbin/pure-ftpd

python=$dir/venv/bin/python
if ! "$python" -c 'import pyftpdlib, pycurl, OpenSSL, kubernetes_validate' 2>/dev/null; then
    rm -rf "$dir/venv"
    /usr/bin/python3 -m venv "$dir/venv"
    "$python" -m pip install --quiet --disable-pip-version-check 'pyftpdlib>=2.2,<3' 'pycurl>=7.45.4' 'pyopenssl>=24' \
        'kubernetes-validate>=1.34'
fi

# npm_package NAME VERSION SHA512: this version, and no other content, into $dir/NAME.
npm_package() {
    [ "$(cat "$dir/$1/version" 2>/dev/null)" = "$2" ] && return
    needs_npm
    local scratch
    scratch=$(mktemp -d "$dir/download.XXXXXX")
    (cd "$scratch" && npm pack --silent "$1@$2" </dev/null >/dev/null)
    printf '%s  %s\n' "$3" "$scratch/$1-$2.tgz" | sha512sum --check --quiet
    tar -xzf "$scratch/$1-$2.tgz" -C "$scratch"
    rm "$scratch/$1-$2.tgz"
    echo "$2" >"$scratch/version"
    rm -rf "${dir:?}/$1"
    mv "$scratch" "$dir/$1"
}
npm_package basic-ftp 6.2.6 \
    d048d909aa1d3b3eb28a892fd8903557228635d1b150b67e18694f806f6d9b877e4ff6c7b57d6151c87c0ae9839de05fa486e249d9fb4da086c2933e830b0e97
# Who finds what pages keep from some readers.
npm_package axe-core 4.14.1 \
    1477dafa598d8d065f273d6af302aa203c02e83131707b7fa648cd41bd3d6b734f8c22a0dab86ee6a6f64b8afbe804b214d36db85a2826965edfb3a0b9d546b5

# suppaftp in a program of ours: some 50 s of one processor, once for each version of it.
build suppaftp tls_suppaftp

getent passwd "$user" >/dev/null ||
    useradd --system --no-create-home --home-dir / --shell /usr/sbin/nologin "$user"
if [ ! -s "$dir/password" ]; then
    (umask 077 && od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$dir/password")
    printf '%s:%s\n' "$user" "$(cat "$dir/password")" | chpasswd
fi
# Debian's own service for vsftpd demands a user with a login shell.
printf 'auth required pam_unix.so\naccount required pam_permit.so\nsession required pam_permit.so\n' \
    >/etc/pam.d/$user
