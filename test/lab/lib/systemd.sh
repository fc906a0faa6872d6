# shellcheck shell=bash
# Hosts whose first process is systemd, with weave installed under /usr/local as "meson install" does it.

# lab_systemd_host_create NAME ADDRESS [UNDERLAY]: as lab_host_create; lab_host_power_off and _on work on it too (then lab_systemd_wait).
lab_systemd_host_create() {
  mkdir -p "$LAB_DIR/hosts/$1/"{usr-local,units}
  : >"$LAB_DIR/hosts/$1/systemd"
  lab_host_create "$@"
  lab_systemd_wait "$1"
}

lab_systemd_up() { lab_exec "$1" systemctl is-system-running | grep -qE '^(running|degraded)$'; }

lab_systemd_wait() { # HOST
  local start
  start=$(lab_now_ms)
  lab_within 20 lab_systemd_up "$1" || {
    lab_exec "$1" systemctl list-jobs || true
    lab_fail "systemd on $1 does not come up: $(tail -n 1 "$LAB_DIR/logs/$1-init.log")"
  }
  lab_say "systemd on $1: $(lab_exec "$1" systemctl is-system-running || true) after $(lab_since "$start") s"
}

# lab_systemd_shutdown HOST: stops its services as at a shutdown of the machine, in the order of their units; then power it off.
lab_systemd_shutdown() {
  lab_exec "$1" sh -c 'printf "[Unit]\nDefaultDependencies=no\nRequires=shutdown.target\nAfter=shutdown.target\n" >/run/systemd/system/lab-shutdown.target
    systemctl daemon-reload; exec systemctl start --job-mode=replace-irreversibly lab-shutdown.target'
}

# lab_unit HOST UNIT PROPERTY
lab_unit() { lab_exec "$1" systemctl show --value --property="$3" "$2"; }

lab_unit_is() { [[ $(lab_unit "$1" "$2" "$3") == "$4" ]]; } # HOST UNIT PROPERTY VALUE

# lab_enabled HOST UNIT: what a reboot will do with it (enabled, disabled, …).
lab_enabled() { lab_exec "$1" systemctl is-enabled "$2" || true; }

# lab_systemd_journal HOST: keeps the host's journal with the logs of the scenario, for when it fails.
lab_systemd_journal() {
  lab_exec "$1" journalctl --no-pager --output=short-precise --unit=weave.service --unit=weave-plugin.socket --unit=docker.service \
    >"$LAB_DIR/logs/$1-journal.log" 2>&1 || true
}
