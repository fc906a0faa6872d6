package main

// Agreeing on the seeds of the ring (ipam-dns.md §6).

import (
	"sort"

	"github.com/weaveworks/mesh"
)

type NodeID struct {
	Name mesh.PeerName
	UID  uint64
}

type ProposalID struct {
	Round    uint
	Proposer NodeID
}

type AcceptedValue struct {
	Value  []mesh.PeerName
	Origin ProposalID
}

type NodeClaims struct {
	Promise     ProposalID
	Accepted    ProposalID
	AcceptedVal AcceptedValue
}

func (a ProposalID) less(b ProposalID) bool {
	switch {
	case a.Round != b.Round:
		return a.Round < b.Round
	case a.Proposer.Name != b.Proposer.Name:
		return a.Proposer.Name < b.Proposer.Name
	}
	return a.Proposer.UID < b.Proposer.UID
}

type election struct {
	self   NodeID
	quorum int // 0: we vote, and never conclude
	nodes  map[NodeID]NodeClaims
}

func newElection(self NodeID) *election {
	return &election{self: self, nodes: map[NodeID]NodeClaims{}}
}

func (e *election) update(from map[NodeID]NodeClaims) (changed bool) {
	for node, theirs := range from {
		ours, found := e.nodes[node]
		if !found {
			e.nodes[node], changed = theirs, true
			continue
		}
		if ours.Promise.less(theirs.Promise) {
			ours.Promise, changed = theirs.Promise, true
		}
		if ours.Accepted.less(theirs.Accepted) {
			ours.Accepted, ours.AcceptedVal, changed = theirs.Accepted, theirs.AcceptedVal, true
		}
		e.nodes[node] = ours
	}
	return changed
}

func (e *election) propose() {
	round := uint(0)
	for _, node := range e.nodes {
		for _, id := range []ProposalID{node.Promise, node.Accepted} {
			if id.Round > round {
				round = id.Round
			}
		}
	}
	own := e.nodes[e.self]
	own.Promise = ProposalID{round + 1, e.self}
	e.nodes[e.self] = own
	if e.quorum == 1 {
		e.think()
	}
}

func (e *election) think() bool {
	before := e.nodes[e.self]
	own := before
	for _, node := range e.nodes {
		if own.Promise.less(node.Promise) {
			own.Promise = node.Promise
		}
	}
	e.nodes[e.self] = own
	if own.Promise.Proposer == e.self {
		count, best := 0, NodeClaims{}
		for _, node := range e.nodes {
			if node.Promise == own.Promise {
				count++
				if best.Accepted.less(node.Accepted) {
					best = node
				}
			}
		}
		if e.quorum > 0 && count >= e.quorum {
			value := best.AcceptedVal
			if best.Accepted.Round == 0 {
				value = AcceptedValue{Origin: own.Promise}
				for node := range e.nodes {
					value.Value = append(value.Value, node.Name)
				}
			}
			own.Accepted, own.AcceptedVal = own.Promise, value
		}
	}
	for _, node := range e.nodes {
		if node.Accepted.Round != 0 && node.Accepted == own.Promise {
			own.Accepted, own.AcceptedVal = node.Accepted, node.AcceptedVal
			break
		}
	}
	e.nodes[e.self] = own
	return own.Promise != before.Promise || own.Accepted != before.Accepted || own.AcceptedVal.Origin != before.AcceptedVal.Origin
}

// consensus is the seeds, sorted and each once, if there is one.
func (e *election) consensus() []mesh.PeerName {
	counts := map[ProposalID]int{}
	for _, node := range e.nodes {
		origin := node.AcceptedVal.Origin
		if node.Accepted.Round == 0 {
			continue
		}
		if counts[origin]++; e.quorum > 0 && counts[origin] >= e.quorum {
			return sortedPeers(node.AcceptedVal.Value)
		}
	}
	return nil
}

func sortedPeers(peers []mesh.PeerName) []mesh.PeerName {
	once := map[mesh.PeerName]bool{}
	var sorted []mesh.PeerName
	for _, peer := range peers {
		if !once[peer] {
			once[peer] = true
			sorted = append(sorted, peer)
		}
	}
	sort.Slice(sorted, func(i, j int) bool { return sorted[i] < sorted[j] })
	return sorted
}
