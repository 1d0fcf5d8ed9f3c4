package projections_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"dashd/eventlog"
	"dashd/internal/errs"
	"dashd/internal/seal"
	"dashd/projections"
)

const (
	noon = int64(1_750_000_000_000)
	hour = int64(3_600_000)
)

var sealer = seal.New(seal.Key(bytes.Repeat([]byte{0xa1}, seal.KeySize)))

// rec makes an event of the reserved project, received seq ms after noon.
func rec(seq uint64, t eventlog.Type, meta any) eventlog.Record {
	text, isText := meta.(string)
	if !isText {
		b, err := json.Marshal(meta)
		if err != nil {
			panic(err)
		}
		text = string(b)
	}
	return eventlog.Record{
		Seq: seq, ReceivedAt: noon + int64(seq),
		Event: eventlog.Event{
			ID: fmt.Sprintf("e%d", seq), Project: eventlog.ReservedProject, Type: t,
			Time: noon, ActorID: "op", Personal: eventlog.Personal{Metadata: []byte(text)},
		},
	}
}

func project(seq uint64, id string) eventlog.Record {
	return rec(seq, eventlog.DashdProjectCreated, projections.ProjectMeta{Project: id, Name: strings.ToUpper(id)})
}

func key(seq uint64, id, project, text string, expires int64, scopes ...string) eventlog.Record {
	h := projections.HashKey(text)
	return rec(seq, eventlog.DashdKeyCreated, projections.KeyMeta{
		Key: id, Project: project, Scopes: scopes, Hash: hex.EncodeToString(h[:]), ExpiresAt: expires,
	})
}

func revoke(seq uint64, id string) eventlog.Record {
	return rec(seq, eventlog.DashdKeyRevoked, projections.RevocationMeta{Key: id})
}

// signing makes the event of a signing key; equal n, equal key.
func signing(seq uint64, n byte) eventlog.Record {
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))
	meta, box, err := projections.SealSigningKey(sealer, private)
	if err != nil {
		panic(err)
	}
	r := rec(seq, eventlog.DashdSigningKeyCreated, meta)
	r.Sealed = box
	return r
}

func fold(recs ...eventlog.Record) *projections.AccessImage {
	a := projections.NewAccess()
	for i := range recs {
		a.Apply(&recs[i])
	}
	a.Publish()
	return a.Image()
}

func TestAuthenticate(t *testing.T) {
	m := fold(
		project(1, "shop"), project(2, "blog"),
		key(3, "k1", "shop", "shop-key-text-0001", 0, "events:write"),
		key(4, "k2", "blog", "blog-key-text-0001", noon+hour, "*"),
		key(5, "k3", "shop", "shop-key-text-0002", 0, "*"),
		revoke(6, "k3"),
		key(7, "k4", "nowhere", "nowhere-key-text-1", 0, "*"),
		key(8, "k5", eventlog.ReservedProject, "reserved-key-text-1", 0, "*"),
		key(9, "k6", "blog", "shop-key-text-0001", 0, "*"),
	)
	tests := []struct {
		name      string
		presented string
		now       int64
		project   string
		why       error
	}{
		{"a key opens its project", "shop-key-text-0001", noon, "shop", nil},
		{"a second claim to the same text changes nothing", "shop-key-text-0001", noon + hour, "shop", nil},
		{"a key opens its project until the last ms", "blog-key-text-0001", noon + hour - 1, "blog", nil},
		{"a key has expired", "blog-key-text-0001", noon + hour, "", projections.ErrExpiredKey},
		{"a key was revoked", "shop-key-text-0002", noon, "", projections.ErrRevokedKey},
		{"nothing is presented", "", noon, "", projections.ErrUnknownKey},
		{"a key nobody made", "shop-key-text-9999", noon, "", projections.ErrUnknownKey},
		{"another case", "SHOP-key-text-0001", noon, "", projections.ErrUnknownKey},
		{"the id of a key", "k1", noon, "", projections.ErrUnknownKey},
		{"the hash of a key", fmt.Sprintf("%x", projections.HashKey("shop-key-text-0001")), noon, "", projections.ErrUnknownKey},
		{"a key of no project", "nowhere-key-text-1", noon, "", projections.ErrUnknownKey},
		{"a key of the reserved project", "reserved-key-text-1", noon, "", projections.ErrUnknownKey},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := m.Authenticate(tt.presented, tt.now)
			if p.Project != tt.project || !errors.Is(err, tt.why) {
				t.Fatalf("Authenticate = %+v, %v; want project %q, error %v", p, err, tt.project, tt.why)
			}
			if err == nil {
				if p.KeyHash != projections.HashKey(tt.presented) {
					t.Errorf("KeyHash = %x", p.KeyHash)
				}
				return
			}
			if errs.KindOf(err) != errs.Unauthorized || errs.CodeOf(err) != "UNAUTHORIZED" || errs.Message(err) != "Invalid API key" {
				t.Errorf("the client learns %v %q %q", errs.KindOf(err), errs.CodeOf(err), errs.Message(err))
			}
		})
	}
}

func TestRecheck(t *testing.T) {
	recs := []eventlog.Record{project(1, "shop"), key(2, "k1", "shop", "shop-key-text-0001", noon+hour, "*")}
	m := fold(recs...)
	p, err := m.Authenticate("shop-key-text-0001", noon)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		in   *projections.AccessImage
		who  projections.Principal
		now  int64
		want error
	}{
		{"a key that is good", m, p, noon, nil},
		{"a key that has expired since", m, p, noon + hour, projections.ErrExpiredKey},
		{"a key that was revoked since", fold(append(recs, revoke(3, "k1"))...), p, noon, projections.ErrRevokedKey},
		{"a key that is not there", fold(), p, noon, projections.ErrUnknownKey},
		{"an operator", fold(), projections.Operator("admin-socket"), noon, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.in.Recheck(tt.who, tt.now); !errors.Is(err, tt.want) {
				t.Errorf("Recheck = %v, want %v", err, tt.want)
			}
		})
	}
}

func TestBeforeTheKeysAreReadNoKeyIsCalledWrong(t *testing.T) {
	a := projections.NewAccess()
	r := project(1, "shop")
	a.Apply(&r)
	if _, err := a.Image().Authenticate("any", noon); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("before Publish: %v", err)
	}
	if got := string(a.Image().JWKS()); got != `{"keys":[]}` {
		t.Errorf("before Publish the key set is %s", got)
	}
	a.Publish()
	if _, err := a.Image().Authenticate("any", noon); !errors.Is(err, projections.ErrUnknownKey) {
		t.Errorf("after Publish: %v", err)
	}
}

func TestPublishedImageNeverChanges(t *testing.T) {
	recs := []eventlog.Record{
		project(1, "shop"), key(2, "k1", "shop", "shop-key-text-0001", 0, "*"), signing(3, 1),
	}
	a := projections.NewAccess()
	for i := range recs {
		a.Apply(&recs[i])
	}
	a.Publish()
	old := a.Image()
	jwks := string(old.JWKS())
	for _, r := range []eventlog.Record{revoke(4, "k1"), project(5, "blog"), signing(6, 2)} {
		a.Apply(&r)
	}
	if a.Image() != old {
		t.Error("Apply alone has changed what readers see")
	}
	a.Publish()
	if _, err := old.Authenticate("shop-key-text-0001", noon); err != nil {
		t.Errorf("the old image refuses its key: %v", err)
	}
	if len(old.Projects()) != 1 || len(old.SigningKeys()) != 1 || string(old.JWKS()) != jwks {
		t.Error("the old image has changed")
	}
	if _, err := a.Image().Authenticate("shop-key-text-0001", noon); !errors.Is(err, projections.ErrRevokedKey) {
		t.Errorf("the new image: %v", err)
	}
}

func TestCan(t *testing.T) {
	tests := []struct {
		own  []string
		need string
		want bool
	}{
		{nil, "events:write", false},
		{[]string{"events:write"}, "events:write", true},
		{[]string{"events:write"}, "events:read", false},
		{[]string{"events:read", "events:write"}, "events:read", true},
		{[]string{"users:*"}, "users:ban", true},
		{[]string{"users:*"}, "users:*", true},
		{[]string{"users:*"}, "users", false},
		{[]string{"users:*"}, "usersx:ban", false},
		{[]string{"events:read"}, "*", false},
		{[]string{"*"}, "*", true},
		{[]string{"*"}, "anything", true},
		{[]string{"use*"}, "users:ban", false},
		{[]string{""}, "erase", false},
		{[]string{"admin"}, "events:read", false},
	}
	for _, tt := range tests {
		if got := (projections.Principal{Scopes: tt.own}).Can(tt.need); got != tt.want {
			t.Errorf("%q can %q = %v, want %v", tt.own, tt.need, got, tt.want)
		}
	}
	for _, s := range projections.Scopes() {
		if !projections.ValidScope(s) || projections.ValidScope(s+"x") {
			t.Errorf("ValidScope(%q), ValidScope(%q) = %v, %v", s, s+"x", projections.ValidScope(s), projections.ValidScope(s+"x"))
		}
	}
}

func TestManages(t *testing.T) {
	tests := []struct {
		name string
		who  projections.Principal
		want bool
	}{
		{"its own project", projections.Principal{Project: "shop", Scopes: []string{"keys:*"}}, true},
		{"another project", projections.Principal{Project: "blog", Scopes: []string{"keys:*", "admin"}}, false},
		{"another project, with the scope for projects", projections.Principal{Project: "blog", Scopes: []string{"projects:*"}}, true},
		{"an operator", projections.Operator("admin-socket"), true},
		{"nobody", projections.Principal{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.who.Manages("shop"); got != tt.want {
				t.Errorf("Manages = %v, want %v", got, tt.want)
			}
		})
	}
	if (projections.Principal{}).Manages("") {
		t.Error("a principal without a project manages the project without a name")
	}
}

func TestValidProjectID(t *testing.T) {
	long := strings.Repeat("a", 63)
	for _, id := range []string{"default", "a", "0", "shop-prod-2", long} {
		if !projections.ValidProjectID(id) {
			t.Errorf("%q is refused", id)
		}
	}
	for _, id := range []string{"", "-a", "_dashd", "Shop", "a_b", "a.b", "a/b", "a b", "é", "a\n", long + "a"} {
		if projections.ValidProjectID(id) {
			t.Errorf("%q is taken", id)
		}
	}
}

func TestJWKSIsWhatVerifiersExpect(t *testing.T) {
	m := fold(signing(1, 1), signing(2, 2), signing(3, 1))
	var raw struct{ Keys []map[string]string }
	if err := json.Unmarshal(m.JWKS(), &raw); err != nil || len(raw.Keys) != 2 {
		t.Fatalf("JWKS = %s, %v; want two keys", m.JWKS(), err)
	}
	for i, k := range raw.Keys {
		want := map[string]string{
			"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig",
			"kid": m.SigningKeys()[i].ID, "x": k["x"],
		}
		if !reflect.DeepEqual(k, want) {
			t.Errorf("key %d = %v, want %v", i, k, want)
		}
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(m.JWKS(), &set); err != nil {
		t.Fatal(err)
	}
	for _, k := range m.SigningKeys() {
		private, err := k.Private(sealer)
		if err != nil {
			t.Fatal(err)
		}
		sig := ed25519.Sign(private, []byte("message"))
		if !ed25519.Verify(set.Key(k.ID)[0].Key.(ed25519.PublicKey), []byte("message"), sig) {
			t.Errorf("the published key %s does not verify what the private one signed", k.ID)
		}
	}
}

// The key of RFC 8037, appendix A: its thumbprint is known.
func TestSigningKeyIDIsItsThumbprint(t *testing.T) {
	seed, err := hex.DecodeString("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
	if err != nil {
		t.Fatal(err)
	}
	meta, _, err := projections.SealSigningKey(sealer, ed25519.NewKeyFromSeed(seed))
	if err != nil || meta.Key != "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" || meta.Public != "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" {
		t.Errorf("SealSigningKey = %+v, %v", meta, err)
	}
}

func TestWrongClusterKeyIsFoundAtStart(t *testing.T) {
	other := seal.New(seal.Key(bytes.Repeat([]byte{0xb2}, seal.KeySize)))
	m := fold(signing(1, 1))
	if err := m.CheckSealer(sealer); err != nil {
		t.Errorf("the right key: %v", err)
	}
	if err := m.CheckSealer(other); errs.ExitCode(err) != errs.ExitIdentity {
		t.Errorf("a wrong key: %v", err)
	}
	if err := fold().CheckSealer(other); err != nil {
		t.Errorf("a cluster without signing keys: %v", err)
	}
	// A box moved to another key does not pass for that key's private part.
	moved := signing(1, 1)
	moved.Sealed = signing(1, 2).Sealed
	if err := fold(moved).CheckSealer(sealer); errs.ExitCode(err) != errs.ExitIdentity {
		t.Errorf("a moved box: %v", err)
	}
}

func TestRowsSayWhatTheirEventsSaid(t *testing.T) {
	m := fold(project(1, "shop"), key(2, "k1", "shop", "shop-key-text-0001", noon+hour, "events:read", "export"), revoke(7, "k1"))
	at := func(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
	wantProject := projections.Project{ID: "shop", Name: "SHOP", CreatedAt: at(noon + 1), CreatedBy: "op", Seq: 1}
	if got, _ := m.Project("shop"); got != wantProject {
		t.Errorf("Project = %+v, want %+v", got, wantProject)
	}
	want := projections.Key{
		ID: "k1", Project: "shop", Scopes: []string{"events:read", "export"},
		Hash: projections.HashKey("shop-key-text-0001"), CreatedAt: at(noon + 2), ExpiresAt: at(noon + hour),
		RevokedAt: at(noon + 7), CreatedBy: "op", RevokedBy: "op", Seq: 2,
	}
	if got, _ := m.Key("k1"); !reflect.DeepEqual(got, want) {
		t.Errorf("Key = %+v, want %+v", got, want)
	}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(text, []byte("ash")) {
		t.Errorf("the JSON form of a key shows its hash: %s", text)
	}
	if got := m.Keys("blog"); len(got) != 0 {
		t.Errorf("Keys of another project = %v", got)
	}
}

// BenchmarkAuthenticate is what every request pays before anything else.
func BenchmarkAuthenticate(b *testing.B) {
	recs := []eventlog.Record{project(1, "shop")}
	for i := range 1000 {
		recs = append(recs, key(uint64(i+2), fmt.Sprintf("k%d", i), "shop", fmt.Sprintf("dash_mfrggzdf_%043d0aB9xZ", i), 0, "*"))
	}
	m := fold(recs...)
	text := fmt.Sprintf("dash_mfrggzdf_%043d0aB9xZ", 500)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Authenticate(text, noon); err != nil {
			b.Fatal(err)
		}
	}
}
