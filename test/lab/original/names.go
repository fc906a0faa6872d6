package main

// The name database of Weave Net 2 (shared protocol text ipam-dns.md §12), as the original's peers speak it.

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/weaveworks/mesh"
)

const skewLimit = 900 // seconds

// Entry and GossipData have the field names of the wire.
type Entry struct {
	ContainerID string
	Origin      mesh.PeerName
	Addr        uint32
	Hostname    string
	Version     int
	Tombstone   int64
}

type GossipData struct {
	Timestamp int64
	Entries   []Entry
}

type nameKey struct {
	id     string
	origin mesh.PeerName
	addr   uint32
	host   string
}

func (e Entry) key() nameKey { return nameKey{e.ContainerID, e.Origin, e.Addr, e.Hostname} }
func (e Entry) newer(than Entry) bool {
	return e.Version > than.Version || e.Version == than.Version && e.Tombstone > than.Tombstone
}

func (d *GossipData) Encode() [][]byte {
	buffer := &bytes.Buffer{}
	fail(gob.NewEncoder(buffer).Encode(d))
	return [][]byte{buffer.Bytes()}
}

func (d *GossipData) Merge(other mesh.GossipData) mesh.GossipData {
	all := map[nameKey]Entry{}
	merged := &GossipData{Timestamp: d.Timestamp}
	for _, set := range []*GossipData{d, other.(*GossipData)} {
		if set.Timestamp > merged.Timestamp {
			merged.Timestamp = set.Timestamp
		}
		for _, entry := range set.Entries {
			if known, found := all[entry.key()]; !found || entry.newer(known) {
				all[entry.key()] = entry
			}
		}
	}
	for _, entry := range all {
		merged.Entries = append(merged.Entries, entry)
	}
	return merged
}

type names struct {
	mutex   sync.Mutex
	us      mesh.PeerName
	known   map[nameKey]Entry
	is      func(mesh.PeerName) bool // in the topology
	channel mesh.Gossip
}

func newNames(router *mesh.Router, us mesh.PeerName) *names {
	n := &names{us: us, known: map[nameKey]Entry{}}
	n.is = func(peer mesh.PeerName) bool { return peer == us || router.Peers.Fetch(peer) != nil }
	router.Peers.OnGC(func(peer *mesh.Peer) {
		n.mutex.Lock()
		defer n.mutex.Unlock()
		for key := range n.known {
			if key.origin == peer.Name {
				delete(n.known, key)
			}
		}
	})
	var err error
	n.channel, err = router.NewGossip("nameserver", n)
	fail(err)
	return n
}

func (n *names) OnGossipUnicast(mesh.PeerName, []byte) error { return nil }

func (n *names) Gossip() mesh.GossipData {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	all := &GossipData{Timestamp: time.Now().Unix()}
	for _, entry := range n.known {
		all.Entries = append(all.Entries, entry)
	}
	return all
}

func (n *names) OnGossip(message []byte) (mesh.GossipData, error) {
	_, news, err := n.receive(message)
	if err != nil || len(news.Entries) == 0 {
		return nil, err
	}
	return news, nil
}

func (n *names) OnGossipBroadcast(_ mesh.PeerName, message []byte) (mesh.GossipData, error) {
	accepted, _, err := n.receive(message)
	if err != nil {
		return nil, err
	}
	return accepted, nil
}

// receive follows §12.4; an error closes the connection, duplicates of one message included.
func (n *names) receive(message []byte) (accepted, news *GossipData, err error) {
	var data GossipData
	if err := gob.NewDecoder(bytes.NewReader(message)).Decode(&data); err != nil {
		return nil, nil, err
	}
	now := time.Now().Unix()
	if skew := data.Timestamp - now; skew > skewLimit || skew < -skewLimit {
		return nil, nil, fmt.Errorf("host clock skew of %ds exceeds %ds limit", skew, skewLimit)
	}
	n.mutex.Lock()
	defer n.mutex.Unlock()
	accepted, news = &GossipData{Timestamp: data.Timestamp}, &GossipData{Timestamp: now}
	corrections := &GossipData{Timestamp: now}
	seen := map[nameKey]bool{}
	for _, entry := range data.Entries {
		if seen[entry.key()] {
			fmt.Println("error duplicate name", entry.Hostname)
		}
		seen[entry.key()] = true
		if !n.is(entry.Origin) {
			continue
		}
		known, found := n.known[entry.key()]
		if entry.Origin == n.us {
			if found && (known.Version < entry.Version || known.Version == entry.Version && known.Tombstone != entry.Tombstone) {
				known.Version = entry.Version + 1
				entry = known
				corrections.Entries = append(corrections.Entries, entry)
			} else if !found && entry.Tombstone == 0 {
				entry.Version, entry.Tombstone = entry.Version+1, now
				corrections.Entries = append(corrections.Entries, entry)
			}
		}
		accepted.Entries = append(accepted.Entries, entry)
		if !found || entry.newer(n.known[entry.key()]) {
			n.known[entry.key()] = entry
			news.Entries = append(news.Entries, entry)
			fmt.Println("name", n.describe(entry))
		}
	}
	n.broadcast(corrections)
	return accepted, news, nil
}

func (n *names) broadcast(data *GossipData) {
	if len(data.Entries) > 0 {
		n.channel.GossipBroadcast(data)
	}
}

func (n *names) describe(e Entry) string {
	state := "live"
	if e.Tombstone != 0 {
		state = "dead"
	}
	return fmt.Sprintf("%s %s %s %s version %d", e.Hostname, addressText(e.Addr), e.Origin, state, e.Version)
}

// command understands "name-add HOSTNAME ADDRESS", "name-remove HOSTNAME", "names" and "name-stale HOSTNAME ADDRESS ID ORIGIN
// live|dead VERSION", which tells everybody what is no longer true of somebody else's name.
func (n *names) command(words []string) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	changed := &GossipData{Timestamp: time.Now().Unix()}
	switch {
	case words[0] == "name-add" && len(words) == 3:
		entry := Entry{ContainerID: "original", Origin: n.us, Addr: address(words[2]), Hostname: words[1]}
		if known, found := n.known[entry.key()]; found {
			entry.Version = known.Version + 1
		}
		changed.Entries = []Entry{entry}
	case words[0] == "name-remove" && len(words) == 2:
		for _, entry := range n.known {
			if entry.Origin == n.us && entry.Tombstone == 0 && strings.EqualFold(entry.Hostname, words[1]) {
				entry.Version, entry.Tombstone = entry.Version+1, time.Now().Unix()
				changed.Entries = append(changed.Entries, entry)
			}
		}
	case words[0] == "name-stale" && len(words) == 7:
		origin, err := mesh.PeerNameFromString(words[4])
		fail(err)
		version, err := strconv.Atoi(words[6])
		fail(err)
		entry := Entry{ContainerID: words[3], Origin: origin, Addr: address(words[2]), Hostname: words[1], Version: version}
		if words[5] == "dead" {
			entry.Tombstone = changed.Timestamp
		}
		changed.Entries = []Entry{entry}
	case words[0] == "names":
		for _, entry := range n.known {
			fmt.Println("has", n.describe(entry))
		}
		fmt.Println("names", len(n.known))
	}
	for _, entry := range changed.Entries {
		n.known[entry.key()] = entry
	}
	n.broadcast(changed)
}

func address(text string) uint32 {
	ip := net.ParseIP(text).To4()
	return uint32(ip[0])<<24 | uint32(ip[1])<<16 | uint32(ip[2])<<8 | uint32(ip[3])
}

func addressText(value uint32) string {
	return net.IPv4(byte(value>>24), byte(value>>16), byte(value>>8), byte(value)).String()
}
