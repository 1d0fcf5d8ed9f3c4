package commands

import (
	"encoding/json"
	"strings"
)

// secrets are those of an SSO provider, by their names in its config.
type secrets map[string]string

const (
	clientSecret  = "clientSecret"
	privateKey    = "privateKey"
	decryptionKey = "decryptionPvk"
)

const (
	masked = "****"
	// From this length on, a mask shows the last four characters: of anything shorter they
	// would be too much.
	tellable = 12
)

// mask is what is shown of a secret. Of a key in PEM it is the end of the key, not that of the
// line that closes it.
func mask(secret string) string {
	body := strings.TrimSpace(secret)
	if before, _, ok := strings.Cut(body, "\n-----END"); ok {
		body = strings.TrimSpace(before)
	}
	if len(body) < tellable {
		return masked
	}
	return masked + body[len(body)-4:]
}

// unmask returns what a text of a request stands for: itself, or the stored secret if it is
// the mask of that, or absent. ok is false if it stands for nothing.
func (s secrets) unmask(name, text string) (secret string, ok bool) {
	stored := s[name]
	if text == "" || strings.HasPrefix(text, masked) && len(text) <= len(masked)+4 {
		return stored, stored != "" && (text == "" || text == mask(stored))
	}
	return text, true
}

// encode is the form in which secrets are sealed.
func (s secrets) encode() []byte {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // texts always have a JSON form
	}
	return text
}
