package eventlog_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"dashd/eventlog"
)

const (
	now   = int64(1_795_000_000_000)
	hours = int64(60 * 60 * 1000)
)

func TestCheckRefuses(t *testing.T) {
	tests := []struct {
		name   string
		change func(*eventlog.Event)
		code   string
	}{
		{"no type", func(e *eventlog.Event) { e.Type = "" }, eventlog.InvalidType},
		{"a type outside the grammar", func(e *eventlog.Event) { e.Type = "NOPE!" }, eventlog.InvalidType},
		{"a type with a control character", func(e *eventlog.Event) { e.Type = "user.\x00" }, eventlog.InvalidType},
		{"a reserved type", func(e *eventlog.Event) { e.Type = "dashd.export.created" }, eventlog.ReservedType},
		{"a reserved type in other words", func(e *eventlog.Event) { e.Type = "dashd_key_created" }, eventlog.ReservedType},
		{"an id with a space", func(e *eventlog.Event) { e.ID = "a b" }, eventlog.InvalidID},
		{"an id of 129 characters", func(e *eventlog.Event) { e.ID = strings.Repeat("a", 129) }, eventlog.InvalidID},
		{"a status without a name", func(e *eventlog.Event) { e.Status = 2 }, eventlog.InvalidStatus},
		{"a source without a name", func(e *eventlog.Event) { e.Source = 2 }, eventlog.InvalidSource},
		{"a vocabulary without a name", func(e *eventlog.Event) { e.Origin.Vocabulary = 99 }, eventlog.InvalidEvent},
		{"a time more than a day ahead", func(e *eventlog.Event) { e.Time, e.GivenTime = now+24*hours+1, true }, eventlog.InvalidTimestamp},
		{"a time that RFC 3339 cannot write", func(e *eventlog.Event) { e.Time, e.GivenTime = -62167219200001, true }, eventlog.InvalidTimestamp},
		{"a long user id", func(e *eventlog.Event) { e.UserID = strings.Repeat("u", 256) }, eventlog.InvalidEvent},
		{"a user id that is long once cleaned", func(e *eventlog.Event) { e.UserID = strings.Repeat("\n", 86) }, eventlog.InvalidEvent},
		{"a long session id", func(e *eventlog.Event) { e.SessionID = strings.Repeat("u", 256) }, eventlog.InvalidEvent},
		{"a long organization id", func(e *eventlog.Event) { e.OrganizationID = strings.Repeat("u", 256) }, eventlog.InvalidEvent},
		{"a long actor id", func(e *eventlog.Event) { e.ActorID = strings.Repeat("u", 256) }, eventlog.InvalidEvent},
		{"a long key", func(e *eventlog.Event) { e.Key = strings.Repeat("u", 256) }, eventlog.InvalidEvent},
		{"metadata that is no object", func(e *eventlog.Event) { e.Metadata = []byte(` ["a"]`) }, eventlog.InvalidEvent},
		{"metadata over 64 KiB", func(e *eventlog.Event) { e.Metadata = metadataOf(eventlog.MaxMetadataLen + 1) }, eventlog.MetadataTooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := &eventlog.Event{Type: eventlog.UserJoined}
			tt.change(e)
			err := e.Check(now)
			var p *eventlog.Problem
			if !errors.As(err, &p) || p.Code != tt.code || p.Error() == "" {
				t.Errorf("Check = %v, want a problem with code %s", err, tt.code)
			}
		})
	}
}

// metadataOf returns an object of n bytes.
func metadataOf(n int) []byte {
	return []byte(`{"k":"` + strings.Repeat("v", n-8) + `"}`)
}

func TestCheckNormalises(t *testing.T) {
	tests := []struct {
		name   string
		change func(e *eventlog.Event) // what arrives
		want   func(e *eventlog.Event) // and what becomes of a plain event instead
	}{
		{
			"a canonical type leaves no trace of its name",
			func(*eventlog.Event) {}, func(*eventlog.Event) {},
		},
		{
			"an alias is remembered",
			func(e *eventlog.Event) { e.Type = "user_signed_up" },
			func(e *eventlog.Event) { e.Origin.Type = "user_signed_up" },
		},
		{
			"a name that internal/wire remembered stays",
			func(e *eventlog.Event) { e.Type, e.Origin.Type = "user_signed_up", "other" },
			func(e *eventlog.Event) { e.Origin.Type = "other" },
		},
		{
			"the metadata tells which type a name means",
			func(e *eventlog.Event) {
				e.Type, e.Metadata = "account_linked", []byte(`{"providerId":"credential"}`)
			},
			func(e *eventlog.Event) {
				e.Type, e.Origin.Type, e.Metadata = eventlog.AccountLinked, "account_linked", []byte(`{"providerId":"credential"}`)
			},
		},
		{
			"dashd may use its reserved types",
			func(e *eventlog.Event) {
				e.Type, e.Origin.Vocabulary = eventlog.DashdKeyCreated, eventlog.VocabularyDashd
			},
			func(e *eventlog.Event) {
				e.Type, e.Origin.Vocabulary = eventlog.DashdKeyCreated, eventlog.VocabularyDashd
			},
		},
		{
			"an id of 128 characters",
			func(e *eventlog.Event) { e.ID, e.GivenID = strings.Repeat("aZ9._:-x", 16), true },
			func(e *eventlog.Event) { e.ID, e.GivenID = strings.Repeat("aZ9._:-x", 16), true },
		},
		{
			"an empty id was not given",
			func(e *eventlog.Event) { e.GivenID = true }, func(*eventlog.Event) {},
		},
		{
			"a time a day ahead",
			func(e *eventlog.Event) { e.Time, e.GivenTime = now+24*hours, true },
			func(e *eventlog.Event) { e.Time, e.GivenTime = now+24*hours, true },
		},
		{
			"a time before 1970",
			func(e *eventlog.Event) { e.Time, e.GivenTime = -1, true },
			func(e *eventlog.Event) { e.Time, e.GivenTime = -1, true },
		},
		{
			"a time that was not given",
			func(e *eventlog.Event) { e.Time = 5 }, func(*eventlog.Event) {},
		},
		{
			"a severity without a name is dropped",
			func(e *eventlog.Event) { e.Shown = 9 }, func(*eventlog.Event) {},
		},
		{
			"a given key stays",
			func(e *eventlog.Event) { e.Key = "visitor" }, func(e *eventlog.Event) { e.Key = "visitor" },
		},
		{
			"control characters and bytes that are no UTF-8 are replaced, tabs are not",
			func(e *eventlog.Event) {
				e.UserID, e.Message, e.UserAgent, e.City = "u\n1", "a\tb\x7f", "x\u0085\xff", "M\u00fcnchen\r"
			},
			func(e *eventlog.Event) {
				e.UserID, e.Key = "u\ufffd1", "u\ufffd1"
				e.Message, e.UserAgent, e.City = "a\tb\ufffd", "x\ufffd\ufffd", "M\u00fcnchen\ufffd"
			},
		},
		{
			"long text is cut between runes",
			func(e *eventlog.Event) {
				e.UserAgent = strings.Repeat("x", eventlog.MaxUserAgentLen-1) + "éé"
				e.Message = strings.Repeat("é", eventlog.MaxMessageLen)
				e.City = "\n" + strings.Repeat("x", eventlog.MaxPlaceLen)
			},
			func(e *eventlog.Event) {
				e.UserAgent = strings.Repeat("x", eventlog.MaxUserAgentLen-1)
				e.Message = strings.Repeat("é", eventlog.MaxMessageLen/2)
				e.City = "\ufffd" + strings.Repeat("x", eventlog.MaxPlaceLen-3)
			},
		},
		{
			"long text that is no UTF-8 is cut too",
			func(e *eventlog.Event) { e.UserAgent = strings.Repeat("\x80", eventlog.MaxUserAgentLen+1) },
			func(e *eventlog.Event) { e.UserAgent = strings.Repeat("\ufffd", eventlog.MaxUserAgentLen/3) },
		},
		{
			"an address is found",
			func(e *eventlog.Event) { e.IPAddress = "203.0.113.7, 10.0.0.1" },
			func(e *eventlog.Event) { e.IPAddress = "203.0.113.7" },
		},
		{
			"what is no address is kept aside",
			func(e *eventlog.Event) { e.IPAddress = "unknown" },
			func(e *eventlog.Event) { e.Origin.RawIP = "unknown" },
		},
		{
			"a country code",
			func(e *eventlog.Event) { e.CountryCode = "DE" }, func(e *eventlog.Event) { e.CountryCode = "DE" },
		},
		{
			"what is no country code is dropped",
			func(e *eventlog.Event) { e.CountryCode = "de" }, func(*eventlog.Event) {},
		},
		{
			"secrets are redacted",
			func(e *eventlog.Event) { e.Metadata = []byte(`{"a":{"token":"t"}}`) },
			func(e *eventlog.Event) { e.Metadata = []byte(`{"a":{"token":"[redacted]"}}`) },
		},
		{
			"metadata of 64 KiB",
			func(e *eventlog.Event) { e.Metadata = metadataOf(eventlog.MaxMetadataLen) },
			func(e *eventlog.Event) { e.Metadata = metadataOf(eventlog.MaxMetadataLen) },
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := &eventlog.Event{Type: eventlog.UserJoined, UserID: "u1"}
			tt.change(got)
			if err := got.Check(now); err != nil {
				t.Fatal(err)
			}
			want := &eventlog.Event{Type: eventlog.UserJoined, UserID: "u1", Key: "u1", Time: now}
			want.Metadata = []byte("{}")
			tt.want(want)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("Check\n got %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestDefaultStatus(t *testing.T) {
	for name, want := range map[string]eventlog.Status{
		"login.failed":        eventlog.Failed,
		"user_sign_in_failed": eventlog.Failed,
		"user.logged_in":      eventlog.Success,
		"custom.failed":       eventlog.Success,
		"NOPE!":               eventlog.Success,
	} {
		if got := eventlog.DefaultStatus(name); got != want {
			t.Errorf("DefaultStatus(%q) = %s, want %s", name, got, want)
		}
	}
}

// Whatever arrives: Check refuses it with one of its codes, or what is left is
// bounded, clean, free of secrets, and stays as it is when checked again.
func FuzzCheck(f *testing.F) {
	f.Add("e1", "user_created", "u1", "o1", "203.0.113.7, ::1", "Mozilla", "Ada joined!", `{"token":1}`, int64(0), uint8(0))
	f.Add("", "account_linked", "\x00", "\xff", "unknown", "\u0085", "user.joined", `{"providerId":"credential"}`, now, uint8(255))
	f.Fuzz(func(t *testing.T, id, typ, user, org, ip, agent, message, metadata string, at int64, bits uint8) {
		e := &eventlog.Event{
			ID: id, Type: eventlog.Type(typ), UserID: user, OrganizationID: org, Time: at,
			GivenID: id != "", GivenTime: bits&1 != 0,
			Status: eventlog.Status(bits >> 1 & 3), Source: eventlog.Source(bits >> 3 & 3), Shown: eventlog.Severity(bits >> 5),
		}
		e.IPAddress, e.UserAgent, e.Message = ip, agent, message
		if metadata != "" {
			if !json.Valid([]byte(metadata)) {
				return
			}
			e.Metadata = []byte(metadata)
		}
		if err := e.Check(now); err != nil {
			checkProblem(t, err)
			return
		}
		checkInvariants(t, e)
		again := *e
		if err := again.Check(now); err != nil || !reflect.DeepEqual(&again, e) {
			t.Errorf("checked again: %v\n got %+v\nwant %+v", err, again, e)
		}
		if !eventlog.SameContent(e, &again) {
			t.Errorf("%+v is not the same as itself", e)
		}
	})
}

func checkProblem(t *testing.T, err error) {
	t.Helper()
	codes := []string{
		eventlog.InvalidEvent, eventlog.InvalidID, eventlog.InvalidType, eventlog.ReservedType, eventlog.InvalidStatus,
		eventlog.InvalidSource, eventlog.InvalidTimestamp, eventlog.MetadataTooLarge,
	}
	var p *eventlog.Problem
	if !errors.As(err, &p) || !slices.Contains(codes, p.Code) || !utf8.ValidString(p.Message) {
		t.Errorf("Check = %#v", err)
	}
}

func checkInvariants(t *testing.T, e *eventlog.Event) {
	t.Helper()
	for _, text := range []struct {
		name, value string
		limit       int
	}{
		{"id", e.ID, eventlog.MaxIDLen},
		{"type", string(e.Type), 100},
		{"user", e.UserID, eventlog.MaxRefLen},
		{"organization", e.OrganizationID, eventlog.MaxRefLen},
		{"key", e.Key, eventlog.MaxRefLen},
		{"address", e.IPAddress, 45},
		{"raw address", e.Origin.RawIP, eventlog.MaxOriginLen},
		{"user agent", e.UserAgent, eventlog.MaxUserAgentLen},
		{"message", e.Message, eventlog.MaxMessageLen},
		{"origin", e.Origin.Type, eventlog.MaxOriginLen},
	} {
		if len(text.value) > text.limit || eventlog.CleanText(text.value) != text.value {
			t.Errorf("%s is %q", text.name, text.value)
		}
	}
	if !eventlog.WellFormed(string(e.Type)) || e.Type.Reserved() || e.Key == "" {
		t.Errorf("type %q, key %q", e.Type, e.Key)
	}
	if e.Time > now+24*hours || len(e.Metadata) < 2 || len(e.Metadata) > eventlog.MaxMetadataLen {
		t.Errorf("time %d, %d bytes of metadata", e.Time, len(e.Metadata))
	}
	if !json.Valid(e.Metadata) || len(eventlog.Redact(e.Metadata, nil)) != len(e.Metadata) {
		t.Errorf("metadata is %q", e.Metadata)
	}
	_ = e.Status.String() + e.Source.String() + e.Shown.String() // do not panic
}
