package findings

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Found is what a scenario has found of events, in each record.
type Found struct {
	Acknowledged int `json:"acknowledged"`
	Unknown      int `json:"unknown"`  // without an answer
	Survived     int `json:"survived"` // of those, in the log
	Lost         int `json:"lost"`
	Duplicated   int `json:"duplicated"`
	Wrong        int `json:"wrong"` // content, position or answer
}

// Plus is f and more.
func (f Found) Plus(more Found) Found {
	f.Acknowledged += more.Acknowledged
	f.Unknown += more.Unknown
	f.Survived += more.Survived
	f.Lost += more.Lost
	f.Duplicated += more.Duplicated
	f.Wrong += more.Wrong
	return f
}

// Commit is that of the tree under test.
func Commit() string {
	out, err := exec.Command("git", "rev-parse", "--short=10", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// ReplaceFile writes a file whole or not at all.
func ReplaceFile(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", text, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
