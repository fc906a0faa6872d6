package main

// The address allocator of Weave Net 2 (ipam-dns.md §7) as far as other peers notice it.

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"math/rand"
	"net"
	"sync"
	"time"

	"github.com/weaveworks/mesh"
)

const (
	tagRequest = iota
	tagRing
	tagDenied
)

const retryInterval = 5 * time.Second

type State struct {
	Now       int64
	Nicknames map[mesh.PeerName]string
	Paxos     map[NodeID]NodeClaims
	Ring      *Ring
}

type Range struct {
	Start uint32
	End   uint32
}

type addresses struct {
	mutex     sync.Mutex
	us        mesh.PeerName
	is        func(mesh.PeerName) bool
	nicknames map[mesh.PeerName]string
	election  *election
	ring      *Ring
	waiting   bool // for a ring
	inUse     map[uint32]bool
	claims    map[uint32]bool
	allocates int
	channel   mesh.Gossip
}

// wholeState is encoded when it leaves, as the original does it.
type wholeState struct{ of *addresses }

func (s wholeState) Merge(mesh.GossipData) mesh.GossipData { return s }
func (s wholeState) Encode() [][]byte {
	s.of.mutex.Lock()
	defer s.of.mutex.Unlock()
	return [][]byte{s.of.encode()}
}

func newAddresses(router *mesh.Router, us mesh.PeerName, nickname, universe string, quorum int) *addresses {
	_, network, err := net.ParseCIDR(universe)
	fail(err)
	ones, _ := network.Mask.Size()
	start := address(network.IP.String())
	rand.Seed(time.Now().UnixNano())
	a := &addresses{us: us, nicknames: map[mesh.PeerName]string{us: nickname}, inUse: map[uint32]bool{}, claims: map[uint32]bool{},
		election: newElection(NodeID{us, rand.Uint64()}), ring: &Ring{Start: start, End: start + 1<<uint(32-ones), Peer: us}}
	a.is = func(peer mesh.PeerName) bool { return peer == us || router.Peers.Fetch(peer) != nil }
	a.channel, err = router.NewGossip("IPallocation", a)
	fail(err)
	go a.tick(quorum)
	return a
}

func (a *addresses) encode() []byte {
	state := State{Now: time.Now().Unix(), Nicknames: a.nicknames}
	if len(a.ring.Entries) > 0 {
		state.Ring = a.ring
	} else {
		state.Paxos = a.election.nodes
	}
	buffer := &bytes.Buffer{}
	fail(gob.NewEncoder(buffer).Encode(state))
	return buffer.Bytes()
}

func (a *addresses) broadcast() { a.channel.GossipBroadcast(wholeState{a}) }

func (a *addresses) send(to mesh.PeerName, tag byte, body []byte) {
	if err := a.channel.GossipUnicast(to, append([]byte{tag}, body...)); err != nil {
		fmt.Println("error", err)
	}
}

func (a *addresses) sendRange(to mesh.PeerName, tag byte, asked span) {
	buffer := &bytes.Buffer{}
	fail(gob.NewEncoder(buffer).Encode(Range{asked.from, asked.to}))
	a.send(to, tag, buffer.Bytes())
}

func (a *addresses) Gossip() mesh.GossipData { return wholeState{a} }

func (a *addresses) OnGossip(message []byte) (mesh.GossipData, error) {
	return nil, a.receive(mesh.UnknownPeerName, message)
}

func (a *addresses) OnGossipBroadcast(source mesh.PeerName, message []byte) (mesh.GossipData, error) {
	return wholeState{a}, a.receive(source, message)
}

func (a *addresses) OnGossipUnicast(source mesh.PeerName, message []byte) error {
	if message[0] == tagRing {
		return a.receive(source, message[1:])
	}
	var asked Range
	if err := gob.NewDecoder(bytes.NewReader(message[1:])).Decode(&asked); err != nil {
		return err
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if message[0] == tagDenied {
		fmt.Println("denied", addressText(asked.Start), addressText(asked.End), "by", source)
		for claim := range a.claims {
			if claim >= asked.Start && claim < asked.End {
				delete(a.claims, claim)
			}
		}
		return nil
	}
	if len(a.ring.Entries) > 0 {
		a.answer(source, span{asked.Start, asked.End})
	}
	return nil
}

// answer gives the upper half of the largest unused stretch of what was asked for, or all of a single address.
func (a *addresses) answer(to mesh.PeerName, asked span) {
	var best span
	for _, owned := range a.ring.owned(a.us) {
		from := owned.from
		if from < asked.from {
			from = asked.from
		}
		for at := from; at < owned.to && at < asked.to; at++ {
			if a.inUse[at] {
				from = at + 1
			} else if at+1-from > best.to-best.from {
				best = span{from, at + 1}
			}
		}
	}
	size := best.to - best.from
	if size == 0 {
		fmt.Println("denying", addressText(asked.from), addressText(asked.to), "to", to)
		a.sendRange(to, tagDenied, asked)
	} else {
		best.from += size / 2
		a.ring.grant(best, to)
		a.report()
		fmt.Println("gave", addressText(best.from), addressText(best.to), "to", to)
		a.broadcast()
	}
	a.send(to, tagRing, a.encode())
}

// receive follows §7.3.
func (a *addresses) receive(source mesh.PeerName, message []byte) error {
	var state State
	if err := gob.NewDecoder(bytes.NewReader(message)).Decode(&state); err != nil {
		return err
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	for peer, nickname := range state.Nicknames {
		a.nicknames[peer] = nickname
	}
	switch {
	case state.Ring != nil:
		updated, err := a.ring.merge(state.Ring, a.us, a.uses)
		if err != nil {
			fmt.Println("error", err)
			return err
		}
		if updated {
			a.waiting = false
			a.retry()
		}
	case len(a.ring.Entries) > 0:
		if source != mesh.UnknownPeerName && a.is(source) {
			a.send(source, tagRing, a.encode())
		}
	case state.Paxos != nil:
		if a.election.update(state.Paxos) && a.election.think() {
			a.broadcast()
		}
		a.conclude()
	}
	return nil
}

func (a *addresses) conclude() {
	if seeds := a.election.consensus(); seeds != nil {
		a.ring.form(seeds)
		a.waiting = false
		fmt.Println("formed", seeds)
		a.broadcast()
		a.retry()
	}
}

func (a *addresses) uses(owned span) bool {
	for address := range a.inUse {
		if address >= owned.from && address < owned.to {
			return true
		}
	}
	return false
}

// report brings the counts of free addresses of our entries up to date (§4.7).
func (a *addresses) report() {
	for i := range a.ring.Entries {
		entry := &a.ring.Entries[i]
		if entry.Peer != a.us {
			continue
		}
		free := uint32(0)
		for _, piece := range a.ring.pieces(i) {
			free += piece.to - piece.from
			for address := range a.inUse {
				if address >= piece.from && address < piece.to {
					free--
				}
			}
		}
		if free != entry.Free {
			entry.Free = free
			entry.Version++
		}
	}
}

// retry goes on with what waits.
func (a *addresses) retry() {
	for claim := range a.claims {
		owner := a.ring.Entries[a.ring.holder(claim)].Peer
		if owner != a.us {
			a.sendRange(owner, tagRequest, span{claim, claim + 1})
			continue
		}
		delete(a.claims, claim)
		a.inUse[claim] = true
		fmt.Println("claimed", addressText(claim))
	}
	for ; a.allocates > 0 && a.allocate(); a.allocates-- {
	}
	a.report()
}

func (a *addresses) allocate() bool {
	for _, owned := range a.ring.owned(a.us) {
		for at := owned.from; at < owned.to; at++ {
			if at != a.ring.Start && at != a.ring.End-1 && !a.inUse[at] {
				a.inUse[at] = true
				fmt.Println("allocated", addressText(at))
				return true
			}
		}
	}
	for _, entry := range a.ring.Entries {
		if entry.Peer != a.us && entry.Free > 0 {
			a.sendRange(entry.Peer, tagRequest, span{a.ring.Start, a.ring.End})
			return false
		}
	}
	return false
}

func (a *addresses) tick(quorum int) {
	for range time.Tick(retryInterval) {
		a.mutex.Lock()
		if a.waiting {
			a.establish(quorum)
		} else if len(a.ring.Entries) > 0 {
			a.retry()
		}
		a.mutex.Unlock()
	}
}

func (a *addresses) establish(quorum int) {
	a.waiting = true
	a.election.quorum = quorum
	a.election.propose()
	a.broadcast()
	a.conclude()
}

// command understands "allocate", "claim ADDRESS", "ask FIRST END", "prime" and "ring".
func (a *addresses) command(words []string, quorum int) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if words[0] == "ring" {
		text, err := json.Marshal(a.ring)
		fail(err)
		fmt.Println("ring", string(text))
		return
	}
	if words[0] == "ask" && len(words) == 3 && len(a.ring.Entries) > 0 {
		asked := span{address(words[1]), address(words[2])}
		a.sendRange(a.ring.Entries[a.ring.holder(asked.from)].Peer, tagRequest, asked)
		return
	}
	if words[0] == "allocate" {
		a.allocates++
	} else if words[0] == "claim" && len(words) == 2 {
		a.claims[address(words[1])] = true
	}
	if len(a.ring.Entries) > 0 {
		a.retry()
	} else if !a.waiting {
		a.establish(quorum)
	}
}
