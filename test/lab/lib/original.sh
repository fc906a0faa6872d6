# shellcheck shell=bash
# The peer of the original mesh library (original/*.go).

# lab_original_build: makes $LAB_DIR/mesh_peer. What Go has compiled once serves all scenarios of a run. The library offers
# protocol versions up to a constant, of which a copy for the build makes a variable; nothing else in it is touched.
lab_original_build() {
  local source=/usr/share/gocode/src/github.com/weaveworks/mesh
  [[ -d $source ]] || lab_skip 'the package golang-github-weaveworks-mesh-dev is not installed'
  sed 's/MaxVersion: ProtocolMaxVersion,/MaxVersion: NewestVersion,/' "$source/connection.go" >"$LAB_DIR/connection.go"
  printf '\n// NewestVersion is the highest protocol version offered.\nvar NewestVersion byte = ProtocolMaxVersion\n' >>"$LAB_DIR/connection.go"
  printf '{"Replace": {"%s": "%s"}}\n' "$source/connection.go" "$LAB_DIR/connection.go" >"$LAB_DIR/overlay.json"
  (cd "$LAB_ROOT/original" && GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=$LAB_RUN_DIR/go-cache go build -overlay "$LAB_DIR/overlay.json" -o "$LAB_DIR/mesh_peer" ./*.go)
}
