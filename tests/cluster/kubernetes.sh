#!/usr/bin/env bash
# The manifests of docs/cluster against the schemas of Kubernetes' API: what is no field there, or of another
# type, fails. After tests/peers/install.sh, which brings the validator with its schemas; no cluster, no network.
set -euo pipefail
cd "$(dirname "$0")/../.."

python=${FTPSIM_PEERS_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/ftpsim-peers}/venv/bin/python
validate() { "$python" -m kubernetes_validate --strict --quiet "$@"; }

validate docs/cluster/*.yaml
# It can fail.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
sed 's/completionMode/completionmode/' docs/cluster/sweep-job.yaml >"$scratch/wrong.yaml"
if validate "$scratch/wrong.yaml" >"$scratch/said" 2>&1; then
    echo 'a field that there is not was not seen' >&2
    exit 1
fi
echo "valid: $(echo docs/cluster/*.yaml)"
