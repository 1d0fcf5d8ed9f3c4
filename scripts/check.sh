#!/usr/bin/env bash
# Formatting, vet, staticcheck and the layers: what a change must look like.
set -euo pipefail
cd "$(dirname "$0")/.."
export GOFLAGS="${GOFLAGS:-} -pgo=off" # with the profile of cmd/dashd all packages would be built once more
unformatted=$(git ls-files '*.go' | xargs go tool gofumpt -l)
[ -z "$unformatted" ] || { echo "not gofumpt'd:"; echo "$unformatted"; exit 1; }
CGO_ENABLED=0 go build ./...
go test -count=1 -tags no_geodata ./geo
go vet ./...
go tool staticcheck ./...
go test -count=1 ./internal/layers
go vet -C scripts/geogen ./...
go vet -C bench/peers ./...
for s in scripts/* bench/run bench/growth .ci/run; do [ -d "$s" ] || bash -n "$s"; done
if grep -q '"resolved"' examples/better-auth/package-lock.json; then
  echo "examples/better-auth/package-lock.json holds registry addresses"; exit 1
fi
