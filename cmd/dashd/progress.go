package main

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress shows how far a replay is, with its rate and the time left. It shows
// nothing where nobody looks.
type progress struct {
	bar  *progressbar.ProgressBar
	base uint64
}

func newProgress(w io.Writer, from, to uint64, quiet bool) *progress {
	p := &progress{base: from - 1}
	f, isFile := w.(*os.File)
	if quiet || !isFile || !term.IsTerminal(int(f.Fd())) || to < from {
		return p
	}
	p.bar = progressbar.NewOptions64(int64(to-from+1),
		progressbar.OptionSetWriter(w), progressbar.OptionShowCount(), progressbar.OptionShowIts(),
		progressbar.OptionSetItsString("events"), progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(true))
	return p
}

// at says that everything up to seq is done.
func (p *progress) at(seq uint64) {
	if p.bar != nil && seq > p.base {
		_ = p.bar.Set64(int64(seq - p.base)) // a terminal that cannot be written to is no reason to stop
	}
}

func (p *progress) finish() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
