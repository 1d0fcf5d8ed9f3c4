// Package module builds and names what comes from the modules of this go.mod.
package module

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"

	"dashd/bench/peers/internal/peer"
)

// Tool builds a main package that go.mod lists as a tool, without cgo, and returns where the program is: in Go's build cache, so that it is linked
// once and not for each start. The first build takes a minute or more. The working directory must be in this module.
// The error wraps peer.ErrMissing, since a server that cannot be built is not there.
func Tool(ctx context.Context, pkg string) (string, error) {
	c := exec.CommandContext(ctx, "go", "tool", "-n", pkg)
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("%s is %w, it could not be built: %w: %s", pkg, peer.ErrMissing, err, bytes.TrimSpace(stderr.Bytes()))
	}
	path := string(bytes.TrimSpace(out))
	if !filepath.IsAbs(path) {
		return "", fmt.Errorf("%s is %w: go tool -n printed %q", pkg, peer.ErrMissing, path)
	}
	return path, nil
}

// Version is what version of a module this program was built from; "" if it was built without.
func Version(path string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, m := range info.Deps {
		if m.Path == path {
			return m.Version
		}
	}
	return ""
}
