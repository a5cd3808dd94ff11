#!/usr/bin/env bash
# Installs more FTP software, for `ftpsim trial pairs` and conformance.py: what the checks can do without, and take no
# longer for. As root, on Debian, after install.sh. Idempotent; quick when everything is there; never asks. Two places
# change:
#
# - the system: Debian's rclone, and libraries;
# - install.sh's cache directory ($FTPSIM_PEERS_DIR, by default ~/.cache/ftpsim-peers): inetutils' ftp and ftpd, unpacked
#   only, because Debian lets no two FTP daemons be installed together; a Python environment with aioftp and Twisted;
#   ftp-srv with what it needs of Node.js; and libunftp, a server in Rust, in a program of ours that cargo builds.
#
# Net::FTP comes with perl. Without any of them the rest runs: who is not here is left out, and that is said.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
. "$here/cache.sh"
packages=(rclone libreadline8 libwrap0 libpam0g libcrypt1 libio-socket-ssl-perl python3 python3-venv perl util-linux)
aioftp=0.28.3 twisted=26.10.0 ftp_srv=4.6.3

export DEBIAN_FRONTEND=noninteractive

missing=()
for package in "${packages[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends -o Dpkg::Options::=--force-confdef \
        -o Dpkg::Options::=--force-confold "${missing[@]}" </dev/null >/dev/null
fi

unpack inetutils-ftpd usr/sbin/ftpd
unpack inetutils-ftp usr/bin/inetutils-ftp

python=$dir/venv-more/bin/python
has_versions="import importlib.metadata as m; assert (m.version('aioftp'), m.version('twisted')) == ('$aioftp', '$twisted')"
if ! "$python" -c "$has_versions; import OpenSSL" 2>/dev/null; then
    rm -rf "$dir/venv-more"
    /usr/bin/python3 -m venv "$dir/venv-more"
    "$python" -m pip install --quiet --disable-pip-version-check "aioftp==$aioftp" "twisted==$twisted" 'pyopenssl>=24' </dev/null
fi

if [ "$(cat "$dir/ftp-srv/version" 2>/dev/null)" != $ftp_srv ]; then
    needs_npm
    scratch=$(mktemp -d "$dir/download.XXXXXX")
    npm install --silent --no-audit --no-fund --no-update-notifier --ignore-scripts --prefix "$scratch" \
        "ftp-srv@$ftp_srv" </dev/null >/dev/null
    echo $ftp_srv >"$scratch/version"
    rm -rf "$dir/ftp-srv"
    mv "$scratch" "$dir/ftp-srv"
fi

# libunftp in a program of ours: once for each version of it.
build libunftp serve_libunftp
sed -n '/^name = "libunftp"$/{n;s/[^0-9.]//gp}' "$here/libunftp/Cargo.lock" >"$dir/libunftp/version"
