package main

// The address ring of Weave Net 2 as data (ipam-dns.md §4): geometry, formation, grants and merging.

import (
	"fmt"
	"sort"

	"github.com/weaveworks/mesh"
)

type RingEntry struct {
	Token   uint32
	Peer    mesh.PeerName
	Version uint32
	Free    uint32
}

type Ring struct {
	Start   uint32
	End     uint32
	Peer    mesh.PeerName
	Entries []RingEntry
	Seeds   []mesh.PeerName
}

type span struct{ from, to uint32 } // to is not in it

func (r *Ring) find(token uint32) *RingEntry {
	for i := range r.Entries {
		if r.Entries[i].Token == token {
			return &r.Entries[i]
		}
	}
	return nil
}

func (r *Ring) insert(entry RingEntry) {
	r.Entries = append(r.Entries, entry)
	sort.Slice(r.Entries, func(i, j int) bool { return r.Entries[i].Token < r.Entries[j].Token })
}

func (r *Ring) distance(from, to uint32) uint32 {
	if to > from {
		return to - from
	}
	return r.End - from + to - r.Start
}

// pieces of an entry: one, or two if it wraps.
func (r *Ring) pieces(index int) []span {
	from, to := r.Entries[index].Token, r.Entries[(index+1)%len(r.Entries)].Token
	if index+1 < len(r.Entries) {
		return []span{{from, to}}
	}
	if to == r.Start {
		return []span{{from, r.End}}
	}
	return []span{{from, r.End}, {r.Start, to}}
}

// holder is the index of the entry that an address belongs to; -1 for an empty ring.
func (r *Ring) holder(address uint32) int {
	for i := len(r.Entries) - 1; i >= 0; i-- {
		if r.Entries[i].Token <= address {
			return i
		}
	}
	return len(r.Entries) - 1
}

func (r *Ring) owned(peer mesh.PeerName) (spans []span) {
	for i, entry := range r.Entries {
		if entry.Peer == peer {
			spans = append(spans, r.pieces(i)...)
		}
	}
	return spans
}

// form divides the ring among the seeds (§4.4).
func (r *Ring) form(seeds []mesh.PeerName) {
	r.Seeds = seeds
	r.divide(r.Start, r.End, seeds)
}

func (r *Ring) divide(from, to uint32, peers []mesh.PeerName) {
	size := to - from
	if size == 0 {
		return
	}
	if size == 1 || len(peers) == 1 {
		r.insert(RingEntry{Token: from, Peer: peers[0], Free: size})
		return
	}
	middle, half := from+size/2, len(peers)/2
	r.divide(from, middle, peers[:half])
	r.divide(middle+size%2, to, peers[half:])
}

// grant gives an owned range without tokens inside to another peer (§4.5).
func (r *Ring) grant(given span, peer mesh.PeerName) {
	length := given.to - given.from
	holder := r.holder(given.from)
	us := r.Entries[holder].Peer
	after := r.Entries[(holder+1)%len(r.Entries)].Token
	if entry := r.find(given.from); entry != nil {
		entry.Peer, entry.Free = peer, length
		entry.Version++
	} else {
		before := &r.Entries[holder]
		before.Free = r.distance(before.Token, given.from)
		before.Version++
		r.insert(RingEntry{Token: given.from, Peer: peer, Free: length})
	}
	end := given.to
	if end == r.End {
		end = r.Start
	}
	if r.find(end) == nil {
		r.insert(RingEntry{Token: end, Peer: us, Free: r.distance(end, after)})
	}
}

func (r *Ring) check() error {
	for i, entry := range r.Entries {
		next := r.Entries[(i+1)%len(r.Entries)].Token
		switch {
		case i > 0 && entry.Token <= r.Entries[i-1].Token:
			return fmt.Errorf("Ring not sorted, or token appears twice in ring")
		case entry.Token < r.Start || entry.Token >= r.End:
			return fmt.Errorf("Token is out of range")
		case entry.Free > r.distance(entry.Token, next):
			return fmt.Errorf("Entry %s reporting too much free space: %d", addressText(entry.Token), entry.Free)
		}
	}
	return nil
}

// merge takes in what is newer (§4.9); `used` says whether something of a range of ours is in use.
func (r *Ring) merge(theirs *Ring, us mesh.PeerName, used func(span) bool) (updated bool, err error) {
	if err := theirs.check(); err != nil {
		return false, err
	}
	if len(r.Seeds) > 0 && len(theirs.Seeds) > 0 && fmt.Sprint(r.Seeds) != fmt.Sprint(theirs.Seeds) {
		return false, fmt.Errorf("Received ring was seeded differently from ours")
	}
	if r.Start != theirs.Start || r.End != theirs.End {
		return false, fmt.Errorf("Received range differs from ours")
	}
	result := *r
	result.Entries = append([]RingEntry{}, r.Entries...)
	for _, their := range theirs.Entries {
		ours := result.find(their.Token)
		switch {
		case ours == nil:
			result.insert(their)
			updated = true
		case their.Version < ours.Version || their.Version == ours.Version && their.Peer == ours.Peer:
		case their.Version > ours.Version && ours.Peer == us && their.Peer == us:
			ours.Version = their.Version + 1
		case their.Version > ours.Version || ours.Free < their.Free:
			*ours, updated = their, true
		}
	}
	for i := range result.Entries {
		entry := &result.Entries[i]
		if room := result.distance(entry.Token, result.Entries[(i+1)%len(result.Entries)].Token); entry.Free > room {
			entry.Free = room
		}
	}
	lost := func(owned []span) bool {
		for _, piece := range owned {
			if used(piece) {
				return true
			}
		}
		return false
	}
	for i, entry := range result.Entries {
		if entry.Peer != us && lost(result.pieces(i)) {
			return false, fmt.Errorf("Peer %s says it owns the IP range from %s, which I think I own", entry.Peer, addressText(entry.Token))
		}
	}
	if err := result.check(); err != nil {
		return false, fmt.Errorf("Merge of incoming data causes: %s", err)
	}
	if len(r.Seeds) == 0 {
		result.Seeds = theirs.Seeds
	}
	*r = result
	return updated, nil
}
