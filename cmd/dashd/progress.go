package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress shows how far a piece of work is, with its rate and the time left: as a bar on a terminal, or
// as lines of JSON for another program. It shows nothing where nobody looks.
type progress struct {
	bar  *progressbar.ProgressBar
	base uint64

	lines io.Writer // nil: none
	to    uint64
	phase string
	began time.Time
	due   time.Time // of the next line
}

// newProgress shows a bar on a terminal.
func newProgress(w io.Writer, from, to uint64, quiet bool) *progress {
	p := &progress{base: from - 1}
	f, isFile := w.(*os.File)
	if quiet || !isFile || !term.IsTerminal(int(f.Fd())) || to < from {
		return p
	}
	p.bar = progressbar.NewOptions64(int64(to-from+1),
		progressbar.OptionSetWriter(w), progressbar.OptionShowCount(), progressbar.OptionShowIts(),
		progressbar.OptionSetItsString("events"), progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(true),
		progressbar.OptionShowElapsedTimeOnFinish())
	return p
}

// newProgress shows the progress of a replay as its options say.
func (o *replayOptions) newProgress(w io.Writer, from, to uint64) *progress {
	if !o.progressJSON {
		return newProgress(w, from, to, o.quiet)
	}
	now := time.Now()
	return &progress{base: from - 1, lines: w, to: to, began: now, due: now.Add(time.Second)}
}

// does says what the work is doing.
func (p *progress) does(phase string) {
	p.phase = phase
	if p.bar != nil {
		p.bar.Describe(phase)
	}
}

// until says that there is more to do than was known.
func (p *progress) until(seq uint64) {
	p.to = seq
	if p.bar != nil && seq > p.base {
		p.bar.ChangeMax64(int64(seq - p.base))
	}
}

// at says that everything up to seq is done.
func (p *progress) at(seq uint64) {
	if seq <= p.base {
		return
	}
	if p.bar != nil {
		_ = p.bar.Set64(int64(seq - p.base)) // a terminal that cannot be written to is no reason to stop
	}
	if p.lines == nil {
		return
	}
	if now := time.Now(); now.After(p.due) {
		p.due = now.Add(time.Second)
		p.line(seq, now)
	}
}

// progressLine is a line of progress for another program.
type progressLine struct {
	Phase    string  `json:"phase,omitempty"`
	Seq      uint64  `json:"seq"`
	To       uint64  `json:"to"`
	PerSec   float64 `json:"eventsPerSecond"`
	SecsLeft float64 `json:"secondsLeft"`
}

func (p *progress) line(seq uint64, now time.Time) {
	l := progressLine{Phase: p.phase, Seq: seq, To: p.to}
	l.PerSec = float64(seq-p.base) / max(now.Sub(p.began).Seconds(), 1e-9)
	if p.to > seq {
		l.SecsLeft = float64(p.to-seq) / max(l.PerSec, 1e-9)
	}
	text, err := json.Marshal(l)
	if err == nil {
		_, _ = fmt.Fprintf(p.lines, "%s\n", text) // nobody reading is no reason to stop
	}
}

func (p *progress) finish() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
