package eventlog_test

import (
	"testing"

	"dashd/eventlog"
)

const signIn = `{"userId":"dGOJq3gGmB1k0sQ2","userName":"Ada Lovelace","userEmail":"ada@example.com",` +
	`"sessionId":"9P1pS2bX7c","loginMethod":"email","userAgent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",` +
	`"triggeredBy":"dGOJq3gGmB1k0sQ2","triggerContext":"user"}`

func signInEvent() eventlog.Event {
	e := eventlog.Event{
		ID: "7c5c1f0e-6a55-4d5e-9f0f-2b6f6d6a1f11", Project: "default", Type: eventlog.UserLoggedIn,
		Time: now, UserID: "dGOJq3gGmB1k0sQ2", SessionID: "9P1pS2bX7c", Key: "dGOJq3gGmB1k0sQ2",
		CountryCode: "DE", GivenID: true, GivenTime: true,
	}
	e.Metadata, e.IPAddress = []byte(signIn), "203.0.113.7"
	e.UserAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"
	e.Origin = eventlog.Origin{Vocabulary: eventlog.VocabularyDash, Type: "user_signed_in", DisplayName: "Signed in via email"}
	return e
}

// What taking in an event costs beyond reading its JSON.
func BenchmarkCheck(b *testing.B) {
	e := signInEvent()
	b.ReportAllocs()
	for b.Loop() {
		if err := e.Check(now); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRedact(b *testing.B) {
	metadata := []byte(signIn)
	b.SetBytes(int64(len(metadata)))
	b.ReportAllocs()
	for b.Loop() {
		eventlog.Redact(metadata, nil)
	}
}

func BenchmarkMetadataText(b *testing.B) {
	metadata := []byte(signIn)
	b.ReportAllocs()
	for b.Loop() {
		eventlog.MetadataText(metadata, "loginMethod")
	}
}

func BenchmarkSeverityOf(b *testing.B) {
	for b.Loop() {
		eventlog.SeverityOf(eventlog.UserLoggedIn, eventlog.Success, eventlog.SeverityNone)
	}
}

func BenchmarkCleanIP(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		eventlog.CleanIP("203.0.113.7")
	}
}

func BenchmarkSameContent(b *testing.B) {
	e, f := signInEvent(), signInEvent()
	for b.Loop() {
		if !eventlog.SameContent(&e, &f) {
			b.Fatal("differs")
		}
	}
}

// A clean event is checked where it lies: ingestion depends on it.
func TestCheckOfACleanEventDoesNotAllocate(t *testing.T) {
	e := signInEvent()
	if n := testing.AllocsPerRun(100, func() {
		if err := e.Check(now); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
