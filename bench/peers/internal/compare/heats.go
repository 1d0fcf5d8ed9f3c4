package compare

// Entry is a program that takes part in a heat.
type Entry struct {
	Who       string // "dashd", "dashd-3" for three nodes, or a peer
	Scenarios []string
	Preload   bool // the log holds Record.Events when the scenarios begin
}

// Heat is what is run right after each other.
type Heat struct {
	Name    string
	Entries []Entry
}

const (
	oneNode    = "dashd"
	threeNodes = "dashd-3"
)

// Best modes of the peers are not known beforehand: each is measured, and a row takes the one that was best in its round.
var (
	etcdBatches = []string{"txn1000", "txn1000/1", "txn1000/16"}
	natsBatches = []string{"async1000", "fast1000", "fast1000/16", "atomic1000"}
)

// Heats are all that is measured, in order.
func Heats() []Heat {
	return []Heat{
		{"batches", []Entry{
			{Who: oneNode, Scenarios: []string{"batch1000"}},
			{Who: "postgres", Scenarios: []string{"copy1000", "multi1000"}},
			{Who: "postgres-bare", Scenarios: []string{"copy1000"}},
			{Who: "sqlite", Scenarios: []string{"batch1000"}},
			{Who: oneNode, Scenarios: []string{"batch1000x4"}}, // on a new node: the one above compacts what it was sent
			{Who: oneNode, Scenarios: []string{"batch1000x2"}},
		}},
		{"single", []Entry{
			{Who: oneNode, Scenarios: []string{"single"}},
			{Who: "postgres", Scenarios: []string{"single"}},
			{Who: "postgres-bare", Scenarios: []string{"single"}},
			{Who: "sqlite", Scenarios: []string{"single"}},
		}},
		{"batches of three", []Entry{
			{Who: threeNodes, Scenarios: []string{"batch1000"}},
			{Who: "postgres-quorum", Scenarios: []string{"copy1000"}},
			{Who: "etcd", Scenarios: etcdBatches},
			{Who: "nats", Scenarios: natsBatches},
		}},
		{"single of three", []Entry{
			{Who: threeNodes, Scenarios: []string{"single"}},
			{Who: "postgres-quorum", Scenarios: []string{"single"}},
			{Who: "etcd", Scenarios: []string{"single"}},
			{Who: "nats", Scenarios: []string{"single"}},
		}},
		{"reads", []Entry{
			{Who: oneNode, Scenarios: []string{"latest20-hot", "latest20", "count", "replay-text", "replay"}, Preload: true},
			{Who: "postgres", Scenarios: []string{"disk", "latest20-hot", "latest20", "count", "copyto", "copyto-raw"}, Preload: true},
			{Who: "sqlite", Scenarios: []string{"disk", "latest20-hot", "latest20", "count", "select"}, Preload: true},
		}},
	}
}
