#!/usr/bin/env bash
# Runs a cluster of three nodes on this machine, to look at one and to break it.
#
#   scripts/localnet.sh           build dashd, start the nodes that do not run, say how to use them
#   scripts/localnet.sh --stop    stop them; the data stay
#   scripts/localnet.sh --clean   stop them and delete their data
#
# DASHD_LOCALNET is the directory of all of it (./dashd-localnet), DASHD_LOCALNET_PORT the first
# port (8787: node N takes applications at 8777+10N, and other nodes one above).
set -euo pipefail
cd "$(dirname "$0")/.."

net=${DASHD_LOCALNET:-$PWD/dashd-localnet}
base=${DASHD_LOCALNET_PORT:-8787}
bin=$PWD/bin/dashd
nodes="1 2 3"

fail() { echo "scripts/localnet.sh: $*" >&2; exit 1; }

http() { echo "127.0.0.1:$((base + 10 * ($1 - 1)))"; }
cluster() { echo "127.0.0.1:$((base + 10 * ($1 - 1) + 1))"; }

# pid prints the process of a node, if it runs: the one this script has started, and no other that
# has got its number since.
pid() {
  local p
  p=$(cat "$net/n$1.pid" 2>/dev/null) || return 1
  case "$(ps -o command= -p "$p" 2>/dev/null)" in
    *"--data-dir $net/n$1 "*) echo "$p" ;;
    *) return 1 ;;
  esac
}

ready() { "$bin" cluster status --data-dir "$net/n$1" >/dev/null 2>&1; }

# start starts a node; the token, if there is one, is not on its command line, which others can see.
start() {
  local n=$1 token=${2:-}
  DASHD_JOIN=$token nohup "$bin" serve --data-dir "$net/n$n" --http "$(http "$n")" --cluster "$(cluster "$n")" --ballast 0 \
    >>"$net/n$n.out" 2>>"$net/n$n.log" </dev/null &
  echo $! >"$net/n$n.pid"
}

# wait_for waits until a node is ready.
wait_for() {
  local n=$1
  for _ in $(seq 300); do
    ready "$n" && return
    pid "$n" >/dev/null || { tail -n 3 "$net/n$n.log" >&2; fail "node $n has ended; all it said is in $net/n$n.log"; }
    sleep 0.2
  done
  fail "node $n is not ready after a minute; see $net/n$n.log"
}

stop() {
  local n p
  for n in $nodes; do
    if p=$(pid "$n"); then kill "$p"; fi
  done
  for n in $nodes; do
    for _ in $(seq 150); do
      pid "$n" >/dev/null || break
      sleep 0.2
    done
    if p=$(pid "$n"); then fail "node $n (process $p) does not stop"; fi
    rm -f "$net/n$n.pid"
  done
}

# ours refuses a directory that this script has not made.
ours() { [ ! -e "$net" ] || [ -e "$net/.localnet" ] || fail "$net was not made by this script; choose another one with DASHD_LOCALNET"; }

case "${1:-}" in
  "") ;;
  --stop) ours; stop; echo "The nodes are stopped; their data stay in $net."; exit ;;
  --clean) ours; stop; rm -rf "$net"; echo "The nodes are stopped, and $net is deleted."; exit ;;
  *) sed -n '2,9s/^# \{0,1\}//p' "$0"; [ "$1" = --help ] && exit; exit 2 ;;
esac

command -v go >/dev/null || fail "Go 1.26 or later is needed: https://go.dev/doc/install"
CGO_ENABLED=0 go build -trimpath -o "$bin" ./cmd/dashd
ours
mkdir -p "$net"
chmod 700 "$net"
touch "$net/.localnet"

# Those that have been in the cluster come first, all at once: a majority is needed for any to be ready.
members="" new=""
for n in $nodes; do
  if [ -e "$net/n$n/node.crt" ]; then members="$members $n"; else new="$new $n"; fi
done
[ -n "$members" ] || { members=" 1"; new=" 2 3"; }
for n in $members; do
  pid "$n" >/dev/null || start "$n"
done
for n in $members; do wait_for "$n"; done
for n in $new; do
  if pid "$n" >/dev/null; then continue; fi
  start "$n" "$("$bin" join-token --data-dir "$net/n${members##* }" | tail -n 1)"
  wait_for "$n"
done

# A new node gets its vote once it has been close behind for some seconds.
if [ -n "$new" ]; then
  echo "Waiting until all three nodes vote ..."
  for _ in $(seq 150); do
    [ "$("$bin" cluster status --data-dir "$net/n1" --json | grep -cE '"role": "(voter|leader)"')" -ge 3 ] && break
    sleep 0.2
  done
fi

"$bin" cluster status --data-dir "$net/n1"
cat <<EOF

Three nodes run, with their data and logs in $net.

  node 1  http://$(http 1)
  node 2  http://$(http 2)
  node 3  http://$(http 3)

Any of them takes any request. The key of the first project, with all rights, is in $net/n1/first-key:

  export DASHD_KEY=$(cat "$net/n1/first-key" 2>/dev/null || echo ...)
  curl -H "Authorization: Bearer \$DASHD_KEY" -d '{"type":"user.joined","userId":"u1"}' http://$(http 2)/ingest/events
  $bin tail --server http://$(http 3)

Look after the cluster, and break it:

  $bin cluster status --data-dir $net/n2
  $bin cluster transfer --data-dir $net/n2
  kill -9 \$(cat $net/n1.pid); scripts/localnet.sh     # starts it again

  scripts/localnet.sh --stop, scripts/localnet.sh --clean
EOF
