package tokens_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"dashd/internal/tokens"
)

// issuer publishes the newest of its keys and the one before.
type issuer struct {
	mu      sync.Mutex
	keys    []ed25519.PrivateKey // guarded by mu
	fetched atomic.Int64
	broken  atomic.Bool
}

func (i *issuer) rotate() {
	i.mu.Lock()
	defer i.mu.Unlock()
	seed := make([]byte, ed25519.SeedSize)
	seed[0], seed[1] = byte(len(i.keys)+1), 7
	i.keys = append(i.keys, ed25519.NewKeyFromSeed(seed))
}

func (i *issuer) set() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	var all []string
	for n := max(0, len(i.keys)-2); n < len(i.keys); n++ {
		all = append(all, fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","kid":"k%d","x":%q}`, n, encode(i.keys[n].Public().(ed25519.PublicKey))))
	}
	return `{"keys":[` + strings.Join(all, ",") + `]}`
}

func (i *issuer) fetch(context.Context, string) ([]byte, error) {
	i.fetched.Add(1)
	if i.broken.Load() {
		return nil, errors.New("the line is down")
	}
	return []byte(i.set()), nil
}

// sign signs with the nth key.
func (i *issuer) sign(t *testing.T, n int) *tokens.Token {
	t.Helper()
	parsed, err := tokens.Parse(token(fmt.Sprintf(`{"alg":"EdDSA","kid":"k%d"}`, n), `{}`, func(text []byte) []byte { return ed25519.Sign(i.keys[n], text) }))
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// run keeps sets fresh until the end of the test.
func run(t *testing.T, s *tokens.Sets) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	synctest.Wait()
}

func newSets(t *testing.T, fetch tokens.Fetch, sources ...tokens.Source) *tokens.Sets {
	t.Helper()
	s, err := tokens.NewSets(sources, fetch, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// An issuer that publishes a key before it uses it, and the old one for a while after, has no
// token refused in ten rotations.
func TestRotationsOfAFetchedSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{}
		i.rotate()
		s := newSets(t, i.fetch, tokens.Source{Project: "p", Location: "https://issuer.example/jwks"})
		run(t, s)
		for n := range 10 {
			i.rotate() // published, but not used yet
			time.Sleep(16 * time.Minute)
			synctest.Wait()
			for _, key := range []int{n, n + 1} {
				if from, _, ok := s.Verify(i.sign(t, key), false); !ok || from.Project != "p" {
					t.Fatalf("rotation %d: a token of key %d is refused", n, key)
				}
			}
		}
		if got := i.fetched.Load(); got > 15 {
			t.Errorf("the set was fetched %d times in 160 minutes", got)
		}
	})
}

func TestASetThatCannotBeFetchedStaysInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{}
		i.rotate()
		s := newSets(t, i.fetch, tokens.Source{Project: "p", Location: "https://issuer.example/jwks"})
		if _, _, ok := s.Verify(i.sign(t, 0), false); ok {
			t.Error("a token passes before its key is known")
		}
		run(t, s)
		i.broken.Store(true)
		time.Sleep(time.Hour)
		synctest.Wait()
		if _, _, ok := s.Verify(i.sign(t, 0), false); !ok {
			t.Error("a token is refused while the set cannot be fetched")
		}
	})
}

// A token of an unknown key has the set fetched again, but strangers cannot make dashd fetch
// as often as they like.
func TestAnUnknownKeyIsLookedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{}
		i.rotate()
		s := newSets(t, i.fetch, tokens.Source{Project: "p", Location: "https://issuer.example/jwks"})
		run(t, s)
		time.Sleep(time.Minute)
		i.rotate() // and used at once
		if _, _, ok := s.Verify(i.sign(t, 1), false); ok {
			t.Error("a token passes before its key is known")
		}
		synctest.Wait()
		if _, _, ok := s.Verify(i.sign(t, 1), false); !ok {
			t.Error("the new key was not fetched")
		}
		stranger := &issuer{}
		for range 5 {
			stranger.rotate()
		}
		before := i.fetched.Load()
		for range 600 {
			s.Verify(stranger.sign(t, 4), false)
			time.Sleep(time.Second)
			synctest.Wait()
		}
		if got := i.fetched.Load() - before; got > 20 {
			t.Errorf("600 tokens of a stranger in 10 minutes had the set fetched %d times", got)
		}
	})
}

func TestAFileIsReadWhenItChanges(t *testing.T) {
	file := filepath.Join(t.TempDir(), "jwks.json")
	i := &issuer{}
	i.rotate()
	write := func(text string, at time.Time) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		write(i.set(), time.Now())
		s := newSets(t, nil, tokens.Source{Project: "p", Location: file, Users: true})
		run(t, s)
		if _, _, ok := s.Verify(i.sign(t, 0), true); !ok {
			t.Error("a token is refused")
		}
		if _, _, ok := s.Verify(i.sign(t, 0), false); ok {
			t.Error("a key for users has signed for an operator")
		}
		i.rotate()
		i.rotate() // the first key is gone
		write(i.set(), time.Now().Add(time.Second))
		time.Sleep(11 * time.Second)
		synctest.Wait()
		if _, _, ok := s.Verify(i.sign(t, 2), true); !ok {
			t.Error("the new file was not read")
		}
		if _, _, ok := s.Verify(i.sign(t, 0), true); ok {
			t.Error("a key that was taken out still passes")
		}
		write("not a set", time.Now().Add(2*time.Second))
		time.Sleep(11 * time.Second)
		synctest.Wait()
		if _, _, ok := s.Verify(i.sign(t, 2), true); !ok {
			t.Error("a broken file took the keys away")
		}
	})
}

func TestSourcesThatAreRefused(t *testing.T) {
	for _, text := range []string{"default", "=file", "default=", "a=b,c"} {
		if all, err := tokens.ParseSources(text, false); err == nil {
			t.Errorf("%q: %v", text, all)
		}
	}
	all, err := tokens.ParseSources(" a=/x , b=https://y/z?q=1 ,", true)
	if want := []tokens.Source{{"a", "/x", true}, {"b", "https://y/z?q=1", true}}; err != nil || fmt.Sprint(all) != fmt.Sprint(want) {
		t.Errorf("%v, %v; want %v", all, err, want)
	}
	for _, text := range []string{"", "{}", `{"keys":[]}`} {
		file := filepath.Join(t.TempDir(), "jwks.json")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := tokens.NewSets([]tokens.Source{{Project: "p", Location: file}}, nil, slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("a file with %q is taken", text)
		}
	}
}
