package e2e_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"dashd/internal/credential"
)

// A password that dashd has stored is one that Better Auth accepts, and the URI of a second
// factor is the one that Better Auth writes.
func TestBetterAuthReadsWhatDashdStores(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT RUN with -short: this test starts Node.js")
	}
	const password = "pa\u0301sswörd \ufb01"
	secret := credential.NewTOTPSecret()
	asked, err := json.Marshal(map[string]string{"hash": credential.HashPassword(password), "password": password, "secret": secret})
	if err != nil {
		t.Fatal(err)
	}
	const script = `
		import { verifyPassword } from "better-auth/crypto";
		import { createOTP } from "@better-auth/utils/otp";
		let text = "";
		for await (const piece of process.stdin) text += piece;
		const { hash, password, secret } = JSON.parse(text);
		console.log(JSON.stringify({
			right: await verifyPassword({ hash, password }),
			wrong: await verifyPassword({ hash, password: password + "x" }),
			uri: createOTP(secret, { digits: 6, period: 30 }).url("Acme", "ada+x@example.com"),
		}));`
	cmd := exec.CommandContext(t.Context(), "node", "--input-type=module", "-e", script)
	cmd.Dir, cmd.Stdin = exampleDir(t), bytes.NewReader(asked)
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("%v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	var said struct {
		Right, Wrong bool
		URI          string
	}
	decode(t, out, &said)
	if !said.Right || said.Wrong {
		t.Errorf("verifyPassword: the password %v, another %v", said.Right, said.Wrong)
	}
	if want := credential.TOTPURI(secret, "Acme", "ada+x@example.com"); said.URI != want {
		t.Errorf("URI\n  dashd's %s\n theirs %s", want, said.URI)
	}
}

// An unmodified application accepts the token that dashd makes for somebody who is to be one
// of its users.
func TestApplicationAcceptsAnImpersonator(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT RUN with -short: this test starts Node.js and takes several seconds")
	}
	node := newDashd(t)
	proxy := newRecorder(t, node.url(""))
	app := startApp(t, proxy.URL)
	signedUp := struct{ User struct{ ID string } }{}
	decode(t, post(t, app.url+"/api/auth/sign-up/email", "", map[string]string{
		"name": "Ada", "email": "ada@example.com", "password": "correct horse",
	}), &signedUp)
	proxy.tracked(t, 4) // until dashd knows of her

	node.Env = append(node.Env, "DASHD_TRUSTED_ORIGINS="+app.url)
	node.restart(t, syscall.SIGTERM)
	var made struct{ Token, RedirectURL string }
	decode(t, post(t, node.url("/dash/user/impersonate"), apiKey, map[string]string{
		"userId": signedUp.User.ID, "impersonatedBy": "operator-7", "redirectUrl": app.url + "/home",
	}), &made)

	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Get(app.url + "/api/auth/dash/impersonate-user?impersonation_token=" + made.Token)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusFound || res.Header.Get("Location") != app.url+"/home" || len(res.Cookies()) == 0 {
		t.Fatalf("%d to %q, %d cookies: %s", res.StatusCode, res.Header.Get("Location"), len(res.Cookies()), body)
	}
	var cookies []string
	for _, c := range res.Cookies() {
		cookies = append(cookies, c.Name+"="+c.Value)
	}
	session := struct {
		User    struct{ ID string }
		Session struct{ ImpersonatedBy string }
	}{}
	browser := reader{base: app.url, header: http.Header{"Cookie": {strings.Join(cookies, "; ")}}}
	decode(t, browser.get(t, "/api/auth/get-session", http.StatusOK), &session)
	if session.User.ID != signedUp.User.ID || session.Session.ImpersonatedBy != "operator-7" {
		t.Errorf("the session is %+v", session)
	}
}

// post sends JSON and returns the answer, which must be 200.
func post(t *testing.T, url, key string, body any) []byte {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if key != "" {
		req.Header.Set("X-Api-Key", key)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK {
		t.Fatalf("POST %s: %d %s", url, res.StatusCode, answer)
	}
	return answer
}
