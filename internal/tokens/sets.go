package tokens

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// Source is where the public keys are of those who sign tokens for a project.
type Source struct {
	Project  string
	Location string // a file, or a URL
	Users    bool   // they sign for the application's users, not for operators
}

const (
	// fresh is for how long a set is used before it is read again.
	fresh = 15 * time.Minute
	// pollEvery is how often files are looked at, and failed fetches are tried again.
	pollEvery = 10 * time.Second
	// againAfter is how old a fetched set must be for an unknown key to have it fetched
	// again: a stranger can make tokens with any key.
	againAfter = 30 * time.Second
	// maxSet is the size of a key set, in bytes.
	maxSet = 256 << 10
)

// Fetch gets what is at a URL, at most so many bytes.
type Fetch func(ctx context.Context, url string) ([]byte, error)

// Sets holds the key sets of an operator's sources. Its methods are safe for concurrent
// use; Run keeps it fresh.
type Sets struct {
	sets  []*keySet
	fetch Fetch
	log   *slog.Logger
	asked chan struct{} // an unknown key was seen
}

// keySet is one source's.
type keySet struct {
	Source
	keys atomic.Pointer[[]Key]

	// Only Run's goroutine, and NewSets.
	readAt  time.Time // the last success
	changed time.Time // the file's, then
	failing bool      // so that it is logged once
}

// NewSets reads the sets that are files. Those that are URLs are fetched by Run. A file
// that cannot be used is an error: it is the operator's slip.
func NewSets(sources []Source, fetch Fetch, log *slog.Logger) (*Sets, error) {
	s := &Sets{fetch: fetch, log: log.With("component", "tokens"), asked: make(chan struct{}, 1)}
	for _, source := range sources {
		set := &keySet{Source: source}
		s.sets = append(s.sets, set)
		if !set.remote() {
			if err := set.read(); err != nil {
				return nil, fmt.Errorf("key set %s: %w", source.Location, err)
			}
		}
	}
	return s, nil
}

// ParseSources reads "project=location" with commas between.
func ParseSources(text string, users bool) ([]Source, error) {
	var all []Source
	for entry := range strings.SplitSeq(text, ",") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		project, location, ok := strings.Cut(entry, "=")
		if !ok || project == "" || location == "" {
			return nil, fmt.Errorf("%q is not of the form project=file or project=URL", entry)
		}
		all = append(all, Source{project, location, users})
	}
	return all, nil
}

// Verify returns the claims of a token that a key of one of the sets has signed, and
// whose set it is. Only sets for users or for operators are asked, as users says.
func (s *Sets) Verify(t *Token, users bool) (Source, Claims, bool) {
	known := false
	for _, set := range s.sets {
		keys := set.keys.Load()
		if keys == nil || set.Users != users {
			continue
		}
		if claims, ok := t.Verify(*keys); ok {
			return set.Source, claims, true
		}
		for _, k := range *keys {
			known = known || k.ID == t.kid
		}
	}
	if !known {
		select {
		case s.asked <- struct{}{}:
		default:
		}
	}
	return Source{}, nil, false
}

// Run keeps the sets fresh until ctx ends, and returns nil. A set that cannot be read
// stays as it was.
func (s *Sets) Run(ctx context.Context) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		for _, set := range s.sets {
			s.refresh(ctx, set, fresh)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-s.asked:
			for _, set := range s.sets {
				if set.remote() {
					s.refresh(ctx, set, againAfter)
				}
			}
			select { // however many unknown keys there are
			case <-ctx.Done():
				return nil
			case <-tick.C:
			}
		}
	}
}

// refresh reads a set again if it is older than limit, or its file has changed.
func (s *Sets) refresh(ctx context.Context, set *keySet, limit time.Duration) {
	old := set.readAt.IsZero() || time.Since(set.readAt) >= limit
	var err error
	switch {
	case set.remote() && old:
		var text []byte
		if text, err = s.fetch(ctx, set.Location); err == nil {
			err = set.use(text)
		}
	case !set.remote() && (old || set.hasChanged()):
		err = set.read()
	default:
		return
	}
	if ctx.Err() != nil {
		return
	}
	if err != nil && !set.failing {
		s.log.Warn("key set cannot be read: the last one stays in use", "project", set.Project, "err", err)
	}
	set.failing = err != nil
}

func (k *keySet) remote() bool {
	return strings.HasPrefix(k.Location, "https://") || strings.HasPrefix(k.Location, "http://")
}

func (k *keySet) hasChanged() bool {
	info, err := os.Stat(k.Location)
	return err != nil || !info.ModTime().Equal(k.changed)
}

// read reads the set's file.
func (k *keySet) read() error {
	info, err := os.Stat(k.Location)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(k.Location)
	if err != nil {
		return err
	}
	if err := k.use(text); err != nil {
		return err
	}
	k.changed = info.ModTime()
	return nil
}

// use replaces the keys.
func (k *keySet) use(text []byte) error {
	if len(text) > maxSet {
		return fmt.Errorf("a key set of %d bytes", len(text))
	}
	keys, err := ParseKeys(text)
	if err != nil {
		return err
	}
	k.keys.Store(&keys)
	k.readAt = time.Now()
	return nil
}
