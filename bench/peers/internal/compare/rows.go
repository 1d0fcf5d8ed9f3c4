package compare

import (
	"slices"
	"time"

	"dashd/internal/bench"
)

// Row is a figure of dashd beside that of a peer, or on its own.
type Row struct {
	ID    string // in the file that says what limits it
	About string
	Heat  string
	Ours  Side
	Peer  Side // no Who: our figure stands on its own
	By    By
	// Floor is what must be reached and Aim what is wished; both 0: nothing is. They are ratios, or, of a figure on its own,
	// the most that it may be.
	Floor, Aim float64
}

// Side is where a figure comes from: the best of the scenarios in a round.
type Side struct {
	Who       string
	Scenarios []string
}

// By is what is compared.
type By struct {
	Unit string
	// Less says that less is better.
	Less bool
	of   func(Outcome, bench.Result) float64
}

var (
	byRate   = By{Unit: "/s", of: func(_ Outcome, r bench.Result) float64 { return r.PerSec }}
	byMedian = By{Unit: "ms p50", Less: true, of: func(_ Outcome, r bench.Result) float64 { return ms(r.P50) }}
	byP99    = By{Unit: "ms p99", Less: true, of: func(_ Outcome, r bench.Result) float64 { return ms(r.P99) }}
	byDisk   = By{Unit: "B", Less: true, of: func(o Outcome, _ bench.Result) float64 { return o.DiskBytes }}
)

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// Rows are all comparisons: those with a floor first.
func Rows() []Row {
	one := func(who string, scenarios ...string) Side { return Side{who, scenarios} }
	return []Row{
		{"copy", "1 node, batches of 1,000 / PostgreSQL COPY 1,000", "batches", one(oneNode, "batch1000"), one("postgres", "copy1000"), byRate, 6, 12},
		{"insert", "1 node, single events, 64 clients / PostgreSQL single inserts", "single", one(oneNode, "single"), one("postgres", "single"), byRate, 1.5, 3},
		{"quorum-copy", "3 nodes, batches of 1,000 / PostgreSQL quorum COPY 1,000", "batches of three", one(threeNodes, "batch1000"), one("postgres-quorum", "copy1000"), byRate, 5, 10},
		{"etcd-txn", "3 nodes, batches of 1,000 / etcd transaction of 1,000 puts, best number of clients", "batches of three", one(threeNodes, "batch1000"), one("etcd", etcdBatches...), byRate, 5, 10},
		{"nats-batch", "3 nodes, batches of 1,000 / JetStream R3 sync always, best mode that acknowledges events", "batches of three", one(threeNodes, "batch1000"), one("nats", natsBatches...), byRate, 3, 8},
		{"etcd-put", "3 nodes, single events, 64 clients / etcd puts", "single of three", one(threeNodes, "single"), one("etcd", "single"), byRate, 2, 4},
		{"copyto", "full replay as text / PostgreSQL COPY TO, each row decoded", "reads", one(oneNode, "replay-text"), one("postgres", "copyto"), byRate, 4, 10},
		{"latest-hot", "latest 20 of the busiest user, PostgreSQL / dashd", "reads", one(oneNode, "latest20-hot"), one("postgres", "latest20-hot"), byMedian, 20, 50},
		{"latest-random", "latest 20 of a random user, PostgreSQL / dashd", "reads", one(oneNode, "latest20"), one("postgres", "latest20"), byMedian, 0.7, 2},
		{"disk", "disk bytes per event, PostgreSQL table and indexes / dashd all files", "reads", one(oneNode), one("postgres"), byDisk, 3, 6},
		{"batch-p99", "p99 of a batch of 1,000 at full load, 1 node, 4 clients", "batches", one(oneNode, "batch1000x4"), Side{}, byP99, 60, 20},

		{"batch-p99-2", "p99 of a batch of 1,000, 1 node, 2 clients", "batches", one(oneNode, "batch1000x2"), Side{}, byP99, 0, 0},
		{"batch-2", "batches of 1,000, 1 node: 2 clients / 4 clients, dashd both", "batches", one(oneNode, "batch1000x2"), one(oneNode, "batch1000x4"), byRate, 0, 0},
		{"batch-p99-8", "p99 of a batch of 1,000, PostgreSQL COPY / dashd, 8 clients each", "batches", one(oneNode, "batch1000"), one("postgres", "copy1000"), byP99, 0, 0},
		{"multi", "1 node, batches of 1,000 / PostgreSQL INSERT of 1,000 rows", "batches", one(oneNode, "batch1000"), one("postgres", "multi1000"), byRate, 0, 0},
		{"bare-copy", "the same / COPY without indexes but the primary key", "batches", one(oneNode, "batch1000"), one("postgres-bare", "copy1000"), byRate, 0, 0},
		{"sqlite-batch", "the same / SQLite, 1,000 rows a transaction", "batches", one(oneNode, "batch1000"), one("sqlite", "batch1000"), byRate, 0, 0},
		{"bare-insert", "1 node, single events / PostgreSQL single inserts, primary key only", "single", one(oneNode, "single"), one("postgres-bare", "single"), byRate, 0, 0},
		{"sqlite-single", "the same / SQLite, a row a transaction", "single", one(oneNode, "single"), one("sqlite", "single"), byRate, 0, 0},
		{"quorum-insert", "3 nodes, single events / PostgreSQL quorum single inserts", "single of three", one(threeNodes, "single"), one("postgres-quorum", "single"), byRate, 0, 0},
		{"nats-single", "the same / JetStream R3 sync always, single messages", "single of three", one(threeNodes, "single"), one("nats", "single"), byRate, 0, 0},
		{"copyto-json", "full replay as NDJSON / PostgreSQL COPY TO, each row decoded", "reads", one(oneNode, "replay"), one("postgres", "copyto"), byRate, 0, 0},
		{"copyto-raw", "full replay as text / PostgreSQL COPY TO as text, not looked at", "reads", one(oneNode, "replay-text"), one("postgres", "copyto-raw"), byRate, 0, 0},
		{"sqlite-select", "full replay as text / SQLite SELECT of all, each row decoded", "reads", one(oneNode, "replay-text"), one("sqlite", "select"), byRate, 0, 0},
		{"sqlite-latest", "latest 20 of a random user, SQLite / dashd", "reads", one(oneNode, "latest20"), one("sqlite", "latest20"), byMedian, 0, 0},
		{"count", "number of failed sign-ins, PostgreSQL / dashd", "reads", one(oneNode, "count"), one("postgres", "count"), byMedian, 0, 0},
		{"sqlite-disk", "disk bytes per event, SQLite / dashd all files", "reads", one(oneNode), one("sqlite"), byDisk, 0, 0},
	}
}

// Compared is a row with its figures, each the list of the rounds in which there was one.
type Compared struct {
	ID    string  `json:"id"`
	About string  `json:"about"`
	Unit  string  `json:"unit"`
	Ours  Spread  `json:"ours"`
	Peer  *Spread `json:"peer,omitempty"`
	Ratio *Spread `json:"ratio,omitempty"` // of rounds that have both
	Floor float64 `json:"floor,omitempty"`
	Aim   float64 `json:"aim,omitempty"`
	// Verdict is "aim", "floor" or "below"; "" if nothing is asked for, or nothing was measured.
	Verdict string `json:"verdict,omitempty"`
}

// Spread is what rounds gave. With no round, it is all 0.
type Spread struct {
	Median float64   `json:"median"`
	Min    float64   `json:"min"`
	Max    float64   `json:"max"`
	Rounds []float64 `json:"rounds"`
}

func spread(list []float64) Spread {
	if len(list) == 0 {
		return Spread{}
	}
	sorted := slices.Sorted(slices.Values(list))
	n := len(sorted)
	return Spread{Median: (sorted[(n-1)/2] + sorted[n/2]) / 2, Min: sorted[0], Max: sorted[n-1], Rounds: list}
}

// figure is what a side reached in a round of a heat; false if nothing was measured.
func (row *Row) figure(runs []Outcome, round int, s Side) (best float64, ok bool) {
	for _, o := range runs {
		if o.Round != round || o.Heat != row.Heat || o.Who != s.Who {
			continue
		}
		results := o.Results
		if len(s.Scenarios) == 0 {
			results = []bench.Result{{}} // of the outcome as a whole
		}
		for _, r := range results {
			v := row.By.of(o, r)
			if len(s.Scenarios) > 0 && !slices.Contains(s.Scenarios, r.Scenario) || v <= 0 {
				continue
			}
			if !ok || v < best == row.By.Less {
				best, ok = v, true
			}
		}
	}
	return best, ok
}

// compare gathers the rounds of a row.
func (row *Row) compare(runs []Outcome, rounds int) Compared {
	c := Compared{ID: row.ID, About: row.About, Unit: row.By.Unit, Floor: row.Floor, Aim: row.Aim}
	var ours, theirs, ratios []float64
	for round := 1; round <= rounds; round++ {
		a, measured := row.figure(runs, round, row.Ours)
		if measured {
			ours = append(ours, a)
		}
		b, ok := row.figure(runs, round, row.Peer)
		if ok {
			theirs = append(theirs, b)
		}
		switch {
		case !ok || !measured:
		case row.By.Less:
			ratios = append(ratios, b/a)
		default:
			ratios = append(ratios, a/b)
		}
	}
	c.Ours = spread(ours)
	if row.Peer.Who == "" {
		if row.Floor > 0 && len(ours) > 0 {
			c.Verdict = verdict(-c.Ours.Median, -row.Floor, -row.Aim)
		}
		return c
	}
	p, r := spread(theirs), spread(ratios)
	c.Peer, c.Ratio = &p, &r
	if row.Floor > 0 && len(ratios) > 0 {
		c.Verdict = verdict(r.Median, row.Floor, row.Aim)
	}
	return c
}

func verdict(v, floor, aim float64) string {
	switch {
	case v >= aim:
		return "aim"
	case v >= floor:
		return "floor"
	}
	return "below"
}

// Compare fills in the rows of a record.
func (r *Record) Compare() {
	r.Rows = nil
	for _, row := range Rows() {
		r.Rows = append(r.Rows, row.compare(r.Runs, r.Rounds))
	}
}
