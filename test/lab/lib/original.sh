# shellcheck shell=bash
# The peer of the original mesh library (original/*.go).

# lab_original_build: makes $LAB_DIR/mesh_peer. What Go has compiled once serves all scenarios of a run.
lab_original_build() {
  local source=/usr/share/gocode/src/github.com/weaveworks/mesh
  [[ -d $source ]] || lab_skip 'the package golang-github-weaveworks-mesh-dev is not installed'
  (cd "$LAB_ROOT/original" && GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=$LAB_RUN_DIR/go-cache go build -o "$LAB_DIR/mesh_peer" ./*.go)
}
