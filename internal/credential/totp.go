package credential

import (
	"encoding/base32"
	"strings"
)

// totpSecretLength is that of a TOTP secret, in characters: 192 bits.
const totpSecretLength = 32

// NewTOTPSecret makes the text whose UTF-8 bytes are the key of a user's one-time
// codes. It is not what a person can type into an authenticator: see [Base32].
func NewTOTPSecret() string { return random(letters+"-_", totpSecretLength) }

// Base32 is a TOTP secret as authenticators take it.
func Base32(secret string) string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString([]byte(secret))
}

// TOTPURI is what an authenticator reads off a QR code: codes of 6 digits that hold
// for 30 seconds, by HMAC-SHA-1.
//
// A space is %20 everywhere. Better Auth writes + in the query, which authenticators
// that follow RFC 3986 show as it is.
func TOTPURI(secret, issuer, account string) string {
	return "otpauth://totp/" + component(issuer) + ":" + component(account) +
		"?secret=" + Base32(secret) + "&issuer=" + component(issuer) + "&digits=6&period=30"
}

// component is encodeURIComponent of JavaScript.
func component(s string) string {
	const hexDigits, plain = "0123456789ABCDEF", letters + "-_.!~*'()"
	var b strings.Builder
	for _, c := range []byte(s) {
		if strings.IndexByte(plain, c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hexDigits[c>>4])
		b.WriteByte(hexDigits[c&15])
	}
	return b.String()
}
