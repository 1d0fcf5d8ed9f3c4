package commands_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"dashd/eventlog"
	"dashd/internal/commands"
	"dashd/internal/seal"
)

// factorBox opens the box of a user's second factor.
func (w *town) factorBox(userID string) (f struct {
	Secret                string
	BackupCodes, Viewable []string
},
) {
	w.t.Helper()
	row, _ := w.tables().TwoFactor(userID)
	text, err := sealer.Open(seal.Object{Class: seal.TwoFactor, Project: "shop", ID: userID}, row.Sealed)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := json.Unmarshal(text, &f); err != nil {
		w.t.Fatal(err)
	}
	return f
}

func TestLifeOfASecondFactor(t *testing.T) {
	w := newTown(t)
	ctx := t.Context()
	head := w.log.Head()
	done, made, err := w.EnableTwoFactor(ctx, once("k", "enable"), commands.TwoFactorEnable{UserID: w.ada})
	w.did(head, err, eventlog.TwoFactorEnabled)
	if u, _ := done.Tables.User(w.ada); !u.TwoFactorEnabled || len(made.Secret) != 32 || len(made.BackupCodes) != 10 {
		t.Errorf("enabled: %v, made %+v", u.TwoFactorEnabled, made)
	}
	// A code from the URI is one of the secret's.
	key, err := otp.NewKeyFromURL(made.URI)
	if err != nil || key.Issuer() != "The shop" || key.AccountName() != "ada@example.com" || key.Secret() != made.SecretBase32 {
		t.Fatalf("%s is read as %v, %v", made.URI, key, err)
	}
	at := time.UnixMilli(noon)
	code, err := totp.GenerateCode(key.Secret(), at)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := totp.ValidateCustom(code, made.SecretBase32, at, totp.ValidateOpts{Period: 30, Digits: otp.DigitsSix}); !ok || err != nil {
		t.Errorf("the code %s is not valid: %v", code, err)
	}
	if seen, err := w.TOTP(w.tables(), "shop", w.ada); err != nil || seen != made.TOTP {
		t.Errorf("TOTP = %+v, %v; want %+v", seen, err, made.TOTP)
	}
	if codes, err := w.BackupCodes(w.tables(), "shop", w.ada); err != nil || codes != nil {
		t.Errorf("BackupCodes = %v, %v; want none to look at", codes, err)
	}

	// The repeat shows the secret, and not the codes: nobody has them any more.
	again, remade, err := w.EnableTwoFactor(ctx, once("k", "enable"), commands.TwoFactorEnable{UserID: w.ada})
	if err != nil || !again.Repeat || remade.TOTP != made.TOTP || remade.BackupCodes != nil {
		t.Errorf("the repeat: %+v, %v", remade, err)
	}

	before := w.factorBox(w.ada)
	head = w.log.Head()
	_, codes, err := w.GenerateBackupCodes(ctx, inShop, commands.BackupCodesGenerate{UserID: w.ada})
	w.did(head, err, eventlog.TwoFactorBackupCodesGenerated)
	after := w.factorBox(w.ada)
	if len(codes) != 10 || after.Secret != made.Secret || len(after.BackupCodes) != 10 || slices.Contains(before.BackupCodes, after.BackupCodes[0]) {
		t.Errorf("new codes %v; secret kept: %v", codes, after.Secret == made.Secret)
	}

	head = w.log.Head()
	done, err = w.DisableTwoFactor(ctx, inShop, w.ada)
	w.did(head, err, eventlog.TwoFactorDisabled)
	if _, left := done.Tables.TwoFactor(w.ada); left {
		t.Error("the second factor is still there")
	}
	head = w.log.Head()
	_, err = w.DisableTwoFactor(ctx, inShop, w.ada)
	w.did(head, err)
}

func TestBackupCodesAreKeptAsHashes(t *testing.T) {
	w := newTown(t)
	_, made, err := w.EnableTwoFactor(t.Context(), inShop, commands.TwoFactorEnable{UserID: w.ada})
	if err != nil {
		t.Fatal(err)
	}
	f := w.factorBox(w.ada)
	if f.Viewable != nil {
		t.Error("the codes can be looked at")
	}
	for i, code := range made.BackupCodes {
		sum := sealer.MAC(seal.Object{Class: seal.TwoFactor, Project: "shop", ID: w.ada}, []byte(code))
		if want := hex.EncodeToString(sum[:]); f.BackupCodes[i] != want {
			t.Errorf("code %d is kept as %s, want %s", i, f.BackupCodes[i], want)
		}
	}
	for _, r := range w.records() {
		for _, secret := range append(made.BackupCodes, made.Secret, made.SecretBase32) {
			if bytes.Contains(r.Metadata, []byte(secret)) || bytes.Contains(r.Sealed, []byte(secret)) {
				t.Errorf("event %d holds %s in clear", r.Seq, secret)
			}
		}
	}
}

func TestBackupCodesThatCanBeLookedAt(t *testing.T) {
	w := newTown(t)
	ctx := t.Context()
	_, made, err := w.EnableTwoFactor(ctx, once("k", "enable"), commands.TwoFactorEnable{UserID: w.ada, KeepCodes: true})
	if err != nil {
		t.Fatal(err)
	}
	if codes, err := w.BackupCodes(w.tables(), "shop", w.ada); err != nil || !slices.Equal(codes, made.BackupCodes) {
		t.Errorf("BackupCodes = %v, %v; want %v", codes, err, made.BackupCodes)
	}
	_, again, err := w.EnableTwoFactor(ctx, once("k", "enable"), commands.TwoFactorEnable{UserID: w.ada, KeepCodes: true})
	if err != nil || !slices.Equal(again.BackupCodes, made.BackupCodes) {
		t.Errorf("the repeat shows %v, %v", again.BackupCodes, err)
	}
	_, codes, err := w.GenerateBackupCodes(ctx, once("g", "generate"), commands.BackupCodesGenerate{UserID: w.ada, KeepCodes: true})
	if err != nil {
		t.Fatal(err)
	}
	_, repeated, err := w.GenerateBackupCodes(ctx, once("g", "generate"), commands.BackupCodesGenerate{UserID: w.ada, KeepCodes: true})
	if err != nil || !slices.Equal(codes, repeated) {
		t.Errorf("the repeat shows %v, %v; want %v", repeated, err, codes)
	}
}

// An application may have begun what dashd ends; the secret is the application's then.
func TestPendingSecondFactor(t *testing.T) {
	w := newTown(t)
	w.tell(eventlog.Event{Type: eventlog.TwoFactorEnabled, UserID: w.ada, Personal: eventlog.Personal{
		Metadata: []byte(`{"set":{"pending":true}}`), Origin: eventlog.Origin{Vocabulary: eventlog.VocabularyDash},
	}})
	if u, _ := w.tables().User(w.ada); u.TwoFactorEnabled {
		t.Fatal("a pending second factor is needed")
	}
	if _, err := w.TOTP(w.tables(), "shop", w.ada); err == nil {
		t.Error("dashd shows a secret it does not have")
	}
	head := w.log.Head()
	done, err := w.CompleteTwoFactor(t.Context(), inShop, w.ada)
	w.did(head, err, eventlog.TwoFactorEnabled)
	if u, _ := done.Tables.User(w.ada); !u.TwoFactorEnabled {
		t.Error("the second factor is not needed")
	}

	// One that was begun and not ended is replaced.
	w.tell(eventlog.Event{Type: eventlog.TwoFactorEnabled, UserID: w.eve, Personal: eventlog.Personal{
		Metadata: []byte(`{"set":{"pending":true}}`), Origin: eventlog.Origin{Vocabulary: eventlog.VocabularyDash},
	}})
	if _, made, err := w.EnableTwoFactor(t.Context(), inShop, commands.TwoFactorEnable{UserID: w.eve}); err != nil || w.factorBox(w.eve).Secret != made.Secret {
		t.Errorf("EnableTwoFactor: %v", err)
	}
}
