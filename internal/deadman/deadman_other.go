//go:build !linux

package deadman

import (
	"errors"
	"time"
)

type timer struct{}

func newTimer() (timer, error) { return timer{}, errors.ErrUnsupported }

func (timer) set(time.Duration) {}
