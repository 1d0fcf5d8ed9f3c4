package geo

import (
	"context"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Run uses the operator's file from when it is there, and each new one that comes in its
// place, until ctx ends. Beside what the file system says of the directory, it looks each
// ten minutes: not every file system says anything.
func (l *Locator) Run(ctx context.Context) error {
	if l.o.File == "" || l.o.Precision == None {
		<-ctx.Done()
		return nil
	}
	var changes watcher
	defer changes.close()
	look := time.NewTimer(0)
	defer look.Stop()
	armed := true
	poll := time.NewTicker(l.every)
	defer poll.Stop()
	again := time.NewTimer(l.every)
	again.Stop()
	defer again.Stop()
	pause := l.retry
	for {
		changes.open(l)
		select {
		case <-ctx.Done():
			return nil
		case e, ok := <-changes.events():
			switch {
			case !ok:
				changes.close()
			case filepath.Base(e.Name) == filepath.Base(l.o.File) || !armed:
				// Of the file itself: it may be being written. Of another one: it may be
				// what the file is a link to.
				look.Reset(l.settle)
				armed = true
			}
		case <-look.C:
			armed = false
			_ = l.Reload() // it has said why
		case <-changes.errors(): // some events were lost
			_ = l.Reload()
		case <-poll.C:
			changes.close() // the directory may have been replaced
			_ = l.Reload()
		case <-l.wake:
			pause = l.retry
			again.Reset(0)
		case <-again.C:
			if !l.deliver(ctx) {
				again.Reset(pause)
				pause = min(2*pause, l.every)
			}
		}
	}
}

// deliver reports what is pending, and returns false if some of it still is.
func (l *Locator) deliver(ctx context.Context) bool {
	for {
		l.mu.Lock()
		if len(l.pending) == 0 {
			l.mu.Unlock()
			return true
		}
		c := l.pending[0]
		l.mu.Unlock()
		if err := l.o.Report(ctx, c); err != nil {
			l.log.Warn("what became of the geo file could not be reported; it is tried again", "err", err)
			return false
		}
		l.mu.Lock()
		if len(l.pending) > 0 && l.pending[0] == c { // it may have been forgotten meanwhile
			l.pending = l.pending[1:]
		}
		l.mu.Unlock()
	}
}

// watcher tells of changes in the directory of the file. Without one, Run polls.
type watcher struct{ w *fsnotify.Watcher }

// open makes a watcher if there is none. It is tried each time something else happens:
// the directory may come later.
func (w *watcher) open(l *Locator) {
	if w.w != nil {
		return
	}
	made, err := fsnotify.NewWatcher()
	if err == nil {
		if err = made.Add(filepath.Dir(l.o.File)); err != nil {
			_ = made.Close() // it watches nothing
		}
	}
	if err != nil {
		l.log.Warn("the directory of the geo file cannot be watched; the file is looked at now and then", "err", err)
		return
	}
	w.w = made
}

func (w *watcher) events() <-chan fsnotify.Event {
	if w.w == nil {
		return nil
	}
	return w.w.Events
}

func (w *watcher) errors() <-chan error {
	if w.w == nil {
		return nil
	}
	return w.w.Errors
}

func (w *watcher) close() {
	if w.w != nil {
		_ = w.w.Close() // there is nothing to lose
		w.w = nil
	}
}
