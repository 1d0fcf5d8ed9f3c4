package commands_test

import (
	"encoding/hex"
	"encoding/json"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"dashd/eventlog"
	"dashd/internal/commands"
	"dashd/projections"
)

// tokenOf checks a token's signature by the key set that applications fetch, and returns
// its claims.
func (w *town) tokenOf(token string) map[string]any {
	w.t.Helper()
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(w.access.Image().JWKS(), &set); err != nil {
		w.t.Fatal(err)
	}
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil {
		w.t.Fatal(err)
	}
	keys := set.Key(signed.Signatures[0].Header.KeyID)
	if len(keys) != 1 {
		w.t.Fatalf("%d keys of the set have the token's kid", len(keys))
	}
	text, err := signed.Verify(keys[0])
	if err != nil {
		w.t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(text, &claims); err != nil {
		w.t.Fatal(err)
	}
	return claims
}

func TestImpersonation(t *testing.T) {
	w := newTown(t)
	if _, err := w.Bootstrap(t.Context(), commands.Bootstrap{}); err != nil {
		t.Fatal(err)
	}
	key := w.mustCreateKey(socket, commands.KeyCreate{Project: "shop", Scopes: []string{"*"}})
	other := w.mustCreateKey(socket, commands.KeyCreate{Project: "shop", Scopes: []string{"events:write"}})
	call := inShop
	call.By = w.principal(key.Text)

	head := w.log.Head()
	cmd := commands.UserImpersonate{UserID: w.ada, Reason: "ticket 7", Lifetime: 600, RedirectURL: "https://app.example.com/"}
	_, did, err := w.Impersonate(t.Context(), call, cmd)
	w.did(head, err, eventlog.SessionCreated, eventlog.UserImpersonated)
	s := did.Session
	if s.UserID != w.ada || s.ImpersonatedBy != "op1" || s.LoginMethod != "impersonation" ||
		s.CreatedAt != projections.Time(noon) || s.ExpiresAt != projections.Time(noon+600_000) {
		t.Errorf("session %+v", s)
	}
	if m := w.last(eventlog.UserImpersonated); m["impersonatedBy"] != "op1" || m["impersonatedById"] != "op1" || m["reason"] != "ticket 7" || m["sessionId"] != s.ID {
		t.Errorf("the event says %v", m)
	}
	hash := projections.HashKey(key.Text)
	claims := w.tokenOf(did.Token)
	for name, want := range map[string]any{
		"userId": w.ada, "redirectUrl": cmd.RedirectURL, "impersonatedBy": "op1", "sessionId": s.ID,
		"apiKeyHash": hex.EncodeToString(hash[:]), "iat": float64(noon / 1000), "exp": float64(noon/1000 + 60),
	} {
		if claims[name] != want {
			t.Errorf("claim %s is %v, want %v", name, claims[name], want)
		}
	}
	if jti, _ := claims["jti"].(string); len(jti) != 32 {
		t.Errorf("jti %q", jti)
	}

	// By another user, for an application with another key, for less than a token lives.
	_, did, err = w.Impersonate(t.Context(), call, commands.UserImpersonate{UserID: w.ada, By: w.bob, Lifetime: 30, KeyID: other.ID})
	if err != nil {
		t.Fatal(err)
	}
	hash, claims = projections.HashKey(other.Text), w.tokenOf(did.Token)
	if claims["apiKeyHash"] != hex.EncodeToString(hash[:]) || claims["impersonatedBy"] != w.bob || claims["exp"] != float64(noon/1000+30) {
		t.Errorf("claims %v", claims)
	}
	if m := w.last(eventlog.UserImpersonated); m["impersonatedBy"] != "Bob" || m["impersonatedById"] != w.bob {
		t.Errorf("the event says %v", m)
	}

	head = w.log.Head()
	_, err = w.RevokeSession(t.Context(), inShop, commands.SessionRevoke{ID: did.Session.ID})
	w.did(head, err, eventlog.SessionRevoked, eventlog.UserImpersonationStopped)
	head = w.log.Head()
	_, err = w.RevokeAllSessions(t.Context(), inShop, w.ada)
	w.did(head, err, eventlog.SessionRevokedAll, eventlog.UserImpersonationStopped)
	if m := w.last(eventlog.UserImpersonationStopped); m["impersonatedBy"] != "op1" || m["sessionId"] != s.ID {
		t.Errorf("the event says %v", m)
	}
}

// The operator of the machine has no key of his own.
func TestImpersonationByTheOperator(t *testing.T) {
	w := newTown(t)
	if _, err := w.Bootstrap(t.Context(), commands.Bootstrap{}); err != nil {
		t.Fatal(err)
	}
	cmd := commands.UserImpersonate{UserID: w.ada, Lifetime: 600}
	_, did, err := w.Impersonate(t.Context(), inShop, cmd)
	if err != nil {
		t.Fatal(err)
	}
	if _, given := w.tokenOf(did.Token)["apiKeyHash"]; given {
		t.Error("a project without keys has a token for one")
	}
	gone := w.mustCreateKey(socket, commands.KeyCreate{Project: "shop", Scopes: []string{"events:write"}})
	if _, err := w.RevokeKey(t.Context(), socket, commands.KeyRevoke{ID: gone.ID}); err != nil {
		t.Fatal(err)
	}
	good := w.mustCreateKey(socket, commands.KeyCreate{Project: "shop", Scopes: []string{"events:write"}})
	w.mustCreateKey(socket, commands.KeyCreate{Project: "blog", Scopes: []string{"events:write"}})
	if _, did, err = w.Impersonate(t.Context(), inShop, cmd); err != nil {
		t.Fatal(err)
	}
	if hash := projections.HashKey(good.Text); w.tokenOf(did.Token)["apiKeyHash"] != hex.EncodeToString(hash[:]) {
		t.Error("the token is not for the project's key")
	}
	cmd.KeyID = gone.ID
	if _, _, err := w.Impersonate(t.Context(), inShop, cmd); err == nil {
		t.Error("a token is for a key that was revoked")
	}
}

func TestRepeatedImpersonationFindsItsSession(t *testing.T) {
	w := newTown(t)
	if _, err := w.Bootstrap(t.Context(), commands.Bootstrap{}); err != nil {
		t.Fatal(err)
	}
	cmd := commands.UserImpersonate{UserID: w.ada, Lifetime: 600}
	_, first, err := w.Impersonate(t.Context(), once("k", "be ada"), cmd)
	if err != nil {
		t.Fatal(err)
	}
	done, again, err := w.Impersonate(t.Context(), once("k", "be ada"), cmd)
	if err != nil || !done.Repeat || again.Session != first.Session || w.tokenOf(again.Token)["sessionId"] != first.Session.ID {
		t.Errorf("the repeat: %+v, %v", again.Session, err)
	}
	if _, err := w.RevokeAllSessions(t.Context(), inShop, w.ada); err != nil {
		t.Fatal(err)
	}
	if _, again, err = w.Impersonate(t.Context(), once("k", "be ada"), cmd); err == nil || again.Token != "" {
		t.Errorf("a token for a session that has ended: %v", err)
	}
}
