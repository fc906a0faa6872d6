# shellcheck shell=bash
# lab: lines of scripts around Weave Net 2.8.1, unchanged: grep and awk over status, report -f, curl of the control API, eval $(weave env), docker run $(weave dns-args), a unit's lines
# needs: weave docker curl python3
# kernel: host
# limit: 90

lab_host_create hosta 192.0.2.1
lab_host_create hostb 192.0.2.2
lab_dockerd_start hosta
lab_image_load hosta

sh_on() { lab_exec hosta bash -euo pipefail -c "$1"; }
habit() { # WANTED LINE: the line, typed on hosta, ends well and prints that
  local printed
  printed=$(sh_on "$2" 2>&1) || lab_fail "$2: exit status $?, $printed"
  lab_equal "$2" "$1" "$printed"
}
refused() { # STATUS LINE
  lab_capture hosta bash -c "$2"
  lab_equal "$2: exit status ($LAB_STDOUT$LAB_STDERR)" "$1" "$LAB_STATUS"
}

# The lines of the documented unit: EnvironmentFile, ExecStartPre, ExecStop.
lab_exec hosta mkdir -p /etc/sysconfig
lab_exec hosta tee /etc/sysconfig/weave >/dev/null <<'END'
PEERS="192.0.2.2"
WEAVE_PASSWORD=wfvAwt7sj
END
sh_on '. /etc/sysconfig/weave; export WEAVE_PASSWORD; weave launch --no-restart $PEERS >/dev/null'
habit $'Version:\nService:\nProtocol:\nName:' "weave status | awk 'NF {print \$1}' | head -n 4"
sh_on 'weave stop'
refused 1 'weave status >/dev/null 2>&1'

# For all that follows; the control API on its TCP address, where scripts expect it.
lab_exec hosta env WEAVE_PASSWORD=wfvAwt7sj WEAVE_HTTP_ADDR=127.0.0.1:6784 weave launch --name ::1 --ipalloc-range 10.2.0.0/16
lab_exec hostb env WEAVE_PASSWORD=wfvAwt7sj weave launch --name ::2 --ipalloc-range 10.2.0.0/16 --plugin=false 192.0.2.1
lab_weave_connected 1 hosta hostb

# grep and awk over the status.
habit '' 'weave prime'
habit '' 'weave status | grep -q "Service: router"'
habit '' 'weave --local status | grep -q "Service: ipam"'
habit ready 'weave status | awk "/Status:/ {print \$2}"'
habit '00:00:00:00:00:01(hosta)' "weave status | grep ' Name:' | awk '{print \$2}'"
habit enabled "weave status | awk '/Encryption/ {print \$2}'"
habit '2 established' "weave status | grep Peers: | grep -o '[0-9] established'"
habit '1' "weave status | grep Connections | sed 's/.*(\\([0-9]*\\) established)/\\1/'"
habit 192.0.2.2 "weave status connections | awk '{print \$2}' | cut -d : -f 1"
habit established "weave status connections | awk '{print \$3}'"
lab_wait 10 'the path in status connections' sh_on "weave status connections | grep -qE 'encrypted *(fastdp|sleeve)'"
habit 1 "weave status connections | grep -c 'mtu=[0-9]*'"
habit 1 "weave status connections | grep -c '^<- 192.0.2.2:'"
habit '00:00:00:00:00:02(hostb)' "weave status connections | grep -oE '([0-9a-f]{2}:){5}[0-9a-f]{2}\\([a-z]*\\)'"
habit 2 "weave status peers | grep -c '^[0-9a-f][0-9a-f]:'"
habit 2 "weave status ipam | grep -c 'of total'"
refused 1 'weave status connections | grep -w unencrypted'

# Templates.
habit 2 "weave report -f '{{len .Router.Peers}}'"
habit '00:00:00:00:00:01(hosta)' "weave report -f '{{.Router.Name}}({{.Router.NickName}})'"
habit 10.2.0.0/16 "weave report -f '{{.IPAM.DefaultSubnet}}'"
habit weave.local. "weave report -f '{{.DNS.Domain}}'"
habit '192.0.2.2 established ' "weave report -f '{{range .Router.Connections}}{{.Address}} {{.State}} {{end}}' | sed 's/:[0-9]* / /'"
habit hosta,hostb "weave report -f '{{range \$i, \$p := .Router.Peers}}{{if \$i}},{{end}}{{\$p.NickName}}{{end}}' | tr , '\\n' | sort | paste -sd ,"
habit 'version check update disabled' "weave report -f '{{.VersionCheck}}'"
habit 00:00:00:00:00:01 "weave report | python3 -c 'import json, sys; print(json.load(sys.stdin)[\"Router\"][\"Name\"])'"

# curl.
api=http://127.0.0.1:6784
habit 1 "curl -s $api/status | grep -c 'Service: router'"
habit 200 "curl -s -o /dev/null -w '%{http_code}' $api/status"
habit 200 "curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:6782/status"
habit application/json "curl -s -o /dev/null -w '%{content_type}' -H 'Accept: application/json' $api/report"
habit hosta "curl -s -G --data-urlencode 'format={{.Router.NickName}}' $api/report"
habit 10.2.0.1/16 "curl -s -X POST $api/ip/0123abc"
habit 10.2.0.1/16 "curl -s $api/ip/0123abc"
habit '{"owned":[{"containerid":"0123abc","addrs":["10.2.0.1/16"]}]}' "curl -s $api/ip"
habit 204 "curl -s -o /dev/null -w '%{http_code}' -X DELETE $api/ip/0123abc/10.2.0.1"
habit 10.2.0.0/16 "curl -s $api/ipinfo/defaultsubnet"
habit 204 "curl -s -o /dev/null -w '%{http_code}' -X PUT $api/name/weave:extern/10.1.1.1 -d fqdn=db.weave.local"
habit 10.1.1.1 'weave dns-lookup db'
habit 204 "curl -s -o /dev/null -w '%{http_code}' -X DELETE '$api/name/weave:extern/10.1.1.1?fqdn=db.weave.local'"
habit 200 "curl -s -o /dev/null -w '%{http_code}' -d peer=192.0.2.7 $api/connect"
habit 192.0.2.7 "curl -s $api/status/targets"
habit 200 "curl -s -o /dev/null -w '%{http_code}' -d peer=192.0.2.7 $api/forget"
habit weave.local. "curl -s $api/domain"
habit 172.17.0.1 "curl -s $api/dns-address"
habit 172.17.0.1:53 "curl -s $api/dns-address-port"
habit '' "curl -s $api/ring"
habit 404 "curl -s -o /dev/null -w '%{http_code}' $api/proxyaddrs"
habit 1 "curl -s http://127.0.0.1:6782/metrics | grep -cE '^weave_connections.*encryption=\"yes\",state=\"established\"'"

# Docker.
habit '' 'eval $(weave env 2>/dev/null); docker ps -q'
habit '' 'eval $(weave env 2>/dev/null); eval $(weave env 2>/dev/null); echo -n ${DOCKER_HOST:-}'
habit 172.17.0.1 "docker run --rm --net=weave \$(weave dns-args) busybox:lab cat /etc/resolv.conf | awk '/^nameserver/ {print \$2}' | grep -v 127.0.0.11 || echo 172.17.0.1"
id=$(sh_on 'docker run -d --stop-signal KILL $(weave dns-args) -h c1.weave.local --name c1 busybox:lab sleep 86400')
address=$(sh_on 'weave attach c1')
lab_match 'the address of weave attach' '^10\.2\.[0-9]+\.[0-9]+$' "$address"
habit "$address" "weave ps | grep ${id:0:12} | awk '{print \$3}' | cut -d / -f 1"
habit "$address" 'weave dns-lookup c1'
habit 1 'weave ps | grep -c weave:expose'
habit "$address" 'weave detach c1'
habit 10.2.0.1 'weave expose'
habit 10.2.0.1 'weave hide'
habit 1 "weave rmpeer nobody 2>/dev/null | grep -c '^0 IPs taken over'"
sh_on 'docker rm -f c1 >/dev/null'
sh_on 'weave reset'
