package display_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"dashd/eventlog"
	"dashd/internal/display"
)

// contractCase is one line of testdata/templates.json.
type contractCase struct {
	Name  string
	Event struct {
		Type, Status              string
		UserID, IPAddress, Source string
		OrganizationID            string
		Metadata                  json.RawMessage
	}
	Message, Severity string
}

func contractCases(t testing.TB) []contractCase {
	t.Helper()
	text, err := os.ReadFile("testdata/templates.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []contractCase
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) != 446 {
		t.Fatalf("templates.json has %d cases, want 446", len(cases))
	}
	return cases
}

func (c *contractCase) event(t testing.TB) *eventlog.Event {
	t.Helper()
	e := &eventlog.Event{
		Type:           eventlog.Type(c.Event.Type),
		Status:         eventlog.DefaultStatus(c.Event.Type),
		UserID:         c.Event.UserID,
		OrganizationID: c.Event.OrganizationID,
	}
	e.Metadata, e.IPAddress = c.Event.Metadata, c.Event.IPAddress
	if c.Event.Status != "" {
		var ok bool
		if e.Status, ok = eventlog.ParseStatus(c.Event.Status); !ok {
			t.Fatalf("%s: unknown status %q", c.Name, c.Event.Status)
		}
	}
	return e
}

func TestContractTemplates(t *testing.T) {
	seen := map[eventlog.Type]bool{}
	var teller display.Teller
	for _, c := range contractCases(t) {
		e := c.event(t)
		seen[e.Type] = true
		t.Run(c.Name, func(t *testing.T) {
			message, severity := display.Of(e)
			if message != c.Message || severity.String() != c.Severity {
				t.Errorf("Of\n got %q, %s\nwant %q, %s", message, severity, c.Message, c.Severity)
			}
			if told, sev := teller.Of(e); told != message || sev != severity {
				t.Errorf("a teller says %q, %s", told, sev)
			}
			if got := display.Message(e); got != c.Message {
				t.Errorf("Message = %q, want %q", got, c.Message)
			}
		})
	}
	for _, typ := range eventlog.Types() {
		if !seen[typ] {
			t.Errorf("templates.json has no case for %s", typ)
		}
	}
}

func TestMessageReadsMetadata(t *testing.T) {
	tests := []struct {
		name     string
		typ      eventlog.Type
		metadata string
		want     string
	}{
		{"spaces are text", eventlog.UserJoined, `{"name":"  "}`, "   joined!"},
		{"escapes are undone", eventlog.UserJoined, `{"na\u006de":"Z\u00eb \"\ud83d\ude00\""}`, `Zë "😀" joined!`},
		{"a number is text", eventlog.UserJoined, `{"name":-7.50}`, "-7.5 joined!"},
		{"zero is missing", eventlog.UserJoined, `{"name":0.0,"email":"a@x.io"}`, "a@x.io joined!"},
		{"null and arrays are missing", eventlog.UserJoined, `{"name":null,"email":["a@x.io"]}`, "User joined!"},
		{"a nested name is not the name", eventlog.UserJoined, `{"user":{"name":"Eve"},"x":[{"name":"Eve"}]}`, "User joined!"},
		{"of a repeated key the last counts", eventlog.UserJoined, `{"name":"A","name":"B"}`, "B joined!"},
		{"control characters do not get out", eventlog.UserJoined, `{"name":"A\nlice\u0085\t"}`, "A\ufffdlice\ufffd\t joined!"},
		{"unknown is a name where the studio's keys are read", eventlog.UserJoined, `{"name":"unknown"}`, "unknown joined!"},
		{"unknown is missing where the dash plugin's are", eventlog.UserJoined, `{"userName":"unknown","userEmail":"unknown"}`, "User joined!"},
		{"the studio's keys come first", eventlog.UserJoined, `{"userName":"Dash","name":"Studio"}`, "Studio joined!"},
		{"the first word is behind spaces", eventlog.OrganizationCreated, `{"organizationName":"Acme","name":" \t Ada Lovelace"}`, `New organization "Acme" created by Ada`},
		{"a name of spaces has no first word", eventlog.OrganizationCreated, `{"organizationName":"Acme","name":"  ","email":"a@x.io"}`, `New organization "Acme" created by a@x.io`},
		{"nobody created it", eventlog.OrganizationCreated, `{"organizationName":"Acme","userName":"unknown"}`, `New organization "Acme" created`},
		{"a new address", eventlog.UserEmailChanged, `{"name":"Ada","newEmail":"b@x.io"}`, "Ada changed email to b@x.io"},
		{"no new address", eventlog.UserEmailChanged, `{"name":"Ada","newEmail":""}`, "Ada changed email"},
		{"a type without a template", "custom.thing.happened", `{"name":"Ada"}`, "custom.thing.happened"},
		{"new backup codes", eventlog.TwoFactorBackupCodesGenerated, `{"userName":"Ada"}`, "New backup codes generated for Ada"},
		{"a provider", eventlog.SSOProviderCreated, `{"providerId":"okta","organizationName":"Acme"}`, `SSO provider "okta" added to Acme`},
		{"its domain", eventlog.SSOProviderDomainVerified, `{"providerId":"okta","domain":"acme.example"}`, `Domain acme.example of SSO provider "okta" verified`},
		{"a directory", eventlog.DirectoryUnpaired, `{"providerId":"scim","organizationName":"Acme"}`, `Directory "scim" of Acme unpaired`},
		{"a drain", eventlog.DashdDrainSuspended, `{"drainName":"SIEM","organizationName":"Acme"}`, `Log drain "SIEM" of Acme suspended`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := &eventlog.Event{Type: tt.typ}
			e.Metadata = []byte(tt.metadata)
			if got := display.Message(e); got != tt.want {
				t.Errorf("Message = %q, want %q", got, tt.want)
			}
		})
	}
}

// dashd's own events name the thing and the operator, and nothing that is secret.
func TestOwnEvents(t *testing.T) {
	tests := []struct {
		name     string
		typ      eventlog.Type
		status   eventlog.Status
		actor    string
		metadata string
		want     string
	}{
		{"a project", eventlog.DashdProjectCreated, eventlog.Success, "mfrggzdf", `{"projectId":"shop","name":"Web shop"}`, `Project "shop" created by mfrggzdf`},
		{"a project of nobody", eventlog.DashdProjectCreated, eventlog.Success, "", `{"projectId":"shop"}`, `Project "shop" created`},
		{"a key with a name", eventlog.DashdKeyCreated, eventlog.Success, "bootstrap", `{"keyId":"mfrggzdf","projectId":"shop","name":"web","scopes":["*"],"hash":"00"}`, `API key "web" created for project "shop" by bootstrap`},
		{"a key without", eventlog.DashdKeyCreated, eventlog.Success, "admin-socket", `{"keyId":"mfrggzdf","projectId":"shop","scopes":["*"],"hash":"00"}`, `API key "mfrggzdf" created for project "shop" by admin-socket`},
		{"a revoked key", eventlog.DashdKeyRevoked, eventlog.Success, "admin-socket", `{"keyId":"mfrggzdf","projectId":"shop"}`, `API key "mfrggzdf" of project "shop" revoked by admin-socket`},
		{"a signing key", eventlog.DashdSigningKeyCreated, eventlog.Success, "bootstrap", `{"kid":"k1","alg":"EdDSA","public":"AA"}`, `Signing key "k1" created by bootstrap`},
		{"a token", eventlog.DashdTokenUsed, eventlog.Success, "mfrggzdf", `{}`, `One-time token used by mfrggzdf`},
		{"a geo database", eventlog.DashdGeoLoaded, eventlog.Success, "geo", `{"nodeId":"n1","databaseType":"GeoLite2-City"}`, `Geo database GeoLite2-City loaded by node n1`},
		{"a bad geo database", eventlog.DashdGeoRejected, eventlog.Success, "geo", `{"nodeId":"n1","reason":"it is not a file"}`, `Geo database rejected by node n1: it is not a file`},
		{"a command without effect", eventlog.DashdCommandUnneeded, eventlog.Success, "mfrggzdf", `{"triggeredBy":"mfrggzdf"}`, `Command without effect by mfrggzdf`},
		{"a rebuild", eventlog.DashdProjectionRebuild, eventlog.Success, "admin-socket", `{"projection":"dash"}`, `Rebuild of the projection dash asked for by admin-socket`},
		{"a cluster", eventlog.DashdClusterCreated, eventlog.Success, "bootstrap", `{"clusterId":"c1","certificate":"AA=="}`, `Cluster c1 created by bootstrap`},
		{"a join token", eventlog.DashdJoinTokenCreated, eventlog.Success, "admin-socket", `{"tokenId":"t1","hash":"00"}`, `Join token t1 created by admin-socket`},
		{"a node", eventlog.DashdNodeJoined, eventlog.Success, "join-token", `{"nodeId":"n2","address":"10.0.0.2:8788"}`, `Node n2 joined at 10.0.0.2:8788`},
		{"a node that moved", eventlog.DashdNodeMoved, eventlog.Success, "n2", `{"nodeId":"n2","address":"10.0.0.3:8788"}`, `Node n2 moved to 10.0.0.3:8788`},
		{"a node that was removed", eventlog.DashdNodeRemoved, eventlog.Success, "admin-socket", `{"nodeId":"n2"}`, `Node n2 removed by admin-socket`},
		{"the lead", eventlog.DashdLeadershipTransferred, eventlog.Success, "mfrggzdf", `{"nodeId":"n1","to":"n2"}`, `Leadership of node n1 given away by mfrggzdf, to n2`},
		{"the lead, to any", eventlog.DashdLeadershipTransferred, eventlog.Success, "", `{"nodeId":"n1"}`, `Leadership of node n1 given away`},
		{"a refused request", eventlog.DashdRequestRefused, eventlog.Failed, "", `{"method":"GET","route":"/v1/keys","reason":"wrong_key"}`, `Request GET /v1/keys refused: wrong_key`},
		{"refused requests", eventlog.DashdRequestRefusals, eventlog.Failed, "", `{"source":"2001:db8::/64","refused":480}`, `480 more requests refused from 2001:db8::/64`},
		{"refused requests from everywhere", eventlog.DashdRequestRefusals, eventlog.Failed, "", `{"sources":7,"refused":480}`, `480 more requests refused`},
		{"what failed", eventlog.DashdProjectCreated, eventlog.Failed, "mfrggzdf", `{"projectId":"shop"}`, `Failed to create project "shop"`},
		{"what was erased", eventlog.DashdKeyCreated, eventlog.Success, "", ``, `API key "key" created for project "project"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := &eventlog.Event{Type: tt.typ, Status: tt.status, ActorID: tt.actor}
			e.Metadata = []byte(tt.metadata)
			if got := display.Message(e); got != tt.want {
				t.Errorf("Message = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestOf(t *testing.T) {
	tests := []struct {
		name     string
		typ      eventlog.Type
		status   eventlog.Status
		received string // origin.type
		message  string
		shown    eventlog.Severity

		wantMessage  string
		wantSeverity eventlog.Severity
		kept         string // what Keep stores
	}{
		{
			name: "the producer's message and severity win",
			typ:  eventlog.UserJoined, message: "Welcome, Ada", shown: eventlog.SeverityWarning,
			wantMessage: "Welcome, Ada", wantSeverity: eventlog.SeverityWarning, kept: "Welcome, Ada",
		},
		{
			name: "without them the template and the rule apply",
			typ:  eventlog.UserJoined, wantMessage: "Ada joined!", wantSeverity: eventlog.SeveritySuccess,
		},
		{
			name: "the template's own message is not stored",
			typ:  eventlog.UserJoined, message: "Ada joined!",
			wantMessage: "Ada joined!", wantSeverity: eventlog.SeveritySuccess,
		},
		{
			name: "the type is no message",
			typ:  eventlog.UserJoined, message: "user.joined",
			wantMessage: "Ada joined!", wantSeverity: eventlog.SeveritySuccess,
		},
		{
			name: "the type as received is no message",
			typ:  eventlog.UserJoined, received: "user_created", message: "user_created",
			wantMessage: "Ada joined!", wantSeverity: eventlog.SeveritySuccess,
		},
		{
			name: "a known defect is computed again",
			typ:  eventlog.OrganizationCreated, message: `New organization "Acme" created by undefined`,
			wantMessage: `New organization "Organization" created by Ada`, wantSeverity: eventlog.SeveritySuccess,
		},
		{
			name: "the other known defect is computed again",
			typ:  eventlog.OrganizationCreated, message: `New organization "Acme" created by `,
			wantMessage: `New organization "Organization" created by Ada`, wantSeverity: eventlog.SeveritySuccess,
		},
		{
			name: "other types may say undefined",
			typ:  eventlog.TeamCreated, message: "created by undefined",
			wantMessage: "created by undefined", wantSeverity: eventlog.SeveritySuccess, kept: "created by undefined",
		},
		{
			name: "an unknown type keeps its message", typ: "custom.invoice_paid", message: "Invoice 7 paid",
			wantMessage: "Invoice 7 paid", wantSeverity: eventlog.SeverityInfo, kept: "Invoice 7 paid",
		},
		{
			name: "a failure is shown as the producer asked",
			typ:  eventlog.UserLoggedIn, status: eventlog.Failed, shown: eventlog.SeverityInfo,
			wantMessage: "Ada failed to login", wantSeverity: eventlog.SeverityInfo,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := &eventlog.Event{Type: tt.typ, Status: tt.status, Shown: tt.shown}
			e.Message, e.Metadata, e.Origin.Type = tt.message, []byte(`{"name":"Ada"}`), tt.received
			for _, stage := range []string{"as received", "as kept"} {
				message, severity := display.Of(e)
				if message != tt.wantMessage || severity != tt.wantSeverity {
					t.Errorf("%s: Of = %q, %s; want %q, %s", stage, message, severity, tt.wantMessage, tt.wantSeverity)
				}
				if told, sev := new(display.Teller).Of(e); told != message || sev != severity {
					t.Errorf("%s: a teller says %q, %s", stage, told, sev)
				}
				display.Keep(e)
				if e.Message != tt.kept {
					t.Errorf("%s: Keep leaves %q, want %q", stage, e.Message, tt.kept)
				}
			}
		})
	}
}

// Whatever the metadata: a sentence is clean text, and sent back as the
// producer's own message it is recognised and not stored.
func FuzzMessage(f *testing.F) {
	types := eventlog.Types()
	f.Add(`{"name":"Ada","email":"a@x.io"}`, 0, false)
	f.Add(`{"organizationName":"Acme \u0000","name":"  "}`, 10, true)
	f.Fuzz(func(t *testing.T, metadata string, n int, failed bool) {
		e := &eventlog.Event{Type: types[uint(n)%uint(len(types))], UserID: "u1"}
		e.Metadata = []byte(metadata)
		if failed {
			e.Status = eventlog.Failed
		}
		message := display.Message(e)
		if message == "" || !utf8.ValidString(message) {
			t.Fatalf("Message of %s %q = %q", e.Type, metadata, message)
		}
		for _, r := range message {
			if unicode.IsControl(r) && r != '\t' {
				t.Fatalf("Message of %s %q = %q", e.Type, metadata, message)
			}
		}
		if e.Message = message; strings.HasSuffix(message, "undefined") {
			return
		}
		if display.Keep(e); e.Message != "" {
			t.Errorf("Keep stores the template's own %q", message)
		}
	})
}

func BenchmarkMessage(b *testing.B) {
	e := &eventlog.Event{Type: eventlog.UserLoggedIn, UserID: "u1"}
	e.Metadata = []byte(`{"userId":"dGOJq3gGmB1k0sQ2","userName":"Ada Lovelace","userEmail":"ada@example.com",` +
		`"sessionId":"9P1pS2bX7c","loginMethod":"email","userAgent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 ` +
		`(KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36","triggeredBy":"dGOJq3gGmB1k0sQ2","triggerContext":"user"}`)
	b.ReportAllocs()
	for b.Loop() {
		display.Message(e)
	}
}

func BenchmarkTeller(b *testing.B) {
	e := &eventlog.Event{Type: eventlog.UserLoggedIn, UserID: "u1"}
	e.Metadata = []byte(`{"userId":"dGOJq3gGmB1k0sQ2","userName":"Ada Lovelace","userEmail":"ada@example.com",` +
		`"sessionId":"9P1pS2bX7c","loginMethod":"email","triggeredBy":"dGOJq3gGmB1k0sQ2","triggerContext":"user"}`)
	var teller display.Teller
	b.ReportAllocs()
	for b.Loop() {
		teller.Of(e)
	}
}

func BenchmarkKeep(b *testing.B) {
	e := &eventlog.Event{Type: eventlog.UserJoined, UserID: "u1"}
	e.Metadata = []byte(`{"email":"ada@example.com","name":"Ada Lovelace"}`)
	b.ReportAllocs()
	for b.Loop() {
		e.Message = "Ada Lovelace joined!"
		display.Keep(e)
	}
}
