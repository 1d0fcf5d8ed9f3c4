package httpapi_test

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
)

// Each token is asked for twice at once; one of the two is told that it is good.
func TestCheckJTIAnswersTrueOnce(t *testing.T) {
	d := start(t)
	const tokens = 1000
	work := make(chan int, 2*tokens)
	for i := range tokens {
		work <- i
		work <- i
	}
	close(work)
	var valid [tokens]atomic.Int32
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for i := range work {
				a, err := d.try(d.public, "POST", "/api/auth/check-jti", d.root, fmt.Sprintf(`{"jti":"token-%d","expiresAt":%d}`, i, d.now()/1000+300))
				switch {
				case err != nil:
					t.Error(err)
				case string(a.body) == `{"valid":true}`:
					valid[i].Add(1)
				case string(a.body) != `{"valid":false}` || a.status != http.StatusOK:
					t.Errorf("%d %s", a.status, a.body)
				}
			}
		})
	}
	wg.Wait()
	for i := range valid {
		if n := valid[i].Load(); n != 1 {
			t.Errorf("token %d was good %d times", i, n)
		}
	}
}

func TestCheckJTIOfOddTokens(t *testing.T) {
	d := start(t)
	other := d.project("other")
	later := d.now()/1000 + 300
	for _, tt := range []struct{ name, key, body, want string }{
		{"a token", d.root, fmt.Sprintf(`{"jti":"a","expiresAt":%d}`, later), "true"},
		{"the same", d.root, fmt.Sprintf(`{"jti":"a","expiresAt":%d}`, later), "false"},
		{"the same in another project", other, fmt.Sprintf(`{"jti":"a","expiresAt":%d}`, later), "true"},
		{"one that says no end", d.root, `{"jti":"b"}`, "true"},
		{"one that ends after all time", d.root, `{"jti":"c","expiresAt":1e300}`, "true"},
		{"one with half a second", d.root, fmt.Sprintf(`{"jti":"d","expiresAt":%d.5}`, later), "true"},
		{"no jti", d.root, fmt.Sprintf(`{"expiresAt":%d}`, later), "false"},
		{"an empty jti", d.root, `{"jti":""}`, "false"},
		{"one that has expired", d.root, fmt.Sprintf(`{"jti":"e","expiresAt":%d}`, later-600), "false"},
		{"one that expired in 1970", d.root, `{"jti":"f","expiresAt":0.5}`, "false"},
		{"one that never was", d.root, `{"jti":"g","expiresAt":-1e300}`, "false"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := d.call("POST", "/api/auth/check-jti", tt.key, tt.body)
			if a.status != http.StatusOK || string(a.body) != `{"valid":`+tt.want+`}` {
				t.Errorf("%d %s, want %s", a.status, a.body, tt.want)
			}
		})
	}
	d.call("POST", "/api/auth/check-jti", d.root, `{"jti":5}`).wantError(t, http.StatusBadRequest, "VALIDATION_ERROR")
	d.call("POST", "/api/auth/check-jti", d.root, `jti`).wantError(t, http.StatusBadRequest, "BAD_REQUEST")
}
