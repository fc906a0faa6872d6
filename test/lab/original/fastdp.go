package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/weaveworks/mesh"
)

// The fast datapath as an original peer shows it on the wire: VXLAN with both short ids in its identifier, heartbeats of
// 1390 bytes every half second until they are confirmed and every ten seconds then, sixty seconds of patience. Behind it
// is one container that answers ARP requests and echo requests.

const (
	fastMtu         = 1376
	fastInterval    = 500 * time.Millisecond
	slowInterval    = 10 * time.Second
	patience        = 60 * time.Second
	heartbeatSeen   = 0
	vxlanHeader     = 8
	ethernetHeader  = 14
	typeArp         = 0x0806
	typeIpv4        = 0x0800
	protocolIcmp    = 1
	icmpEchoRequest = 8
)

var (
	zeroMac  = make([]byte, 6)
	everyone = []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
)

type vxlan struct {
	overlay   *heartbeats
	socket    *net.UDPConn
	address   net.IP
	mac       []byte
	mutex     sync.Mutex
	router    *mesh.Router
	forwards  []*fastForward
	neighbour map[string]learned // container address: where it is
}

type learned struct {
	mac  []byte
	peer mesh.PeerName
}

// fastForward is one connection's fast datapath.
type fastForward struct {
	vxlan     *vxlan
	forwarder *forwarder
	remote    *net.UDPAddr
	confirmed bool
	answered  bool
	healthy   bool
	last      time.Time
}

func newVxlan(overlay *heartbeats, host string, port int, address net.IP) *vxlan {
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(host), Port: port})
	fail(err)
	mac := append([]byte{0x02, 0x77}, address...)
	return &vxlan{overlay: overlay, socket: socket, address: address, mac: mac, neighbour: map[string]learned{}}
}

func (v *vxlan) start(router *mesh.Router) {
	v.router = router
	go v.receive()
}

func (v *vxlan) prepare(f *forwarder) *fastForward {
	port := v.socket.LocalAddr().(*net.UDPAddr).Port
	if f.parameters.Outbound {
		port = f.parameters.RemoteAddr.Port + 1
	}
	return &fastForward{vxlan: v, forwarder: f, remote: &net.UDPAddr{IP: f.parameters.RemoteAddr.IP, Port: port}}
}

func (f *fastForward) say(state string) {
	fmt.Printf("fastdp %s %s\n", f.forwarder.parameters.RemotePeer.Name, state)
}

func (f *fastForward) confirm() {
	v := f.vxlan
	v.mutex.Lock()
	v.forwards = append(v.forwards, f)
	f.last, f.healthy = time.Now(), true
	v.mutex.Unlock()
	go func() {
		for {
			v.mutex.Lock()
			interval := fastInterval
			if f.confirmed || !f.healthy {
				interval = slowInterval
			}
			if f.healthy && time.Since(f.last) > patience {
				f.healthy = false
				f.say("unhealthy")
			}
			v.send(f, f.heartbeat())
			v.mutex.Unlock()
			select {
			case <-f.forwarder.stop:
				v.remove(f)
				return
			case <-time.After(interval):
			}
		}
	}()
}

func (v *vxlan) remove(gone *fastForward) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	for i, f := range v.forwards {
		if f == gone {
			v.forwards = append(v.forwards[:i], v.forwards[i+1:]...)
			return
		}
	}
}

func (f *fastForward) control(tag byte) {
	if tag != heartbeatSeen {
		return
	}
	f.vxlan.mutex.Lock()
	f.confirmed = true
	f.vxlan.mutex.Unlock()
	f.say("established")
	f.forwarder.once.Do(func() { close(f.forwarder.established) })
}

func (f *fastForward) heartbeat() []byte {
	frame := make([]byte, ethernetHeader+fastMtu)
	binary.BigEndian.PutUint64(frame[14:], f.forwarder.parameters.ConnUID)
	binary.BigEndian.PutUint16(frame[22:], uint16(len(frame)))
	return frame
}

// send needs the lock.
func (v *vxlan) send(f *fastForward, frame []byte) {
	us, them := v.router.Ourself.Peer, v.router.Peers.Fetch(f.forwarder.parameters.RemotePeer.Name)
	if them == nil || !us.HasShortID || !them.HasShortID {
		return
	}
	packet := make([]byte, vxlanHeader, vxlanHeader+len(frame))
	binary.BigEndian.PutUint32(packet, 0x08000000)
	binary.BigEndian.PutUint32(packet[4:], (uint32(them.ShortID)<<12|uint32(us.ShortID))<<8)
	v.socket.WriteToUDP(append(packet, frame...), f.remote)
}

func (v *vxlan) receive() {
	buffer := make([]byte, 65536)
	for {
		n, from, err := v.socket.ReadFromUDP(buffer)
		if err != nil {
			return
		}
		if n < vxlanHeader+ethernetHeader || buffer[0]&8 == 0 {
			continue
		}
		frame := append([]byte{}, buffer[vxlanHeader:n]...)
		source := binary.BigEndian.Uint32(buffer[4:]) >> 8 & 0xfff
		if bytes.Equal(frame[:6], zeroMac) && bytes.Equal(frame[6:12], zeroMac) {
			v.special(frame, from)
			continue
		}
		v.mutex.Lock()
		for _, f := range v.forwards {
			peer := v.router.Peers.Fetch(f.forwarder.parameters.RemotePeer.Name)
			if peer != nil && uint32(peer.ShortID) == source {
				v.deliver(f, frame)
			}
		}
		v.mutex.Unlock()
	}
}

func (v *vxlan) special(frame []byte, from *net.UDPAddr) {
	if len(frame) < 24 || int(binary.BigEndian.Uint16(frame[22:])) != len(frame) || binary.BigEndian.Uint16(frame[12:]) != 0 {
		return
	}
	v.mutex.Lock()
	defer v.mutex.Unlock()
	for _, f := range v.forwards {
		if f.forwarder.parameters.ConnUID != binary.BigEndian.Uint64(frame[14:]) {
			continue
		}
		f.remote = &net.UDPAddr{IP: from.IP, Port: f.remote.Port}
		f.last = time.Now()
		if !f.healthy {
			f.healthy = true
			f.say("healthy")
		}
		if !f.answered {
			f.answered = true
			go f.forwarder.parameters.SendControlMessage(mesh.ProtocolOverlayControlMsg, []byte{0, heartbeatSeen})
		}
	}
}

// deliver is the container: it learns, answers ARP requests for itself and echo requests, and notices replies.
func (v *vxlan) deliver(f *fastForward, frame []byte) {
	body := frame[ethernetHeader:]
	switch binary.BigEndian.Uint16(frame[12:]) {
	case typeArp:
		if len(body) < 28 {
			return
		}
		v.neighbour[string(body[14:18])] = learned{append([]byte{}, body[8:14]...), f.forwarder.parameters.RemotePeer.Name}
		if binary.BigEndian.Uint16(body[6:]) == 1 && bytes.Equal(body[24:28], v.address) {
			v.send(f, v.ethernet(frame[6:12], typeArp, v.arp(2, body[8:14], body[14:18])))
		}
	case typeIpv4:
		header := int(body[0]&15) * 4
		if len(body) < header+8 || body[9] != protocolIcmp || !bytes.Equal(body[16:20], v.address) {
			return
		}
		if body[header] == icmpEchoRequest {
			v.send(f, v.ethernet(frame[6:12], typeIpv4, v.echo(0, body[12:16], body[header+4:binary.BigEndian.Uint16(body[2:])])))
		} else if body[header] == 0 {
			fmt.Println("pong", net.IP(body[12:16]))
		}
	}
}

func (v *vxlan) ping(to net.IP) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	known, found := v.neighbour[string(to)]
	for _, f := range v.forwards {
		if !found {
			v.send(f, v.ethernet(everyone, typeArp, v.arp(1, zeroMac, to)))
		} else if f.forwarder.parameters.RemotePeer.Name == known.peer {
			v.send(f, v.ethernet(known.mac, typeIpv4, v.echo(icmpEchoRequest, to, make([]byte, 60))))
		}
	}
}

func (v *vxlan) ethernet(to []byte, kind uint16, body []byte) []byte {
	frame := append(append(append([]byte{}, to...), v.mac...), byte(kind>>8), byte(kind))
	return append(frame, body...)
}

func (v *vxlan) arp(operation byte, mac, to []byte) []byte {
	body := []byte{0, 1, 8, 0, 6, 4, 0, operation}
	for _, part := range [][]byte{v.mac, v.address, mac, to} {
		body = append(body, part...)
	}
	return body
}

// echo makes an IPv4 packet with an ICMP echo; rest begins with its identifier and sequence number.
func (v *vxlan) echo(kind byte, to, rest []byte) []byte {
	packet := make([]byte, 24, 24+len(rest))
	packet[0], packet[8], packet[9], packet[20] = 0x45, 64, protocolIcmp, kind
	binary.BigEndian.PutUint16(packet[2:], uint16(24+len(rest)))
	copy(packet[12:], v.address)
	copy(packet[16:], to)
	packet = append(packet, rest...)
	binary.BigEndian.PutUint16(packet[10:], checksum(packet[:20]))
	binary.BigEndian.PutUint16(packet[22:], checksum(packet[20:]))
	return packet
}

func checksum(data []byte) uint16 {
	sum := uint32(0)
	for i := 0; i+1 < len(data); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(data[i:]))
	}
	if len(data)%2 == 1 {
		sum += uint32(data[len(data)-1]) << 8
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}
