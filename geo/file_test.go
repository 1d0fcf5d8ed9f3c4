package geo_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/maxmind/mmdbwriter/mmdbtype"

	"dashd/geo"
)

const somewhere = "81.2.69.142" // in 81.2.0.0/16

func TestOperatorsFile(t *testing.T) {
	country := record{"country": berlin("")["country"]}
	odd := berlin("\x00Ber\u0085lin" + strings.Repeat("é", 200))
	odd["subdivisions"] = mmdbtype.Slice{record{"iso_code": mmdbtype.String("BE")}}
	for _, tt := range []struct {
		name        string
		data        []byte
		precision   geo.Precision
		want        geo.Place
		attribution string
	}{
		{"cities of GeoLite2", city(t, "Berlin"), geo.City, geo.Place{City: "Berlin", Region: "Land Berlin", Country: "Germany", CountryCode: "DE"}, "This product includes GeoLite2 Data created by MaxMind, available from https://www.maxmind.com"},
		{"cities, but only regions are wanted", city(t, "Berlin"), geo.Region, geo.Place{Region: "Land Berlin", Country: "Germany", CountryCode: "DE"}, "This product includes GeoLite2 Data created by MaxMind, available from https://www.maxmind.com"},
		{"cities, but only countries are wanted", city(t, "Berlin"), geo.Country, geo.Place{Country: "Germany", CountryCode: "DE"}, "This product includes GeoLite2 Data created by MaxMind, available from https://www.maxmind.com"},
		{"countries", fixture(t, "GeoIP2-Country", "81.2.0.0/16", country), geo.City, geo.Place{Country: "Germany", CountryCode: "DE"}, ""},
		{"an enterprise's", fixture(t, "GeoIP2-Enterprise", "81.2.0.0/16", berlin("Berlin")), geo.City, geo.Place{City: "Berlin", Region: "Land Berlin", Country: "Germany", CountryCode: "DE"}, ""},
		{"DB-IP's own", fixture(t, "DBIP-Location (compat=City)", "81.2.0.0/16", berlin("Berlin")), geo.City, geo.Place{City: "Berlin", Region: "Land Berlin", Country: "Germany", CountryCode: "DE"}, "IP Geolocation by DB-IP"},
		{"texts that no event may hold", fixture(t, "GeoIP2-City", "81.2.0.0/16", odd), geo.City, geo.Place{Region: "BE", Country: "Germany", CountryCode: "DE", City: "\ufffdBer\ufffdlin" + strings.Repeat("é", 121)}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "own.mmdb")
			write(t, file, tt.data)
			private := t.TempDir()
			l := locator(t, geo.Options{Precision: tt.precision, File: file, Dir: private})
			if err := l.Reload(); err != nil {
				t.Fatal(err)
			}
			if got := l.Lookup(somewhere); got != tt.want {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
			if got := l.Lookup("8.8.8.8"); got != (geo.Place{}) {
				t.Errorf("an address that the file does not know is in %+v", got)
			}
			text := ""
			if a := l.Attribution(); a != nil {
				text = a.Text
			}
			if text != tt.attribution {
				t.Errorf("attribution %q, want %q", text, tt.attribution)
			}
			if s := l.Status(); s.Source != "file" || s.Rejected != "" || s.Database.Bytes != int64(len(tt.data)) {
				t.Errorf("status %+v", s)
			}
			wantNone(t, private)
		})
	}
}

// wantNone fails if there is anything in a directory: private copies must not pile up.
func wantNone(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("%v is left in the directory of private copies, %v", left, err)
	}
}

// A file that is not fit for use changes nothing, and is reported once.
func TestBadFilesKeepTheOldOne(t *testing.T) {
	good := city(t, "Berlin")
	flipped := append([]byte(nil), good...)
	flipped[len(flipped)/3] ^= 0x5a // in the tree
	wrong := berlin("Berlin")
	wrong["city"] = mmdbtype.String("Berlin")
	nobody := berlin("Berlin")
	nobody["country"] = record{"iso_code": mmdbtype.String("ZZ")}
	put := func(data []byte) func(t *testing.T, path string) {
		return func(t *testing.T, path string) { write(t, path, data) }
	}
	for _, tt := range []struct {
		name string
		put  func(t *testing.T, path string)
		says string
	}{
		{"empty", put(nil), "not a MaxMind database"},
		{"text", put([]byte("<html>quota exceeded</html>")), "not a MaxMind database"},
		{"too large", put(append(good, make([]byte, 1<<20)...)), "and may have"},
		{"cut in the data", put(good[:len(good)-200]), "not a MaxMind database"},
		{"without its beginning", put(good[1000:]), "not a MaxMind database"},
		{"a changed byte", put(flipped), "damaged"},
		{"of providers, not places", put(fixture(t, "GeoLite2-ASN", "81.2.0.0/16", record{"autonomous_system_number": mmdbtype.Uint32(1)})), "neither cities nor countries"},
		{"of a type nobody knows", put(fixture(t, "My\x00Own", "81.2.0.0/16", berlin("B"))), "\"My\ufffdOwn\" holds neither"},
		{"records of another shape", put(fixture(t, "GeoIP2-City", "81.2.0.0/16", wrong)), "is not that of a place"},
		{"no country in it", put(fixture(t, "GeoIP2-City", "81.2.0.0/16", nobody)), "knows no country"},
		{"gone", func(t *testing.T, path string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}, "the file cannot be read: no such file or directory"},
		{"a directory", func(t *testing.T, path string) {
			if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
				t.Fatal(err)
			}
		}, "it is not a file"},
		{"a pipe", func(t *testing.T, path string) {
			if err := errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o600)); err != nil {
				t.Fatal(err)
			}
		}, "it is not a file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "own.mmdb")
			write(t, file, good)
			private := t.TempDir()
			l := locator(t, geo.Options{Precision: geo.City, File: file, Dir: private, MaxBytes: 1 << 20})
			if err := l.Reload(); err != nil {
				t.Fatal(err)
			}
			want := l.Status()
			tt.put(t, file)
			for range 2 {
				if err := l.Reload(); err == nil || !strings.Contains(err.Error(), tt.says) {
					t.Fatalf("Reload = %v, want %q in it", err, tt.says)
				}
			}
			if got := l.Lookup(somewhere); got.City != "Berlin" {
				t.Errorf("%s is in %+v", somewhere, got)
			}
			got := l.Status()
			if !strings.Contains(got.Rejected, tt.says) || got.Failures != 1 {
				t.Errorf("status %+v", got)
			}
			if got.Rejected, got.Failures = "", 0; !reflect.DeepEqual(got, want) {
				t.Errorf("status %+v, was %+v", got, want)
			}
			wantNone(t, private)
		})
	}
}

// A file that is written over while it is in use does no harm: what is in use is a copy.
func TestFileChangesUnderLookups(t *testing.T) {
	file := filepath.Join(t.TempDir(), "own.mmdb")
	write(t, file, city(t, "Berlin"))
	l := locator(t, geo.Options{Precision: geo.City, File: file, Dir: t.TempDir()})
	if err := l.Reload(); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, 10); err != nil {
		t.Fatal(err)
	}
	if got := l.Lookup(somewhere); got.City != "Berlin" {
		t.Errorf("%s is in %+v", somewhere, got)
	}
}

func TestWithoutPrecisionNothingIsLookedUp(t *testing.T) {
	file := filepath.Join(t.TempDir(), "own.mmdb")
	write(t, file, city(t, "Berlin"))
	l := locator(t, geo.Options{File: file})
	if err := l.Reload(); err != nil {
		t.Error(err)
	}
	if got := l.Lookup(somewhere); got != (geo.Place{}) || l.Attribution() != nil || l.Status().Source != "none" {
		t.Errorf("%+v, %+v", got, l.Status())
	}
}

// What a killed process has left is removed.
func TestLeftCopiesAreRemoved(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "geo-private-123.mmdb"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	locator(t, geo.Options{Dir: dir})
	wantNone(t, dir)
}

// watched is a Locator whose Run is running, and what it has reported.
type watched struct {
	*geo.Locator
	t       *testing.T
	file    string
	changes chan geo.Change
	answers chan error // to the reports, in order; nil if there is none
}

func watch(t *testing.T, file string, every time.Duration) *watched {
	w := &watched{t: t, file: file, changes: make(chan geo.Change), answers: make(chan error, 8)}
	w.Locator = locator(t, geo.Options{Precision: geo.City, File: w.file, Dir: t.TempDir(), Report: func(ctx context.Context, c geo.Change) error {
		select {
		case w.changes <- c:
		case <-ctx.Done():
			return ctx.Err()
		}
		select {
		case err := <-w.answers:
			return err
		default:
			return nil
		}
	}})
	w.Patience(time.Millisecond, every, time.Millisecond)
	return w
}

func (w *watched) run() {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	w.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			w.t.Errorf("Run = %v", err)
		}
	})
}

// next is the next report.
func (w *watched) next() geo.Change {
	w.t.Helper()
	select {
	case c := <-w.changes:
		return c
	case <-time.After(time.Minute):
		w.t.Fatal("nothing is reported")
		panic("unreachable")
	}
}

func (w *watched) wantLoaded(city string) {
	w.t.Helper()
	if c := w.next(); c.Reason != "" || c.Info.Type != "GeoLite2-City" || c.Info.SHA256 == "" || c.Info.Built.Unix() != 1_790_000_000 {
		w.t.Errorf("reported %+v", c)
	}
	if got := w.Lookup(somewhere); got.City != city {
		w.t.Errorf("%s is in %+v, want %s", somewhere, got, city)
	}
}

func (w *watched) wantRejected(says string) {
	w.t.Helper()
	if c := w.next(); !strings.Contains(c.Reason, says) {
		w.t.Errorf("reported %+v, want %q", c, says)
	}
}

// A new file is used as soon as it is there, however it came there.
func TestHotReload(t *testing.T) {
	w := watch(t, filepath.Join(t.TempDir(), "own.mmdb"), time.Hour)
	w.run()
	w.wantRejected("no such file") // it may come later
	write(t, w.file, city(t, "Berlin"))
	w.wantLoaded("Berlin")
	write(t, w.file, city(t, "Köln"))
	w.wantLoaded("Köln")
	write(t, w.file, []byte("rubbish"))
	w.wantRejected("not a MaxMind database")
	write(t, w.file, city(t, "Köln")) // which is in use: nothing to report
	write(t, w.file, city(t, "Ulm"))
	w.wantLoaded("Ulm")

	// A link to another directory, as Kubernetes gives configuration.
	elsewhere := filepath.Join(t.TempDir(), "data.mmdb")
	write(t, elsewhere, city(t, "Bonn"))
	if err := errors.Join(os.Remove(w.file), os.Symlink(elsewhere, w.file)); err != nil {
		t.Fatal(err)
	}
	if c := w.next(); c.Reason != "" { // the moment in between may have been seen
		w.wantLoaded("Bonn")
	} else if got := w.Lookup(somewhere); got.City != "Bonn" {
		t.Errorf("%s is in %+v, want Bonn", somewhere, got)
	}
}

// Where the file system says nothing, the file is looked at now and then: here there is
// no directory that could be watched.
func TestReloadByPolling(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "later")
	w := watch(t, filepath.Join(dir, "own.mmdb"), time.Millisecond)
	w.run()
	w.wantRejected("no such file")
	before := t.TempDir()
	write(t, filepath.Join(before, "own.mmdb"), city(t, "Berlin"))
	if err := os.Rename(before, dir); err != nil {
		t.Fatal(err)
	}
	w.wantLoaded("Berlin")
}

// What could not be reported is reported again, in order, and once.
func TestReportsAreTriedAgain(t *testing.T) {
	w := watch(t, filepath.Join(t.TempDir(), "own.mmdb"), time.Hour)
	write(t, w.file, city(t, "Berlin"))
	if err := w.Reload(); err != nil {
		t.Fatal(err)
	}
	write(t, w.file, []byte("rubbish"))
	if err := w.Reload(); err == nil {
		t.Fatal("rubbish was loaded")
	}
	w.answers <- errors.New("there is no leader")
	w.run()
	first := w.next()
	if again := w.next(); again != first || first.Reason != "" {
		t.Errorf("reported %+v, and then %+v", first, again)
	}
	w.wantRejected("not a MaxMind database")
}

// Lookups go on while files come and go: each finds the place of the one or of the other.
func TestReloadUnderLookups(t *testing.T) {
	file := filepath.Join(t.TempDir(), "own.mmdb")
	files := [][]byte{city(t, "Berlin"), city(t, "Köln"), []byte("rubbish")}
	write(t, file, files[0])
	l := locator(t, geo.Options{Precision: geo.City, File: file, Dir: t.TempDir()})
	if err := l.Reload(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if got := l.Lookup(somewhere); got.City != "Berlin" && got.City != "Köln" || got.CountryCode != "DE" {
					t.Errorf("%s is in %+v", somewhere, got)
					return
				}
				_, _ = l.Attribution(), l.Status()
			}
		})
	}
	for i := range 60 {
		write(t, file, files[i%len(files)])
		_ = l.Reload() // the rubbish is rejected
	}
	close(done)
	readers.Wait()
}

// FuzzOpen: whatever is in a file, opening it and looking addresses up in it ends, without
// a panic, and gives places that an event can keep.
func FuzzOpen(f *testing.F) {
	f.Add(city(f, "Berlin"))
	f.Add(fixture(f, "GeoIP2-Country", "2a00::/16", record{"country": record{"iso_code": mmdbtype.String("DE")}}))
	f.Add([]byte("\xab\xcd\xefMaxMind.com"))
	f.Add([]byte{})
	addresses := addresses(somewhere, "8.8.8.8", "2a00::1", "0.0.0.0", "::")
	f.Fuzz(func(t *testing.T, data []byte) {
		places, err := geo.Trial(data, addresses...)
		if err != nil {
			return
		}
		for _, p := range places {
			if p != (geo.Place{}) && (len(p.CountryCode) != 2 || len(p.City) > 255 || len(p.Region) > 255 || len(p.Country) > 255) {
				t.Errorf("%+v", p)
			}
		}
	})
}
