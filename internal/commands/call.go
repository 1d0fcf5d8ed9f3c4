package commands

import (
	"crypto/rand"
	"crypto/sha256"

	"dashd/projections"
)

// Call is what a command to a project's tables carries besides what it asks for.
type Call struct {
	By      projections.Principal
	Project string
	// Actor is the operator as the events name him: the key's id, or who a signed
	// token says has sent it.
	Actor          string
	IdempotencyKey string // may be empty
	// Request is all that was asked. A repeat under the same IdempotencyKey asks the
	// same. It may hold secrets: the log has a MAC of it.
	Request string
}

// The alphabet and the length of the ids of rows, which are those of Better Auth.
const (
	idAlphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	idLength   = 32
)

// newID makes the id of a row the command may make. what tells apart the rows of one
// command. A repeat of the call gets the same ids, so that it can find the rows.
func (c Call) newID(what string) string {
	if c.IdempotencyKey == "" {
		return randomText(idLength)
	}
	sum := sha256.Sum256([]byte(derive("row", c.By.KeyID, c.Project, c.IdempotencyKey, what)))
	id := make([]byte, idLength)
	for i, b := range sum {
		id[i] = idAlphabet[int(b)%len(idAlphabet)]
	}
	return string(id)
}

// randomText returns n random characters of idAlphabet, each equally likely.
func randomText(n int) string {
	const fair = 256 - 256%len(idAlphabet)
	text := make([]byte, 0, n)
	var buf [64]byte
	for len(text) < n {
		_, _ = rand.Read(buf[:]) // never fails
		for _, b := range buf {
			if int(b) < fair && len(text) < n {
				text = append(text, idAlphabet[int(b)%len(idAlphabet)])
			}
		}
	}
	return string(text)
}
