package geoupdate_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"

	"dashd/geo"
	"dashd/internal/geoupdate"
	"dashd/internal/outbound"
)

// database is one that knows one city.
func database(t testing.TB, databaseType, city string) []byte {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: databaseType, BuildEpoch: 1_790_000_000, Description: map[string]string{"en": "a test"}, Languages: []string{"en"}, IncludeReservedNetworks: true})
	if err != nil {
		t.Fatal(err)
	}
	_, network, err := net.ParseCIDR("81.2.0.0/16")
	if err != nil {
		t.Fatal(err)
	}
	if err := tree.Insert(network, mmdbtype.Map{
		"city":    mmdbtype.Map{"names": mmdbtype.Map{"en": mmdbtype.String(city)}},
		"country": mmdbtype.Map{"iso_code": mmdbtype.String("DE")},
	}); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := tree.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zipped(data []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(data) // a buffer takes everything
	_ = z.Close()
	return b.Bytes()
}

type member struct {
	name string
	kind byte
	data []byte
}

func archive(members ...member) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		h := &tar.Header{Name: m.name, Typeflag: m.kind, Size: int64(len(m.data)), Mode: 0o777}
		if m.kind == tar.TypeSymlink {
			h.Linkname = "/etc/passwd"
		}
		if err := w.WriteHeader(h); err != nil {
			panic(err)
		}
		if _, err := w.Write(m.data); err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// release is what MaxMind's archives look like.
func release(data []byte) []byte {
	const dir = "GeoLite2-City_20260901/"
	return zipped(archive(
		member{dir, tar.TypeDir, nil}, member{dir + "COPYRIGHT.txt", tar.TypeReg, []byte("©")}, member{dir + "LICENSE.txt", tar.TypeReg, []byte("…")},
		member{dir + "link.mmdb", tar.TypeSymlink, nil}, member{"../../" + dir + "GeoLite2-City.mmdb", tar.TypeReg, data}, member{dir + "README.txt", tar.TypeReg, []byte("…")}))
}

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// publisher is a server of files with the time they changed.
type publisher struct {
	*httptest.Server
	files    map[string][]byte
	modified time.Time
	asked    []*http.Request
}

func publish(t *testing.T) *publisher {
	p := &publisher{files: map[string][]byte{}, modified: time.Date(2026, time.September, 1, 12, 0, 0, 0, time.UTC)}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.asked = append(p.asked, r)
		data, ok := p.files[r.URL.String()]
		if !ok {
			http.NotFound(w, r)
			return
		}
		http.ServeContent(w, r, "", p.modified, bytes.NewReader(data))
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *publisher) update(t *testing.T, file string, s geoupdate.Source, change func(*geoupdate.Options)) (geoupdate.Result, error) {
	t.Helper()
	client, err := outbound.New(outbound.Options{Allow: []string{p.Listener.Addr().String()}})
	if err != nil {
		t.Fatal(err)
	}
	o := geoupdate.Options{Client: client, Source: s, File: file, MaxBytes: 1 << 20}
	if change != nil {
		change(&o)
	}
	r, err := geoupdate.Update(t.Context(), o)
	left, _ := filepath.Glob(filepath.Join(filepath.Dir(file), ".geo-*"))
	if len(left) > 0 {
		t.Errorf("%v is left", left)
	}
	return r, err
}

const maxMindPath = "/geoip/databases/GeoLite2-City/download?suffix=tar.gz"

func TestMaxMind(t *testing.T) {
	p := publish(t)
	s, err := geoupdate.MaxMindAt(p.URL, geoupdate.Account{ID: "1234", LicenseKey: "the key"}, "GeoLite2-City")
	if err != nil {
		t.Fatal(err)
	}
	put := func(data []byte) {
		p.files[maxMindPath] = release(data)
		p.files[maxMindPath+".sha256"] = []byte(sumOf(release(data)) + "  GeoLite2-City_20260901.tar.gz\n")
	}
	file := filepath.Join(t.TempDir(), "places.mmdb")
	put(database(t, "GeoLite2-City", "Berlin"))
	r, err := p.update(t, file, s, nil)
	if err != nil || !r.Changed || r.Info.Type != "GeoLite2-City" || r.Info.SHA256 != sumOf(database(t, "GeoLite2-City", "Berlin")) {
		t.Fatalf("%+v, %v", r, err)
	}
	for _, asked := range p.asked {
		if user, key, _ := asked.BasicAuth(); user != "1234" || key != "the key" {
			t.Errorf("%s was asked for as %q, %q", asked.URL, user, key)
		}
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode() != 0o644 || !info.ModTime().Equal(p.modified) {
		t.Errorf("the file is %v, %v", info, err)
	}

	if r, err := p.update(t, file, s, nil); err != nil || r.Changed || r.Info.Type != "GeoLite2-City" {
		t.Errorf("of the same release: %+v, %v", r, err)
	}
	if r, err := p.update(t, file, s, func(o *geoupdate.Options) { o.Force = true }); err != nil || !r.Changed {
		t.Errorf("forced: %+v, %v", r, err)
	}
	p.modified = p.modified.AddDate(0, 0, 3)
	put(database(t, "GeoLite2-City", "Bonn"))
	if r, err := p.update(t, file, s, nil); err != nil || !r.Changed || r.Info.SHA256 != sumOf(database(t, "GeoLite2-City", "Bonn")) {
		t.Errorf("of the next release: %+v, %v", r, err)
	}
	// A file that is damaged is fetched again, however new it is.
	if err := os.WriteFile(file, []byte("damaged"), 0o644); err != nil {
		t.Fatal(err)
	}
	if r, err := p.update(t, file, s, nil); err != nil || !r.Changed {
		t.Errorf("over a damaged file: %+v, %v", r, err)
	}
}

// What is not good changes nothing.
func TestBadDownloadsKeepTheOldFile(t *testing.T) {
	good := database(t, "GeoLite2-City", "Berlin")
	flipped := bytes.Clone(good)
	flipped[len(flipped)/3] ^= 0x5a
	sumFor := func(data []byte) []byte { return []byte(sumOf(data) + "  x\n") }
	for _, tt := range []struct {
		name      string
		data, sum []byte
		says      string
	}{
		{"another checksum", release(good), sumFor(good), "and should have"},
		{"no checksum", release(good), []byte("<html>"), "not a SHA-256"},
		{"a checksum of another length", release(good), []byte("abcd"), "not a SHA-256"},
		{"the page of an error", []byte("<html>quota</html>"), sumFor([]byte("<html>quota</html>")), "not a MaxMind database"},
		{"an archive without a database", zipped(archive(member{"a.txt", tar.TypeReg, good})), nil, "there is no database in it"},
		{"a link for a database", zipped(archive(member{"a.mmdb", tar.TypeSymlink, nil})), nil, "there is no database in it"},
		{"a damaged database", release(flipped), nil, "damaged"},
		{"a database of providers", release(database(t, "GeoLite2-ASN", "Berlin")), nil, "neither cities nor countries"},
		{"an archive cut short", release(good)[:300], nil, "unexpected EOF"},
		{"more than there may be", bytes.Repeat([]byte("x"), 1<<20+1), nil, "too large"},
		{"a little that unpacks to much", zipped(make([]byte, 3<<20)), nil, "too much in it"},
		{"a little that unpacks to an archive of much", zipped(archive(member{"a.txt", tar.TypeReg, make([]byte, 3<<20)}, member{"a.mmdb", tar.TypeReg, good})), nil, "too much in it"},
		{"nothing", nil, nil, "not a MaxMind database"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := publish(t)
			s, err := geoupdate.MaxMindAt(p.URL, geoupdate.Account{ID: "1", LicenseKey: "k"}, "GeoLite2-City")
			if err != nil {
				t.Fatal(err)
			}
			if tt.sum == nil {
				tt.sum = sumFor(tt.data)
			}
			p.files[maxMindPath], p.files[maxMindPath+".sha256"] = tt.data, tt.sum
			file := filepath.Join(t.TempDir(), "places.mmdb")
			if err := os.WriteFile(file, good, 0o600); err != nil {
				t.Fatal(err)
			}
			p.modified = time.Now().AddDate(0, 0, 1)
			r, err := p.update(t, file, s, nil)
			if err == nil || !strings.Contains(err.Error(), tt.says) || r.Changed {
				t.Errorf("%+v, %v; want %q", r, err, tt.says)
			}
			if kept, err := os.ReadFile(file); err != nil || !bytes.Equal(kept, good) {
				t.Errorf("the file has changed, %v", err)
			}
		})
	}
}

func TestDBIP(t *testing.T) {
	p := publish(t)
	file := filepath.Join(t.TempDir(), "places.mmdb")
	now := time.Date(2026, time.March, 31, 23, 0, 0, 0, time.FixedZone("west", -5*3600)) // it is April in UTC
	s := geoupdate.DBIPAt(p.URL, now)
	if _, err := p.update(t, file, s, nil); err == nil || !strings.Contains(err.Error(), "no such database") {
		t.Errorf("where there is nothing: %v", err)
	}
	p.files["/free/dbip-city-lite-2026-03.mmdb.gz"] = zipped(database(t, "DBIP-City-Lite", "Berlin"))
	if r, err := p.update(t, file, s, nil); err != nil || !r.Changed || r.Info.Type != "DBIP-City-Lite" {
		t.Errorf("of the month before: %+v, %v", r, err)
	}
	if r, err := p.update(t, file, s, nil); err != nil || r.Changed {
		t.Errorf("of the month before, again: %+v, %v", r, err)
	}
	p.modified = p.modified.AddDate(0, 1, 0)
	p.files["/free/dbip-city-lite-2026-04.mmdb.gz"] = zipped(database(t, "DBIP-City-Lite", "Bonn"))
	if r, err := p.update(t, file, s, nil); err != nil || !r.Changed {
		t.Errorf("of the month: %+v, %v", r, err)
	}
	if user := p.asked[0].Header.Get("Authorization"); user != "" {
		t.Errorf("DB-IP was told %q", user)
	}
	l, err := geo.Open(geo.Options{Precision: geo.City, File: file})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Reload(); err != nil || l.Lookup("81.2.69.142").City != "Bonn" || l.Attribution().Text != "IP Geolocation by DB-IP" {
		t.Errorf("a node would find %+v, %v", l.Lookup("81.2.69.142"), err)
	}
}

func TestURLWithChecksum(t *testing.T) {
	p := publish(t)
	data := database(t, "GeoIP2-City", "Berlin")
	p.files["/mine.mmdb"] = data
	file := filepath.Join(t.TempDir(), "places.mmdb")
	s := geoupdate.Source{URLs: []string{p.URL + "/mine.mmdb"}}
	if r, err := p.update(t, file, s, func(o *geoupdate.Options) { o.SHA256 = sumOf([]byte("another")) }); err == nil || r.Changed {
		t.Errorf("with another checksum: %+v, %v", r, err)
	}
	if r, err := p.update(t, file, s, func(o *geoupdate.Options) { o.SHA256 = strings.ToUpper(sumOf(data)) }); err != nil || !r.Changed {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestServersThatRefuse(t *testing.T) {
	for status, says := range map[int]string{401: "the account is refused", 403: "the account is refused", 429: "no downloads left", 404: "no such database", 304: "the server answers 304", 500: "the server answers 500", 206: "the server answers 206"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		p := &publisher{Server: server}
		_, err := p.update(t, filepath.Join(t.TempDir(), "f"), geoupdate.Source{URLs: []string{server.URL}}, nil)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%d: %v, want %q", status, err, says)
		}
		server.Close()
	}
	p := publish(t)
	if _, err := p.update(t, filepath.Join(t.TempDir(), "f"), geoupdate.Source{URLs: []string{"http://127.0.0.2:1/x"}}, nil); outbound.ClassOf(err) != outbound.Denied {
		t.Errorf("a private address: %v", err)
	}
	if _, err := p.update(t, filepath.Join(t.TempDir(), "none", "f"), geoupdate.Source{URLs: []string{p.URL}}, nil); !os.IsNotExist(err) {
		t.Errorf("a directory that is not there: %v", err)
	}
}

func TestSources(t *testing.T) {
	for edition, ok := range map[string]bool{
		"GeoLite2-City": true, "GeoLite2-Country": true, "GeoIP2-Enterprise": true, "GeoIP2-City-North-America": true,
		"GeoLite2-ASN": false, "": false, "GeoLite2-City/../x": false, "GeoLite2-City?x": false,
	} {
		if _, err := geoupdate.MaxMind(geoupdate.Account{ID: "1", LicenseKey: "k"}, edition); (err == nil) != ok {
			t.Errorf("edition %q: %v", edition, err)
		}
	}
	if _, err := geoupdate.MaxMind(geoupdate.Account{ID: "1"}, "GeoLite2-City"); err == nil {
		t.Error("without a licence key: no error")
	}
	if urls := fmt.Sprint(geoupdate.DBIP(time.Date(2026, time.January, 31, 0, 0, 0, 0, time.UTC)).URLs); urls !=
		"[https://download.db-ip.com/free/dbip-city-lite-2026-01.mmdb.gz https://download.db-ip.com/free/dbip-city-lite-2025-12.mmdb.gz]" {
		t.Error(urls)
	}
	a, err := geoupdate.ReadAccount(strings.NewReader("# GeoIP.conf\nAccountID  42\nLicenseKey abc_mmk \n\nEditionIDs GeoLite2-City\n"))
	if want := (geoupdate.Account{ID: "42", LicenseKey: "abc_mmk"}); a != want || err != nil {
		t.Errorf("%+v, %v", a, err)
	}
	for _, text := range []string{"", "AccountID 42", "LicenseKey\nAccountID 1", strings.Repeat("x", 1<<17)} {
		if a, err := geoupdate.ReadAccount(strings.NewReader(text)); err == nil {
			t.Errorf("%.20q: %+v", text, a)
		}
	}
}

// FuzzUnpack: whatever comes, unpacking ends, and writes no more than there may be.
func FuzzUnpack(f *testing.F) {
	data := []byte("\xab\xcd\xefMaxMind.com")
	f.Add(data)
	f.Add(zipped(data))
	f.Add(release(data))
	f.Add(archive(member{"a.mmdb", tar.TypeReg, data}))
	f.Add(zipped(zipped(data)))
	f.Add([]byte{0x1f, 0x8b})
	f.Fuzz(func(t *testing.T, data []byte) {
		const most = 1 << 16
		var b bytes.Buffer
		err := geoupdate.Unpack(&b, bytes.NewReader(data), most)
		if b.Len() > most+1 || b.Len() > most && err == nil {
			t.Errorf("%d bytes, %v", b.Len(), err)
		}
	})
}
