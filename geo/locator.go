package geo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"dashd/eventlog"
)

// Options of Open.
type Options struct {
	Log *slog.Logger
	// Precision is how much of a place is stored. None: nothing is looked up.
	Precision Precision
	// File is the operator's database, "" if he has none. It need not exist yet.
	File string
	// Dir is where private copies of File are made; "": the system's place for temporary
	// files. Those that an earlier process has left in it are removed.
	Dir string
	// MaxBytes bounds File. 0: 1 GiB.
	MaxBytes int64
	// Report is told by Run what became of File. After an error it is told again. nil: nobody is.
	Report func(context.Context, Change) error
}

// Change is what became of the operator's file.
type Change struct {
	At     time.Time
	Reason string // why it was rejected; "" if it was loaded
	Info   Info   // of the file as far as it is known; when rejected, at most the sum
}

// Status is what a Locator is doing.
type Status struct {
	Source      string       `json:"source"`    // of places: "embedded", "file" or "none"
	Precision   Precision    `json:"precision"` //
	Database    *Info        `json:"database,omitempty"`
	Attribution *Attribution `json:"attribution,omitempty"`
	File        string       `json:"file,omitempty"`     // the operator's
	Rejected    string       `json:"rejected,omitempty"` // why it is not used, or no longer
	Failures    uint64       `json:"failures"`           // files that were rejected since the start
}

// Locator finds places. All methods may be called at any time from any goroutine, and
// lookups wait for nothing.
type Locator struct {
	o   Options
	log *slog.Logger

	current  atomic.Pointer[database] // nil: no place is known
	failures atomic.Uint64
	wake     chan struct{} // there is something to report

	reloading sync.Mutex // held while a file is looked at, which may take long
	seen      stamp      // of the one that was read last; guarded by reloading

	mu       sync.Mutex // guards the following
	rejected string     // why it was; "" if it is in use, or nothing was looked at
	badSum   string     // of what was rejected
	pending  []Change   // to be reported

	settle, every, retry time.Duration // of Run
}

// Open returns a Locator over the embedded database. [Locator.Run] sees to the
// operator's, so that a large file does not hold the start up.
func Open(o Options) (*Locator, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = defaultMaxBytes
	}
	l := &Locator{
		o: o, log: o.Log.With("component", "geo"), wake: make(chan struct{}, 1),
		settle: 500 * time.Millisecond, every: 10 * time.Minute, retry: 5 * time.Second,
	}
	if o.Dir != "" {
		removeCopies(o.Dir)
	}
	if o.Precision == None || len(embedded) == 0 {
		return l, nil
	}
	sum, _, _ := strings.Cut(embeddedSum, " ")
	d, err := openBytes(embedded, sum, o.Precision)
	if err != nil {
		return nil, fmt.Errorf("embedded geo data: %w", err)
	}
	d.own, d.attribution = true, attribution(d.info.Type, true)
	d.info.Built = embeddedBuilt
	l.current.Store(d)
	return l, nil
}

// Locate gives a checked event the place of its address, unless its producer has said
// anything of the place.
func (l *Locator) Locate(ev *eventlog.Event) {
	if ev.IPAddress == "" || ev.CountryCode != "" || ev.City != "" || ev.Country != "" || ev.Region != "" {
		return
	}
	p := l.Lookup(ev.IPAddress)
	ev.City, ev.Region, ev.Country, ev.CountryCode = p.City, p.Region, p.Country, p.CountryCode
}

// Lookup is where an address is. What is no address is nowhere.
func (l *Locator) Lookup(address string) Place {
	d := l.current.Load()
	if d == nil {
		return Place{}
	}
	a, err := netip.ParseAddr(address)
	if err != nil {
		return Place{}
	}
	if a = a.Unmap().WithZone(""); !public(a) {
		return Place{}
	}
	return d.place(a)
}

// CityPoint is where a city is, if the database in use knows one of that name in the country
// and no other. The first call for the embedded database takes a while.
func (l *Locator) CityPoint(countryCode, city string) (Point, bool) {
	d := l.current.Load()
	if d == nil || len(countryCode) != 2 {
		return Point{}, false
	}
	p, known := d.cities()[countryCode+city]
	return p, known
}

// Attribution has to be shown with places; nil if there is none to show.
func (l *Locator) Attribution() *Attribution {
	if d := l.current.Load(); d != nil {
		return d.attribution
	}
	return nil
}

// Status says what places come from.
func (l *Locator) Status() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := Status{Source: "none", Precision: l.o.Precision, File: l.o.File, Rejected: l.rejected, Failures: l.failures.Load()}
	if d := l.current.Load(); d != nil {
		s.Source, s.Database, s.Attribution = "file", &d.info, d.attribution
		if d.own {
			s.Source = "embedded"
		}
	}
	return s
}

// stamp tells a file from the one that was there before.
type stamp struct {
	size, modified int64
	inode          uint64
	missing        bool
}

func stampOf(path string) stamp {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{missing: true}
	}
	s := stamp{size: info.Size(), modified: info.ModTime().UnixNano()}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		s.inode = sys.Ino
	}
	return s
}

// Reload looks at the operator's file, if it is not the one that was read last, and
// uses it if it is good. The error says why it is not; what was in use then stays in use.
func (l *Locator) Reload() error {
	if l.o.File == "" || l.o.Precision == None {
		return nil
	}
	l.reloading.Lock()
	defer l.reloading.Unlock()
	now := stampOf(l.o.File) // before it is read: what is written meanwhile is looked at again
	if now == l.seen {
		return l.reason()
	}
	inUse := ""
	if d := l.current.Load(); d != nil && !d.own {
		inUse = d.info.SHA256
	}
	d, sum, err := load(l.o.File, l.o.Dir, l.o.MaxBytes, l.o.Precision, inUse)
	if l.seen = now; sum == "" {
		l.seen = stamp{} // it could not be read: that may change though the file does not
	}
	if err != nil {
		l.reject(err, sum)
		return l.reason()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rejected, l.badSum = "", ""
	if d == nil {
		return nil
	}
	l.current.Store(d)
	l.log.Info("geo database loaded", "type", d.info.Type, "built", d.info.Built, "bytes", d.info.Bytes, "sha256", sum)
	l.report(Change{At: time.Now(), Info: d.info})
	return nil
}

// reason is why the file that was looked at last is not in use.
func (l *Locator) reason() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.rejected == "" {
		return nil
	}
	return errors.New(l.rejected)
}

// reject notes why a file is not used. The same is not said twice.
func (l *Locator) reject(err error, sum string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	reason := err.Error()
	if reason == l.rejected && sum == l.badSum {
		return
	}
	l.rejected, l.badSum = reason, sum
	l.failures.Add(1)
	l.log.Error("geo database rejected: the one in use stays in use", "file", l.o.File, "sha256", sum, "err", reason)
	l.report(Change{At: time.Now(), Reason: reason, Info: Info{SHA256: sum}})
}

// maxPending bounds what waits to be reported: of more, the oldest is forgotten.
const maxPending = 16

// report has Run tell of a change. l.mu is held.
func (l *Locator) report(c Change) {
	if l.o.Report == nil {
		return
	}
	if len(l.pending) == maxPending {
		l.pending = l.pending[1:]
	}
	l.pending = append(l.pending, c)
	select {
	case l.wake <- struct{}{}:
	default: // Run has not looked yet
	}
}
