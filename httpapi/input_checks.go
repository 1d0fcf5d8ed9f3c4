package httpapi

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// check finds out what is wrong with a text: a reason, in the words of the reference,
// or "".
type check func(string) string

// atLeast refuses a text of fewer than n characters.
func atLeast(n int) check {
	return func(text string) string {
		if length(text) >= n {
			return ""
		}
		return fmt.Sprintf("Too small: expected string to have >=%d characters", n)
	}
}

// atMost refuses a text of more than n characters.
func atMost(n int) check {
	return func(text string) string {
		if len(text) <= n || length(text) <= n {
			return ""
		}
		return fmt.Sprintf("Too big: expected string to have <=%d characters", n)
	}
}

// length counts as JavaScript does: in units of UTF-16.
func length(text string) int {
	n := 0
	for _, c := range text {
		if n++; c > 0xffff {
			n++
		}
	}
	return n
}

// oneOf refuses any other text.
func oneOf(values ...string) check {
	return func(text string) string {
		if slices.Contains(values, text) {
			return ""
		}
		return `Invalid option: expected one of "` + strings.Join(values, `"|"`) + `"`
	}
}

// The forms of texts. Those of an e-mail address are the reference's.
var (
	emailForm = regexp.MustCompile(`^[A-Za-z0-9_'+\-.]*[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9-]*\.)+[A-Za-z]{2,}$`)
	slugForm  = regexp.MustCompile(`^[a-z0-9-]+$`)
	roleForm  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)
)

// maxEmail is the length of the longest address that mail can be sent to.
const maxEmail = 254

// email refuses what is no e-mail address.
func email(text string) string {
	if len(text) > maxEmail || strings.HasPrefix(text, ".") || strings.Contains(text, "..") || !emailForm.MatchString(text) {
		return "Invalid email address"
	}
	return ""
}

// slug refuses what cannot stand for an organization in a URL.
func slug(text string) string {
	switch {
	case text == "":
		return "Slug is required"
	case !slugForm.MatchString(text):
		return "Slug can only contain lowercase letters, numbers, and hyphens"
	}
	return atMost(maxID)(text)
}

// role refuses what cannot be the name of a role.
func role(text string) string {
	switch {
	case text == "":
		return "Role is required"
	case len(text) > 64:
		return "Role is too long"
	case !roleForm.MatchString(text):
		return "Role must start with a letter and contain only letters, numbers, hyphens, and underscores"
	}
	return ""
}

// httpURL refuses what cannot be fetched, and what carries a password.
func httpURL(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || len(text) > 2048 {
		return "URL must be a valid http(s) URL without credentials"
	}
	return ""
}
