package kv_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"dashd/internal/kv"
)

// If this fails, Badger does not tell of its tables any more, or in other words: compactions take all
// of the processors' time again.
func TestCompactionsAreToldOf(t *testing.T) {
	db := open(t, t.TempDir())
	rng := rand.NewChaCha8([32]byte{})
	val := make([]byte, 64<<10)
	for i := range 200 {
		err := db.Write(func(put func(key, val []byte) error) error {
			rng.Read(val)
			return put(fmt.Appendf(nil, "%08d", i), val)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil { // into level 0
		t.Fatal(err)
	}
	if kv.Rests(db) == 0 {
		t.Error("no rest after a table")
	}
}

func TestRests(t *testing.T) {
	for _, tt := range []struct {
		worked    time.Duration
		levelZero int
		want      time.Duration
	}{
		{10 * time.Millisecond, 0, 90 * time.Millisecond},
		{10 * time.Millisecond, 15, 90 * time.Millisecond},
		{10 * time.Millisecond, 17, 54 * time.Millisecond},
		{10 * time.Millisecond, 19, 18 * time.Millisecond},
		{10 * time.Millisecond, 20, 0},
		{10 * time.Millisecond, 30, 0},
		{time.Minute, 15, time.Second},
		{time.Minute, 18, 400 * time.Millisecond},
		{0, 0, 0},
	} {
		if got := kv.RestAfter(tt.worked, tt.levelZero); got != tt.want {
			t.Errorf("after %v, with %d tables in level 0: %v; want %v", tt.worked, tt.levelZero, got, tt.want)
		}
	}
}
