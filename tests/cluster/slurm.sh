#!/usr/bin/env bash
# docs/cluster/sweep.slurm and compare.slurm for real, on a Slurm of one node that this script starts and
# ends: eight tasks each, one of them killed in the middle and requeued; merged, the bytes are those of a
# sweep, and of a comparison, without shards. As root, on Debian with slurm-wlm and munge:
#
#   tests/cluster/slurm.sh PATH/TO/ftpsim [SEEDS]
set -euo pipefail
cd "$(dirname "$0")/../.."

ftpsim=$(realpath "${1:?which ftpsim?}")
seeds=${2:-0..3200}
limit_s=600

for program in munged slurmctld slurmd sbatch; do
    command -v $program >/dev/null || { echo "missing: $program (apt-get install slurm-wlm munge)" >&2; exit 2; }
done

scratch=$(mktemp -d)
started=()
finish() {
    # The newest first: slurmd tells slurmctld that it goes.
    for ((i = ${#started[@]} - 1; i >= 0; i--)); do
        kill "${started[i]}" 2>/dev/null || true
        wait "${started[i]}" 2>/dev/null || true
    done
    rm -rf "$scratch"
}
trap finish EXIT

fail() {
    echo "$1" >&2
    tail -n 20 "$scratch"/*.log "$scratch"/out/*.out >&2 2>/dev/null || true
    exit 1
}

# until_true SECONDS WHAT COMMAND..
until_true() {
    local end=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || fail "not within its time: $what"
        sleep 0.2
    done
}

if ! munge -n >/dev/null 2>&1; then
    install -d -o munge -g munge -m 0755 /run/munge
    runuser -u munge -- munged --foreground >"$scratch/munged.log" 2>&1 &
    started+=($!)
    until_true 10 munged munge -n
fi

host=$(hostname -s)
export SLURM_CONF=$scratch/slurm.conf
mkdir "$scratch"/{state,spool,out}
cat >"$SLURM_CONF" <<CONF
ClusterName=ftpsim
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
SlurmUser=root
AuthType=auth/munge
# A requeued job may begin when the credentials of its first start are too old: not after two minutes. Slurm
# takes nothing below 5 s, and then two minutes.
AuthInfo=cred_expire=5
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
# A round of the scheduler each second: by default a job that waits for another one waits a minute.
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
KillWait=1
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
StateSaveLocation=$scratch/state
SlurmdSpoolDir=$scratch/spool
SlurmctldPidFile=$scratch/slurmctld.pid
SlurmdPidFile=$scratch/slurmd.pid
SlurmctldLogFile=$scratch/slurmctld.log
SlurmdLogFile=$scratch/slurmd.log
NodeName=$host NodeAddr=127.0.0.1 CPUs=2
PartitionName=all Nodes=$host Default=YES MaxTime=60 State=UP
CONF
slurmctld -D >"$scratch/slurmctld.out" 2>&1 &
started+=($!)
slurmd -D -N "$host" >"$scratch/slurmd.out" 2>&1 &
started+=($!)
idle() { [ "$(sinfo -h -o %T)" = idle ]; }
until_true 30 'an idle node' idle

export PATH="$(dirname "$ftpsim"):$PATH"
state() { scontrol show job "$1" | grep -o 'JobState=[A-Z]*'; }
running() { [ "$(state "$1")" = JobState=RUNNING ]; }
over() { ! squeue -h -j "$1" 2>/dev/null | grep -q .; }

# in_shards SCRIPT OUT BEGUN VARIABLES: its eight tasks, merged into OUT. Task 3 is killed when it runs and BEGUN
# is true, and queued again.
in_shards() {
    local script=$1 out=$2 begun=$3 array merge restarts
    array=$(sbatch --parsable --chdir "$PWD" --cpus-per-task 1 --output "$scratch/out/$(basename "$out")-%a.out" \
        --open-mode append --export "ALL,FTPSIM_OUT=$out,$4" "$script")
    merge=$(sbatch --parsable --dependency "afterany:$array" --output "$scratch/out/$(basename "$out")-merge.out" \
        --wrap "ftpsim merge $out/shard-*-of-8 --out $out")
    until_true $limit_s 'task 3 runs' running "${array}_3"
    until_true $limit_s 'task 3 has begun' $begun
    scontrol requeue "${array}_3"
    restarts=$(scontrol show job "${array}_3" | grep -o 'Restarts=[0-9]*')
    [ "$restarts" = Restarts=1 ] || fail "task 3 was not killed while it ran: $restarts"
    until_true $limit_s 'the array and the merge' over "$array,$merge"
    [ "$(ls -d "$out"/shard-*-of-8 | wc -l)" = 8 ] || fail 'not eight shards'
}

out=$scratch/out/sweep
in_shards docs/cluster/sweep.slurm "$out" 'sleep 0.5' "FTPSIM_SEEDS=$seeds"
"$ftpsim" sweep --seeds "$seeds" --out "$scratch/out/whole" >/dev/null
cmp "$out/sweep.json" "$scratch/out/whole/sweep.json" || fail 'the merged shards are not the sweep'
echo "eight tasks, one killed and requeued: merged, the bytes of the sweep of seeds $seeds"

out=$scratch/out/compare
part=$out/shard-4-of-8/tiny.jsonl.part
has_lines() { [ "$(wc -l <"$part")" -gt 20 ]; }
in_shards docs/cluster/compare.slurm "$out" has_lines FTPSIM_SCENARIO=tiny,FTPSIM_SEEDS=0..1600
"$ftpsim" compare tiny --seeds 0..1600 --out "$scratch/out/alone" >/dev/null
for file in "$scratch"/out/alone/*; do
    cmp "$file" "$out/$(basename "$file")" || fail 'the merged shards are not the comparison'
done
# It went on where it was killed: of its 800 runs the second start had fewer to do.
grep -Eq 'Shard 4/8: [1-7]?[0-9]?[0-9] units run' "$scratch/out/compare-3.out" ||
    fail "task 3 did not go on where it was: $(cat "$scratch/out/compare-3.out")"
echo 'eight tasks, one killed, requeued and gone on with: merged, the bytes of the comparison'
