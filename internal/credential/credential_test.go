package credential_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"dashd/internal/credential"
)

func TestPasswords(t *testing.T) {
	stored := credential.HashPassword("correct horse")
	if !regexp.MustCompile(`^[0-9a-f]{32}:[0-9a-f]{128}$`).MatchString(stored) {
		t.Errorf("stored form %q", stored)
	}
	if other := credential.HashPassword("correct horse"); other == stored {
		t.Error("two hashes have the same salt")
	}
	// Made by hashPassword of better-auth 1.7.25.
	const theirs = "0140f295a03f0f1c350a8444787da4df:a87c6a25d11cd9e93d41f22ac05c84972b99d8bb1a11c0d972463d96205918c71f644a5cd7ef504cd43751adc80a47dfc23a67689278f9c693bc4c7ab63e3199"
	tests := []struct {
		name, stored, password string
		want                   bool
	}{
		{"the password", stored, "correct horse", true},
		{"another password", stored, "correct horsf", false},
		{"no password", stored, "", false},
		{"a hash Better Auth made", theirs, "pa\u0301sswörd ﬁ", true},
		{"the same characters, composed otherwise", theirs, "p\u00e1ssw\u006f\u0308rd fi", true},
		{"a hash Better Auth made of another password", theirs, "password fi", false},
		{"nothing stored", "", "", false},
		{"no salt", stored[32:], "correct horse", false},
		{"a key that is cut", stored[:len(stored)-2], "correct horse", false},
		{"no hex", stored[:len(stored)-1] + "g", "correct horse", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := credential.VerifyPassword(tt.stored, tt.password); got != tt.want {
				t.Errorf("VerifyPassword = %v, want %v", got, tt.want)
			}
		})
	}
}

// What an authenticator reads off the URI gives codes that the secret accepts.
func TestURIMakesTheCodesOfItsSecret(t *testing.T) {
	secret := credential.NewTOTPSecret()
	if !regexp.MustCompile(`^[a-zA-Z0-9_-]{32}$`).MatchString(secret) {
		t.Errorf("secret %q", secret)
	}
	uri := credential.TOTPURI(secret, "Acme & Söhne", "ada+x@example.com")
	key, err := otp.NewKeyFromURL(uri)
	if err != nil {
		t.Fatal(err)
	}
	if key.Issuer() != "Acme & Söhne" || key.AccountName() != "ada+x@example.com" || key.Period() != 30 ||
		key.Digits() != otp.DigitsSix || key.Algorithm() != otp.AlgorithmSHA1 {
		t.Errorf("%s is read as issuer %q, account %q, period %d, digits %v", uri, key.Issuer(), key.AccountName(), key.Period(), key.Digits())
	}
	at := time.Unix(1_750_000_000, 0)
	code, err := totp.GenerateCode(key.Secret(), at)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := totp.ValidateCustom(code, credential.Base32(secret), at, totp.ValidateOpts{Period: 30, Digits: otp.DigitsSix}); !ok || err != nil {
		t.Errorf("the secret does not accept the code of its URI: %v", err)
	}
}

func TestURIIsWrittenAsBetterAuthWritesIt(t *testing.T) {
	const want = "otpauth://totp/Acme:ada%40example.com?secret=MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43UOV3HO6DZPIYDCMRTGQ2Q&issuer=Acme&digits=6&period=30"
	if got := credential.TOTPURI("abcdefghijklmnopqrstuvwxyz012345", "Acme", "ada@example.com"); got != want {
		t.Errorf("TOTPURI\n got %s\nwant %s", got, want)
	}
	for _, hostile := range []string{"a:b", "a?secret=x", "a&secret=x", "a#b", "ä", "a%20b", "a/b"} {
		u, err := url.Parse(credential.TOTPURI("s", hostile, hostile))
		if err != nil || len(u.Query()) != 4 || u.Query().Get("issuer") != hostile || u.Fragment != "" {
			t.Errorf("%q is read as %v, %v", hostile, u, err)
		}
	}
}

func TestBackupCodes(t *testing.T) {
	codes := credential.NewBackupCodes()
	seen := map[string]bool{}
	for _, c := range codes {
		if !regexp.MustCompile(`^[a-zA-Z0-9]{5}-[a-zA-Z0-9]{5}$`).MatchString(c) || seen[c] {
			t.Errorf("code %q", c)
		}
		seen[c] = true
	}
	if len(codes) != 10 {
		t.Errorf("%d codes", len(codes))
	}
}

// Each character is as likely as any other: over many, none is far from its share.
func TestRandomTextIsEven(t *testing.T) {
	const n = 20_000
	count := map[rune]int{}
	for range n {
		for _, c := range credential.NewPassword() {
			count[c]++
		}
	}
	want := n * 12 / 62
	if len(count) != 62 {
		t.Errorf("%d different characters, want 62", len(count))
	}
	for c, got := range count {
		if got < want*3/4 || got > want*5/4 { // 15 standard deviations
			t.Errorf("%q came %d times, want about %d", c, got, want)
		}
	}
	if p := credential.NewPassword(); len(p) != 12 || strings.TrimSpace(p) != p {
		t.Errorf("password %q", p)
	}
}
