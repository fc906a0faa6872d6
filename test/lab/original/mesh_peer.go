// A peer of the original mesh library (Debian package golang-github-weaveworks-mesh-dev), for tests of our control plane
// against it. The data plane is reduced to the sleeve heartbeats that establish a connection (sealed with -password) and, with
// -fastdp, to a user-space VXLAN end with the original's timers and one container (fastdp.go). With -range it shares names
// and addresses too (names.go; addresses.go, ring.go, paxos.go): written from the protocol's text, encoded by Go's own gob.
//
// Commands on standard input: "unicast NAME TEXT", "broadcast TEXT", "connect HOST", "status", "ping ADDRESS";
// "name-add HOSTNAME ADDRESS", "name-remove HOSTNAME", "name-stale HOSTNAME ADDRESS ID ORIGIN live|dead VERSION", "names"; "prime", "allocate", "claim ADDRESS", "ask FIRST END", "ring".
// Lines on standard output: "unicast FROM TEXT", "broadcast FROM TEXT", "gossip TEXT", "status JSON", "pong ADDRESS",
// "fastdp NAME STATE"; "name NAME ADDRESS ORIGIN live|dead version N" of what arrives, "has …" the same of what is there;
// "formed SEEDS", "allocated ADDRESS", "claimed ADDRESS", "denied FIRST END by PEER", "gave FIRST END to PEER", "ring JSON".
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/weaveworks/mesh"
	"golang.org/x/crypto/nacl/secretbox"
)

const (
	specialHeartbeatLength = 22
	sleeveEstablished      = 1
	sleeveFragmentSeen     = 2
	sleeveMtuVerified      = 3
)

// heartbeats is an overlay that exchanges sleeve heartbeats and nothing else.
type heartbeats struct {
	mutex   sync.Mutex
	us      mesh.PeerName
	socket  *net.UDPConn
	forward map[string]*forwarder
	vxlan   *vxlan // nil: sleeve only
}

type forwarder struct {
	overlay     *heartbeats
	parameters  mesh.OverlayConnectionParams
	remote      *net.UDPAddr
	established chan struct{}
	failed      chan error
	stop        chan struct{}
	once        sync.Once
	seen        bool
	sent        uint64       // sealed packets
	compat      bool         // the remote has no overlays to choose from: protocol version 1
	index       byte         // of sleeve among the common overlays
	fast        *fastForward // nil: not in common
}

func (o *heartbeats) AddFeaturesTo(features map[string]string) {
	features["Overlays"] = "sleeve"
	if o.vxlan != nil {
		features["Overlays"] = "fastdp sleeve"
	}
}
func (o *heartbeats) Diagnostics() interface{} { return nil }
func (o *heartbeats) Stop()                    { o.socket.Close() }

func (o *heartbeats) PrepareConnection(p mesh.OverlayConnectionParams) (mesh.OverlayConnection, error) {
	f := &forwarder{overlay: o, parameters: p, established: make(chan struct{}), failed: make(chan error, 1), stop: make(chan struct{})}
	_, chooses := p.Features["Overlays"]
	f.compat = !chooses
	if p.Outbound {
		f.remote = &net.UDPAddr{IP: p.RemoteAddr.IP, Port: p.RemoteAddr.Port}
	}
	if o.vxlan != nil && strings.Contains(p.Features["Overlays"], "fastdp") {
		f.index = 1
		f.fast = o.vxlan.prepare(f)
	}
	return f, nil
}

func nameBytes(name mesh.PeerName) []byte {
	wide := make([]byte, 8)
	binary.BigEndian.PutUint64(wide, uint64(name))
	return wide[2:]
}

func (f *forwarder) heartbeat() []byte {
	frame := make([]byte, specialHeartbeatLength)
	binary.BigEndian.PutUint64(frame[14:], f.parameters.ConnUID)
	header := append([]byte{}, nameBytes(f.overlay.us)...)
	header = append(header, nameBytes(f.parameters.RemotePeer.Name)...)
	header = append(header, 0, specialHeartbeatLength)
	return append(nameBytes(f.overlay.us), f.seal(append(header, frame...))...)
}

// nonce of sleeve packets: who dialled, and the number as it travels.
func nonce(senderDialled bool, number []byte) *[24]byte {
	var value [24]byte
	if senderDialled {
		value[0] = 0x80
	}
	copy(value[16:], number)
	return &value
}

// seal makes what follows the sender's name in a packet.
func (f *forwarder) seal(frames []byte) []byte {
	key := f.parameters.SessionKey
	if key == nil {
		return frames
	}
	number := make([]byte, 8)
	binary.BigEndian.PutUint64(number, f.sent)
	f.sent++
	return secretbox.Seal(number, frames, nonce(f.parameters.Outbound, number), key)
}

// open returns the frames of a packet, nil if they are not for us.
func (f *forwarder) open(packet []byte) []byte {
	key := f.parameters.SessionKey
	if key == nil || len(packet) < 8 {
		return packet
	}
	frames, _ := secretbox.Open(nil, packet[8:], nonce(!f.parameters.Outbound, packet[:8]), key)
	return frames
}

func (f *forwarder) Confirm() {
	f.overlay.mutex.Lock()
	f.overlay.forward[string(nameBytes(f.parameters.RemotePeer.Name))] = f
	f.overlay.mutex.Unlock()
	if f.fast != nil {
		f.fast.confirm()
	}
	go func() {
		for {
			f.overlay.mutex.Lock()
			remote := f.remote
			f.overlay.mutex.Unlock()
			if remote != nil {
				f.overlay.socket.WriteToUDP(f.heartbeat(), remote)
			}
			select {
			case <-f.stop:
				return
			case <-time.After(500 * time.Millisecond):
			}
		}
	}()
}

func (f *forwarder) EstablishedChannel() <-chan struct{} { return f.established }
func (f *forwarder) ErrorChannel() <-chan error          { return f.failed }
func (f *forwarder) Stop()                               { close(f.stop) }
func (f *forwarder) Attrs() map[string]interface{}       { return map[string]interface{}{"name": "sleeve"} }

func (f *forwarder) ControlMessage(tag byte, message []byte) {
	if f.compat {
		if tag == sleeveEstablished {
			f.once.Do(func() { close(f.established) })
		}
		return
	}
	if len(message) < 2 {
		return
	}
	if f.fast != nil && message[0] == 0 {
		f.fast.control(message[1])
	} else if message[0] == f.index && message[1] == sleeveEstablished {
		f.once.Do(func() { close(f.established) })
	}
}

// say sends a control message of sleeve.
func (f *forwarder) say(message []byte) {
	if f.compat {
		f.parameters.SendControlMessage(message[0], message[1:])
	} else {
		f.parameters.SendControlMessage(mesh.ProtocolOverlayControlMsg, append([]byte{f.index}, message...))
	}
}

// special handles a zero-addressed frame from a peer and says what to answer over TCP.
func (f *forwarder) special(frame []byte, from *net.UDPAddr) []byte {
	switch {
	case len(frame) == specialHeartbeatLength:
		if binary.BigEndian.Uint64(frame[14:]) != f.parameters.ConnUID {
			return nil
		}
		f.remote = from
		if f.seen {
			return nil
		}
		f.seen = true
		return []byte{sleeveEstablished}
	case len(frame) == 60001:
		return []byte{sleeveFragmentSeen}
	default:
		mtu := uint16(len(frame) - 14)
		return []byte{sleeveMtuVerified, byte(mtu >> 8), byte(mtu)}
	}
}

func (o *heartbeats) receive() {
	buffer := make([]byte, 65536)
	for {
		n, from, err := o.socket.ReadFromUDP(buffer)
		if err != nil {
			return
		}
		if n < 6 {
			continue
		}
		o.mutex.Lock()
		f := o.forward[string(buffer[:6])]
		var answer []byte
		if f != nil {
			answer = f.first(f.open(buffer[6:n]), from)
		}
		o.mutex.Unlock()
		if answer != nil {
			f.say(answer)
		}
	}
}

// first handles the first frame of a packet.
func (f *forwarder) first(frames []byte, from *net.UDPAddr) []byte {
	if len(frames) < 14+14 {
		return nil
	}
	length := int(binary.BigEndian.Uint16(frames[12:14]))
	if 14+length > len(frames) {
		return nil
	}
	return f.special(frames[14:14+length], from)
}

// words is the state of the test channel: a set of texts, one a line.
type words map[string]bool

func (w words) Encode() [][]byte {
	list := make([]string, 0, len(w))
	for word := range w {
		list = append(list, word)
	}
	return [][]byte{[]byte(strings.Join(list, "\n"))}
}

func (w words) Merge(other mesh.GossipData) mesh.GossipData {
	all := words{}
	for word := range w {
		all[word] = true
	}
	for word := range other.(words) {
		all[word] = true
	}
	return all
}

func parse(payload []byte) words {
	list := words{}
	for _, word := range strings.Split(string(payload), "\n") {
		list[word] = true
	}
	return list
}

type channel struct {
	mutex sync.Mutex
	known words
}

func (c *channel) OnGossipUnicast(src mesh.PeerName, message []byte) error {
	fmt.Printf("unicast %s %s\n", src, message)
	return nil
}

func (c *channel) OnGossipBroadcast(src mesh.PeerName, update []byte) (mesh.GossipData, error) {
	fmt.Printf("broadcast %s %s\n", src, update)
	return parse(update), nil
}

func (c *channel) Gossip() mesh.GossipData {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.known.Merge(words{})
}

func (c *channel) OnGossip(message []byte) (mesh.GossipData, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	fresh := words{}
	for word := range parse(message) {
		if !c.known[word] {
			fresh[word], c.known[word] = true, true
			fmt.Printf("gossip %s\n", word)
		}
	}
	if len(fresh) == 0 {
		return nil, nil
	}
	return fresh, nil
}

func fail(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	name := flag.String("name", "", "peer name")
	nickname := flag.String("nickname", "original", "nickname")
	host := flag.String("host", "", "address to listen on")
	port := flag.Int("port", 6783, "TCP and UDP port")
	container := flag.String("fastdp", "", "announce fastdp too, with a container of this address")
	universe := flag.String("range", "", "share names, and the addresses of this range")
	quorum := flag.Int("quorum", 1, "how many must agree on a ring")
	password := flag.String("password", "", "seal everything")
	newest := flag.Int("newest", 2, "the highest protocol version offered")
	discovery := flag.Bool("discovery", true, "connect to peers heard of from others")
	flag.Parse()
	us, err := mesh.PeerNameFromString(*name)
	fail(err)
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(*host), Port: *port})
	fail(err)
	overlay := &heartbeats{us: us, socket: socket, forward: map[string]*forwarder{}}
	if *container != "" {
		overlay.vxlan = newVxlan(overlay, *host, *port+1, net.ParseIP(*container).To4())
	}
	go overlay.receive()
	mesh.NewestVersion = byte(*newest)
	config := mesh.Config{Host: *host, Port: *port, ConnLimit: 100, ProtocolMinVersion: 1, PeerDiscovery: *discovery}
	if *password != "" {
		config.Password = []byte(*password)
	}
	router, err := mesh.NewRouter(config, us, *nickname, overlay, log.New(os.Stderr, "", log.Ltime))
	fail(err)
	if overlay.vxlan != nil {
		overlay.vxlan.start(router)
	}
	test := &channel{known: words{"word-of-" + *nickname: true}}
	gossip, err := router.NewGossip("test", test)
	fail(err)
	var shared *names
	var allocator *addresses
	if *universe != "" {
		shared = newNames(router, us)
		allocator = newAddresses(router, us, *nickname, *universe, *quorum)
	}
	router.Start()
	router.ConnectionMaker.InitiateConnections(flag.Args(), false)
	fmt.Println("ready")
	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		fields := strings.SplitN(input.Text(), " ", 3)
		switch {
		case fields[0] == "unicast" && len(fields) == 3:
			to, err := mesh.PeerNameFromString(fields[1])
			fail(err)
			if err := gossip.GossipUnicast(to, []byte(fields[2])); err != nil {
				fmt.Println("error", err)
			}
		case fields[0] == "broadcast" && len(fields) >= 2:
			gossip.GossipBroadcast(words{strings.Join(fields[1:], " "): true})
		case fields[0] == "connect" && len(fields) == 2:
			router.ConnectionMaker.InitiateConnections(fields[1:], false)
		case fields[0] == "ping" && len(fields) == 2:
			overlay.vxlan.ping(net.ParseIP(fields[1]).To4())
		case shared != nil && strings.HasPrefix(fields[0], "name"):
			shared.command(strings.Fields(input.Text()))
		case allocator != nil && strings.Contains(" prime allocate claim ask ring ", " "+fields[0]+" "):
			allocator.command(strings.Fields(input.Text()), *quorum)
		case fields[0] == "status":
			text, err := json.Marshal(mesh.NewStatus(router))
			fail(err)
			fmt.Println("status", string(text))
		}
	}
}
