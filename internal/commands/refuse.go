package commands

import (
	"fmt"
	"strings"

	"dashd/internal/errs"
)

// refuse is the refusal of a command. Its code is its message in capitals with
// underscores, as clients of the dashboard's API expect.
func refuse(kind errs.Kind, format string, args ...any) error {
	message := fmt.Sprintf(format, args...)
	return errs.New(kind, codeOf(message), "%s", message)
}

// codeOf turns a message into a code: "User not found" is USER_NOT_FOUND.
func codeOf(message string) string {
	words := strings.FieldsFunc(message, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	})
	return strings.ToUpper(strings.Join(words, "_"))
}
