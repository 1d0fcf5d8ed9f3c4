package faults_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/klauspost/compress/s2"

	"dashd/eventlog"
	"dashd/eventlog/block"
	"dashd/internal/dashdtest"
	"dashd/internal/kv"
)

// Every secret that the API takes or makes is planted, everything that shows something is read, the
// node is stopped and started, and then each of them is looked for in each file, each
// answer, each delivery and all that was logged: in clear, in base64 and in hex, also inside
// of what is compressed. It must be nowhere but in the one answer that made it.
func TestSecretsAreNowhere(t *testing.T) {
	g := &garden{t: t, node: newNode(shortDir(t)), secrets: map[string]*secret{}}
	target := httptest.NewServer(http.HandlerFunc(g.receive))
	defer target.Close()
	g.target = target.URL
	g.node.Env = []string{"DASHD_LOG_LEVEL=debug", "DASHD_OUTBOUND_ALLOW=" + strings.TrimPrefix(target.URL, "http://")}
	g.node.Start(t)
	g.secrets["the first API key"] = &secret{text: dashdtest.Key, files: []string{"first-key", theLog}} // printed once

	g.plantUsers()
	g.plantOrganization()
	g.plantDrains()
	g.plantMetadata()
	g.crowd()
	g.readEverything()
	g.stop()
	g.searchFiles()
	g.node.Start(t) // from its checkpoint
	g.readEverything()
	g.stop()
	g.searchFiles()
	g.searchAnswers()
	if n := len(g.secrets); n < 25 {
		t.Errorf("only %d secrets were planted", n)
	}
	if len(g.received) == 0 {
		t.Error("nothing was delivered")
	}
}

// secret is a value that must not be seen.
type secret struct {
	text  string
	made  map[int]bool // the answers that may show it: the one that made it
	files []string     // that hold it because that is what they are for
}

// theLog is what a node has printed, where searches are concerned.
const theLog = "the log"

// garden is a node in which secrets are planted.
type garden struct {
	t       *testing.T
	node    *dashdtest.Node
	target  string
	secrets map[string]*secret
	answers []answered
	logs    []string // of each start

	mu       sync.Mutex
	received [][]byte // bodies that log drains have sent
}

// answered is an answer of the node.
type answered struct {
	asked string
	text  []byte // header and body
}

func (g *garden) receive(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.received = append(g.received, body)
}

// plant makes a secret of its own under a name.
func (g *garden) plant(name string) string {
	g.t.Helper()
	text := fmt.Sprintf("Planted-%x-%d", []byte(name), len(g.secrets))
	g.secrets[name] = &secret{text: text}
	return text
}

// grown notes a secret that the last answer has made.
func (g *garden) grown(name, text string) {
	g.t.Helper()
	if len(text) < 8 {
		g.t.Fatalf("%s: the answer makes %q: %s", name, text, g.answers[len(g.answers)-1].text)
	}
	g.secrets[name] = &secret{text: text, made: map[int]bool{len(g.answers) - 1: true}}
}

// ask sends a request, and keeps the answer. Any status will do: a refusal must not show
// secrets either.
func (g *garden) ask(method, path, body string) (int, []byte) {
	g.t.Helper()
	req, err := http.NewRequest(method, g.node.URL+path, strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	req.Header.Set("X-Api-Key", dashdtest.Key)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	g.answers = append(g.answers, answered{method + " " + path, fmt.Appendf(nil, "%v\n%s", resp.Header, text)})
	return resp.StatusCode, text
}

// must is ask for what has to succeed. It returns the answer, if that is an object.
func (g *garden) must(method, path, body string) map[string]any {
	g.t.Helper()
	status, text := g.ask(method, path, body)
	if status != http.StatusOK && status != http.StatusCreated {
		g.t.Fatalf("%s %s %s: %d %s", method, path, body, status, text)
	}
	var v map[string]any
	_ = json.Unmarshal(text, &v) // a list is nothing that a caller looks into
	return v
}

// text is a member of an answer, down a path of names.
func text(v map[string]any, names ...string) string {
	for _, name := range names[:len(names)-1] {
		v, _ = v[name].(map[string]any)
	}
	s, _ := v[names[len(names)-1]].(string)
	return s
}

// plantUsers plants what belongs to users and keys.
func (g *garden) plantUsers() {
	g.t.Helper()
	user := g.must("POST", "/dash/user", fmt.Sprintf(`{"name":"Ada","email":"ada@example.com","password":%q}`, g.plant("a password")))
	id := text(user, "id")
	g.must("POST", "/dash/user/password", fmt.Sprintf(`{"userId":%q,"password":%q}`, id, g.plant("a new password")))
	g.ask("POST", "/dash/user/password", fmt.Sprintf(`{"userId":"nobody","password":%q}`, g.plant("the password of nobody")))
	g.ask("POST", "/dash/user", fmt.Sprintf(`{"name":"Ada","email":"no address","password":%q}`, g.plant("a refused password")))
	made := g.must("POST", "/dash/user", `{"name":"Bob","email":"bob@example.com","generatePassword":true}`)
	if generated := text(made, "generatedPassword"); generated != "" {
		g.grown("a generated password", generated)
	}

	enabled := g.must("POST", "/dash/user/2fa/enable", fmt.Sprintf(`{"userId":%q}`, id))
	g.grown("a TOTP secret", text(enabled, "secret"))
	g.grown("a TOTP secret in base32", text(enabled, "secretBase32"))
	g.codes("a backup code", enabled)
	g.must("GET", "/dash/user/2fa/totp-uri?userId="+id, "") // it is there to show the secret, too
	g.secrets["a TOTP secret"].made[len(g.answers)-1] = true
	g.secrets["a TOTP secret in base32"].made[len(g.answers)-1] = true
	g.codes("a new backup code", g.must("POST", "/dash/user/2fa/backup-codes/generate", fmt.Sprintf(`{"userId":%q}`, id)))
	g.ask("GET", "/dash/user/2fa/backup-codes?userId="+id, "")

	imitated := g.must("POST", "/dash/user/impersonate", fmt.Sprintf(`{"userId":%q,"impersonatedBy":%q}`, id, text(made, "id")))
	if token := text(imitated, "token"); token != "" {
		g.grown("the token of an impersonation", token)
	}
	key := g.must("POST", "/v1/keys", `{"name":"second","scopes":["events:read"]}`)
	g.grown("an API key", text(key, "key"))
}

func (g *garden) codes(name string, answer map[string]any) {
	g.t.Helper()
	codes, _ := answer["backupCodes"].([]any)
	if len(codes) == 0 {
		g.t.Fatalf("no backup codes: %v", answer)
	}
	for i, code := range codes {
		g.grown(fmt.Sprint(name, " ", i), code.(string))
	}
}

// organization is the id of the organization that everything belongs to.
func (g *garden) organization() string {
	g.t.Helper()
	_, list := g.ask("GET", "/dash/organizations?limit=1", "")
	var page struct{ Organizations []struct{ ID string } }
	if err := json.Unmarshal(list, &page); err != nil || len(page.Organizations) == 0 {
		g.t.Fatalf("%v in %s", err, list)
	}
	return page.Organizations[0].ID
}

// user is the id of a user.
func (g *garden) user() string {
	g.t.Helper()
	_, list := g.ask("GET", "/dash/users?limit=1", "")
	var page struct{ Users []struct{ ID string } }
	if err := json.Unmarshal(list, &page); err != nil || len(page.Users) == 0 {
		g.t.Fatalf("%v in %s", err, list)
	}
	return page.Users[0].ID
}

// plantOrganization plants what organizations configure, but for their drains.
func (g *garden) plantOrganization() {
	g.t.Helper()
	user := g.user()
	made := g.must("POST", "/dash/organization", fmt.Sprintf(`{"userId":%q,"name":"Acme","slug":"acme"}`, user))
	o := text(made, "id")
	g.must("POST", "/dash/organization/sso-provider", fmt.Sprintf(`{"organizationId":%q,"providerId":"oidc","domain":"acme.example",
		"protocol":"OIDC","userId":%q,"oidcConfig":{"clientId":"client-1","clientSecret":%q,"issuer":"https://idp.example.com",
		"authorizationEndpoint":"https://idp.example.com/authorize","tokenEndpoint":"https://idp.example.com/token",
		"jwksEndpoint":"https://idp.example.com/jwks"}}`, o, user, g.plant("a client secret")))
	g.must("PATCH", "/dash/organization/sso-provider", fmt.Sprintf(`{"organizationId":%q,"providerId":"oidc",
		"oidcConfig":{"clientId":"client-1","clientSecret":%q,"issuer":"https://idp.example.com",
		"authorizationEndpoint":"https://idp.example.com/authorize","tokenEndpoint":"https://idp.example.com/token",
		"jwksEndpoint":"https://idp.example.com/jwks"}}`, o, g.plant("a new client secret")))
	g.must("POST", "/dash/organization/sso-provider", fmt.Sprintf(`{"organizationId":%q,"providerId":"saml","domain":"saml.acme.example",
		"protocol":"SAML","userId":%q,"samlConfig":{"entityId":"https://idp.example.com/saml","entryPoint":"https://idp.example.com/saml/sso",
		"cert":"MIIC","privateKey":%q,"decryptionPvk":%q}}`, o, user, g.plant("a private key"), g.plant("a decryption key")))

	directory := g.must("POST", "/dash/organization/directory", fmt.Sprintf(`{"organizationId":%q,"providerId":"okta"}`, o))
	g.grown("a directory token", firstToken(directory))
	again := g.must("POST", "/dash/organization/directory/token", fmt.Sprintf(`{"organizationId":%q,"providerId":"okta"}`, o))
	g.grown("a new directory token", firstToken(again))
}

// firstToken is the token in the answer of a directory.
func firstToken(v map[string]any) string {
	for _, name := range []string{"scimToken", "token"} {
		if s := text(v, name); s != "" {
			return s
		}
		if s := text(v, "credential", name); s != "" {
			return s
		}
	}
	return ""
}

// plantDrains plants the configs of log drains.
func (g *garden) plantDrains() {
	g.t.Helper()
	o := g.organization()
	drain := func(destinationType, config string) string {
		g.t.Helper()
		return text(g.must("POST", "/dash/organization/log-drain", fmt.Sprintf(`{"organizationId":%q,"name":%q,"destinationType":%q,
			"eventTypes":["all"],"config":%s}`, o, destinationType, destinationType, config)), "id")
	}
	hook := drain("webhook", fmt.Sprintf(`{"url":%q,"headers":{"Authorization":"Bearer %s","X-Api-Key":%q},"secret":%q}`,
		g.target, g.plant("a header"), g.plant("a header with a key"), g.plant("a webhook secret")))
	drain("datadog", fmt.Sprintf(`{"apiKey":%q,"site":"datadog.invalid"}`, g.plant("a Datadog key")))
	drain("splunk", fmt.Sprintf(`{"hecEndpoint":"https://splunk.invalid","hecToken":%q}`, g.plant("a Splunk token")))
	g.must("PATCH", "/dash/organization/log-drain", fmt.Sprintf(`{"organizationId":%q,"logDrainId":%q,"config":{"url":%q,
		"headers":{"Authorization":"****","X-Api-Key":"****"},"secret":%q}}`, o, hook, g.target, g.plant("a new webhook secret")))
	g.must("POST", "/dash/organization/log-drain/test", fmt.Sprintf(`{"organizationId":%q,"logDrainId":%q}`, o, hook))
	g.must("POST", "/dash/organization/log-drain/test", fmt.Sprintf(`{"organizationId":%q,"destinationType":"datadog","config":{"apiKey":%q,"site":"datadog.invalid"}}`,
		o, g.plant("a Datadog key that is only tried")))
	g.ask("POST", "/dash/organization/log-drain", fmt.Sprintf(`{"organizationId":%q,"name":"x","destinationType":"splunk","eventTypes":[],
		"config":{"hecEndpoint":"nope","hecToken":%q}}`, o, g.plant("a refused Splunk token")))
}

// plantMetadata plants what applications should not have sent.
func (g *garden) plantMetadata() {
	g.t.Helper()
	o, user := g.organization(), g.user()
	g.must("POST", "/events/track", fmt.Sprintf(`{"eventType":"user_signed_in","eventKey":%q,"eventDisplayName":"Ada signed in",
		"eventData":{"userId":%q,"password":%q,"session":{"token":%q}}}`, user, user, g.plant("a tracked password"), g.plant("a tracked token")))
	g.must("POST", "/ingest/events", fmt.Sprintf(`{"type":"team.created","organizationId":%q,"metadata":{"teamName":"x","clientSecret":%q,"list":[{"Authorization":%q}]}}`,
		o, g.plant("an ingested secret"), g.plant("an ingested header")))
	g.must("POST", "/ingest/studio", fmt.Sprintf(`{"events":[{"type":"user.logged_in","userId":%q,"metadata":{"accessToken":%q,"otp":%q,"name":"Ada"}}]}`,
		user, g.plant("a studio token"), g.plant("a studio code")))
}

// crowd appends so many events that the node takes a checkpoint when it stops.
func (g *garden) crowd() {
	g.t.Helper()
	g.must("POST", "/ingest/events", "["+strings.Repeat(`{"type":"custom.noise"},`, 1<<16)+`{"type":"custom.noise"}]`)
}

// readEverything asks for all that shows something.
func (g *garden) readEverything() {
	g.t.Helper()
	o, user := g.organization(), g.user()
	for _, path := range []string{
		"/dash/users?limit=100", "/dash/user?userId=" + user, "/dash/export-users", "/dash/sessions?limit=100", "/dash/list-all-sessions",
		"/dash/organizations", "/dash/organization?organizationId=" + o, "/dash/export-organizations", "/dash/user-organizations?userId=" + user,
		"/dash/organization/members?organizationId=" + o, "/dash/organization/teams?organizationId=" + o,
		"/dash/organization/invitations?organizationId=" + o, "/dash/organization/sso-providers?organizationId=" + o,
		"/dash/organization/directories?organizationId=" + o, "/dash/organization/directory?organizationId=" + o + "&providerId=okta",
		"/dash/organization/log-drains?organizationId=" + o,
		"/events/list?limit=100", "/events/audit-logs?limit=100&userId=" + user, "/events/all-audit-logs?limit=100",
		"/events/user?userId=" + user, "/events/organization?organizationId=" + o, "/events/activity?organizationIds=" + o,
		"/v1/events?limit=1000", "/api/events?limit=1000", "/v1/events/stats", "/v1/keys", "/v1/projects", "/v1/status", "/api/auth/jwks",
		"/v1/events?limit=1000&q=Planted",
	} {
		if status, body := g.ask("GET", path, ""); status != http.StatusOK {
			g.t.Errorf("GET %s: %d %s", path, status, body)
		}
	}
	resp, err := g.node.Client().Get("http://dashd/v1/events?limit=1000&project=" + eventlog.ReservedProject)
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		g.t.Fatalf("the trail: %s %v", body, err)
	}
	g.answers = append(g.answers, answered{"the node's own trail", body})
}

// stop stops the node in good order.
func (g *garden) stop() {
	g.t.Helper()
	g.node.Signal(g.t, syscall.SIGTERM)
	if err := g.node.Err(); err != nil {
		g.t.Errorf("the node ended with %v", err)
	}
	g.logs = append(g.logs, g.node.Output())
}

// searchFiles looks into everything in the data directory.
func (g *garden) searchFiles() {
	g.t.Helper()
	err := filepath.WalkDir(g.node.Dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(g.node.Dir, path)
		g.search("the file "+name, name, -1, withoutHoles(content))
		return err
	})
	if err != nil {
		g.t.Fatal(err)
	}
	g.searchDatabase()
}

// withoutHoles leaves out pages of zeros: databases reserve much more than they fill.
func withoutHoles(content []byte) []byte {
	var page [4096]byte
	var kept []byte
	for len(content) > 0 {
		n := min(len(content), len(page))
		if !bytes.Equal(content[:n], page[:n]) {
			kept = append(kept, content[:n]...)
		}
		content = content[n:]
	}
	return kept
}

// searchDatabase looks into what is compressed: blocks, and parts of checkpoints. The blocks in
// raft.db are the same.
func (g *garden) searchDatabase() {
	g.t.Helper()
	db, err := kv.Open(filepath.Join(g.node.Dir, "events"), kv.Options{MinFree: 1})
	if err != nil {
		g.t.Fatal(err)
	}
	blocks, parts := 0, 0
	err = db.Scan(nil, nil, func(key, val []byte) (bool, error) {
		at := fmt.Sprintf("the value of %q", key)
		g.search(at, "", -1, val)
		switch {
		case bytes.HasPrefix(key, kv.PrefixBlock):
			blocks++
			return true, g.searchBlock(val)
		case bytes.HasPrefix(key, kv.ImageKey(nil)):
			if raw, err := s2.Decode(nil, val); err == nil {
				parts++
				g.search(at, "", -1, raw)
			}
		}
		return true, nil
	})
	if err != nil {
		g.t.Fatal(err)
	}
	if blocks == 0 || parts == 0 {
		g.t.Errorf("%d blocks and %d parts of checkpoints were searched", blocks, parts)
	}
	if err := db.Close(); err != nil {
		g.t.Fatal(err)
	}
}

func (g *garden) searchBlock(raw []byte) error {
	b, err := block.Open(bytes.Clone(raw))
	if err != nil {
		return err
	}
	var all []byte
	err = b.Each(1, func(r *eventlog.Record) error {
		o := &r.Origin
		for _, text := range []string{
			r.ID, string(r.Type), r.UserID, r.SessionID, r.OrganizationID, r.ActorID, r.Key, r.IPAddress, r.UserAgent,
			r.City, r.Region, r.Country, r.Message, o.Type, o.DisplayName, o.RawIP, string(r.Metadata), string(r.Sealed),
		} {
			all = append(append(all, text...), '\n')
		}
		return nil
	})
	g.search("an event", "", -1, all)
	return err
}

// searchAnswers looks into what went out: answers, deliveries, logs.
func (g *garden) searchAnswers() {
	for i, a := range g.answers {
		g.search("the answer to "+a.asked, "", i, a.text)
	}
	g.mu.Lock()
	for _, body := range g.received {
		g.search("a delivery", "", -1, body)
	}
	g.mu.Unlock()
	for _, log := range g.logs {
		g.search(theLog, theLog, -1, []byte(log))
	}
}

// search reports the secrets in a content. file is its name, and answer its number, if it is one.
func (g *garden) search(where, file string, answer int, content []byte) {
	g.t.Helper()
	lower := bytes.ToLower(content)
	for name, s := range g.secrets {
		if s.made[answer] || contains(s.files, file) {
			continue
		}
		for form, needle := range formsOf(s.text) {
			in := content
			if strings.HasPrefix(form, "hex") {
				in = lower
			}
			if bytes.Contains(in, []byte(needle)) {
				g.t.Errorf("%s (%s) is in %s, %s", name, s.text, where, form)
			}
		}
	}
}

func contains(list []string, s string) bool {
	for _, e := range list {
		if e == s && s != "" {
			return true
		}
	}
	return false
}

// formsOf are the texts by which a secret can be recognized. Within a longer text its base64 begins at
// any of three places.
func formsOf(text string) map[string]string {
	forms := map[string]string{"in clear": text, "hex": hex.EncodeToString([]byte(text))}
	for skip := range 3 {
		for name, e := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64url": base64.RawURLEncoding} {
			encoded := e.EncodeToString(append(make([]byte, skip), text...))
			// Without what depends on what stands before and behind.
			begin, end := (skip*8+5)/6, len(encoded)-1
			forms[fmt.Sprint(name, " at ", skip)] = encoded[begin:end]
		}
	}
	return forms
}

// The search itself has to find what is there.
func TestTheSearchFindsSecrets(t *testing.T) {
	const planted = "Planted-secret-1"
	for _, text := range []string{
		planted, hex.EncodeToString([]byte("x" + planted + "y")), strings.ToUpper(hex.EncodeToString([]byte(planted))),
		base64.StdEncoding.EncodeToString([]byte(planted)), base64.StdEncoding.EncodeToString([]byte("a" + planted + "zz")),
		base64.URLEncoding.EncodeToString([]byte("ab" + planted)), base64.StdEncoding.EncodeToString([]byte("abc" + planted + "q")),
	} {
		found := false
		for form, needle := range formsOf(planted) {
			found = found || strings.Contains(text, needle) || strings.HasPrefix(form, "hex") && strings.Contains(strings.ToLower(text), needle)
		}
		if !found {
			t.Errorf("not found in %s", text)
		}
	}
}
