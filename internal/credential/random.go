package credential

import (
	"crypto/rand"
	"strings"
)

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// passwordLength is that of a password nobody has chosen: 71 bits.
const passwordLength = 12

// NewPassword makes a password of 12 letters and digits.
func NewPassword() string { return random(letters, passwordLength) }

// Backup codes: 10 of them, each of 10 letters and digits with a hyphen in the middle.
const (
	backupCodes    = 10
	backupCodeHalf = 5
)

// NewBackupCodes makes a set of backup codes, each like aB0dE-fG0iJ.
func NewBackupCodes() []string {
	codes := make([]string, backupCodes)
	for i := range codes {
		codes[i] = random(letters, backupCodeHalf) + "-" + random(letters, backupCodeHalf)
	}
	return codes
}

// random returns n characters of the alphabet, each equally likely.
func random(alphabet string, n int) string {
	fair := 256 - 256%len(alphabet) // a byte from here on would favour the first characters
	var text strings.Builder
	var buf [64]byte
	for {
		_, _ = rand.Read(buf[:]) // never fails
		for _, b := range buf {
			if text.Len() == n {
				return text.String()
			}
			if int(b) < fair {
				text.WriteByte(alphabet[int(b)%len(alphabet)])
			}
		}
	}
}
